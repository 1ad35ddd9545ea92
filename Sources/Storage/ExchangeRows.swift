public import Chat
import FoundationEssentials
import GRDB

extension Database: ExchangeStore {
    public func begin(for principal: Principal, asking key: CacheKey?) async throws -> Beginning {
        let holder = try key.map { _ in try self.holder.number() }
        return try await writer.write(isPassing: true) { [self] db in
            let now = Date().stored
            if let key {
                if let answer = try Self.answer(to: key, db), answer.expires.stored > now {
                    try Self.checkLive(principal, at: now, db)
                    return .answered(answer)
                }
                if let lease = try wait(for: key, at: now, for: principal, db) { return .asked(lease) }
            }
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO reservations (session_id, number, lapses_at)
                    SELECT id, ?5, ?6 FROM sessions WHERE \(liveSession) AND messages_used + \(takenPlaces) < ?4
                    """)
            let place = Reservation(session: principal.session, number: .random(in: 0 ... .max), key: key)
            try insert.execute(arguments: [
                principal.session.rawValue, principal.user.rawValue, now, messageLimit, place.number,
                now + reservationLifetime,
            ])
            guard db.changesCount == 1 else { throw try refusal(of: principal, at: now, db) }
            if let holder { try Self.take(place, holder, until: now + reservationLifetime, db) }
            return .granted(place)
        }
    }

    public func release(_ place: Reservation, sharing failure: ModelFailure?) async throws {
        try await writer.write(isPassing: true) { db in
            try Self.giveBack(place, db)
            try Self.endLease(of: place, sharing: failure, db)
        }
    }

    public func forfeit(_ place: Reservation) async throws {
        try await writer.write { db in
            try Self.giveBack(place, db)
            try Self.endLease(of: place, sharing: nil, db)
            try db.execute(
                sql: "UPDATE sessions SET messages_used = messages_used + 1, last_activity_at = ? WHERE id = ?",
                arguments: [Date().stored, place.session.rawValue])
        }
    }

    public func record(_ draft: Exchange.Draft, place: Reservation?, caching fresh: CachedAnswer?) async throws
        -> Exchange
    {
        try await writer.write { [self] db in
            if let place {
                try Self.giveBack(place, db)
                try Self.endLease(of: place, sharing: nil, db)
            }
            let now = Date(stored: Date().stored)
            let principal = draft.principal
            // Whoever has a place was let in when he took it, and is answered even if his session has ended since.
            let count = try db.cachedStatement(
                sql: """
                    UPDATE sessions SET messages_used = messages_used + 1, last_activity_at = ?3
                    WHERE \(place == nil ? liveSession : "id = ?1 AND user_id = ?2")
                    AND messages_used + \(takenPlaces) < ?4
                    """)
            try count.execute(arguments: [
                principal.session.rawValue, principal.user.rawValue, now.stored, messageLimit,
            ])
            guard db.changesCount == 1 else { throw try refusal(of: principal, at: now.stored, db) }
            let id = try Self.nextID(now, db)
            try Self.insert(draft, id, now, db)
            if let fresh { try store(fresh, now, db) }
            return Exchange(
                id: id, conversation: draft.conversation ?? ConversationID(first: id), question: draft.question,
                answer: draft.answer, danger: draft.danger, created: now)
        }
    }

    public func turns(of conversation: ConversationID, for principal: Principal, limit: Int) async throws
        -> [ChatMessage]?
    {
        let session = principal.session
        return try await reader.read { db in
            try Self.checkLive(principal, at: Date().stored, db)
            // Its beginning may be purged while later exchanges are kept.
            let any = try db.cachedStatement(
                sql: """
                    SELECT 1 FROM exchanges WHERE id = ?1 AND conversation IS NULL AND session_id = ?2
                    UNION ALL SELECT 1 FROM exchanges WHERE conversation = ?1 AND +session_id = ?2 LIMIT 1
                    """)
            let name = conversation.first.number
            guard try Int.fetchOne(any, arguments: [name, session.rawValue]) != nil else { return nil }
            let select = try db.cachedStatement(
                sql: """
                    SELECT question, answer FROM exchanges
                    WHERE (id = ?1 OR conversation = ?1) AND session_id = ?2 AND origin <> 'held'
                    ORDER BY id DESC LIMIT ?3
                    """)
            let rows = try Row.fetchAll(select, arguments: [name, session.rawValue, (limit + 1) / 2])
            return rows.reversed().flatMap { row in
                [ChatMessage(role: .user, text: row[0]), ChatMessage(role: .assistant, text: row[1])]
            }
        }
    }

    public func history(of principal: Principal, limit: Int, before: ExchangeID?) async throws -> [Exchange] {
        try await reader.read { db in
            try Self.checkLive(principal, at: Date().stored, db)
            let select = try db.cachedStatement(
                sql: """
                    SELECT id, conversation, created_at, origin, model, provider, prompt_tokens, completion_tokens,
                        total_tokens, danger, question, answer, stale, finish_reason
                    FROM exchanges WHERE session_id = ? AND id < ? ORDER BY id DESC LIMIT ?
                    """)
            let rows = try Row.fetchAll(select, arguments: [principal.session.rawValue, before?.number ?? .max, limit])
            return rows.reversed().map(Exchange.init(row:))
        }
    }
}

/// Messages that the session ?1 has under way at the time ?3.
private let takenPlaces = "(SELECT count(*) FROM reservations WHERE session_id = ?1 AND lapses_at > ?3)"

extension Database {
    /// Why a session may send no message: it is over, or has sent them all.
    private func refusal(of principal: Principal, at now: Int64, _ db: GRDB.Database) throws -> ChatError {
        do { try Self.checkLive(principal, at: now, db) } catch let error as ChatError { return error }
        return .quotaExceeded(limit: messageLimit)
    }

    private static func giveBack(_ place: Reservation, _ db: GRDB.Database) throws {
        let now = Date().stored
        let delete = try db.cachedStatement(
            sql: "DELETE FROM reservations WHERE session_id = ? AND (number = ? OR lapses_at <= ?)")
        try delete.execute(arguments: [place.session.rawValue, place.number, now])
    }

    /// Time in the upper bits and chance in the lower ones: it tells nobody how many exchanges there are, it grows with
    /// every commit, and it fits SQLite's row id.
    private static func nextID(_ now: Date, _ db: GRDB.Database) throws -> ExchangeID {
        let last = try Int64.fetchOne(try db.cachedStatement(sql: "SELECT max(id) FROM exchanges")) ?? 0
        return ExchangeID(number: max(last + 1, now.stored << 20 | Int64.random(in: 0..<1 << 20)))
    }

    private static func insert(_ draft: Exchange.Draft, _ id: ExchangeID, _ now: Date, _ db: GRDB.Database) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO exchanges
                    (id, session_id, conversation, created_at, origin, model, provider, prompt_tokens,
                     completion_tokens, total_tokens, danger, question, answer, stale, finish_reason)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        let answer = draft.answer
        try insert.execute(arguments: [
            id.number, draft.principal.session.rawValue, draft.conversation?.first.number, now.stored,
            answer.origin.stored,
            answer.model, answer.provider, answer.usage.prompt, answer.usage.completion, answer.usage.total,
            draft.danger, draft.question, answer.text, answer.isStale, answer.finishReason.rawValue,
        ])
    }
}

extension Answer.Origin {
    fileprivate var stored: String {
        switch self {
        case .model: "model"
        case .cache: "cache"
        case .held: "held"
        }
    }

    fileprivate init(stored: String, model: String?, provider: String?) {
        self =
            switch stored {
            case "model": .model(name: model ?? "", provider: provider ?? "")
            case "cache": .cache(name: model ?? "", provider: provider ?? "")
            default: .held
            }
    }
}

extension Exchange {
    fileprivate init(row: Row) {
        let id = ExchangeID(number: row[0])
        let first: Int64? = row[1]
        self.init(
            id: id, conversation: ConversationID(first: first.map(ExchangeID.init(number:)) ?? id), question: row[10],
            answer: Answer(
                text: row[11], origin: Answer.Origin(stored: row[3], model: row[4], provider: row[5]), isStale: row[12],
                usage: TokenUsage(prompt: row[6], completion: row[7], total: row[8]),
                finishReason: FinishReason(rawValue: row[13]) ?? .stop),
            danger: row[9], created: Date(stored: row[2]))
    }
}
