public import Chat
import FoundationEssentials

private let deletion = Query(
    "INSERT OR REPLACE INTO deletions (session_id, conversation, through, deleted_at) VALUES (?, ?, ?, ?)")
private let deletionOfConversation = Query(
    "SELECT 1 FROM deletions WHERE session_id = ? AND conversation = ? AND through >= ?")
private let asking = Query("SELECT 1 FROM reservations WHERE session_id = ? AND number = ?")
private let ofSession = Query(
    """
    SELECT id, answer_key, state = 'complete', iif(answer_key IS NULL, answer, '') FROM exchanges
    WHERE session_id = ? AND id <= ? AND \(isSettled) LIMIT ?
    """)
private let followers = Query(
    """
    SELECT id, answer_key, state = 'complete', iif(answer_key IS NULL, answer, '') FROM exchanges
    WHERE conversation = ?3 AND \(isOwned) AND \(isSettled) LIMIT ?4
    """)
private let beginning = Query(
    """
    SELECT id, answer_key, state = 'complete', iif(answer_key IS NULL, answer, '') FROM exchanges
    WHERE id = ?3 AND conversation IS NULL AND \(isOwned) AND \(isSettled)
    """)
private let accounting = Query(
    """
    INSERT OR IGNORE INTO deleted_exchanges
        (id, session_id, created_at, origin, model, prompt_tokens, completion_tokens, cost, saved, estimated)
    SELECT id, session_id, created_at, origin, model, prompt_tokens, completion_tokens, cost, saved, estimated
    FROM exchanges WHERE id = ?
    """)
private let removal = Query("DELETE FROM exchanges WHERE id = ?")
private let answerTexts = Query("SELECT key, text FROM answers WHERE key > ? ORDER BY key LIMIT 256")
private let answerRemoval = Query("DELETE FROM answers WHERE key BETWEEN ? AND ?")
private let insertion = Query(
    """
    INSERT OR IGNORE INTO deleted_exchanges
        (id, session_id, created_at, origin, model, prompt_tokens, completion_tokens, cost, saved, estimated)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """)
private let known = Query("SELECT 1 FROM deleted_exchanges WHERE id = ? AND session_id = ?")

/// Deletes texts for good: SQLite overwrites what it deletes (`secure_delete`), and a checkpoint then empties the WAL, where
/// the pages stand as they were. A few hundred rows at a time, so that nobody's write waits long.
///
/// What an exchange has used and cost stays, without its texts. A question that is being asked meanwhile, by whatever
/// worker and whether or not it has a reservation, finds in its own transaction that it was deleted.
extension Database {
    public func delete(_ deletion: Deletion, for principal: Principal) async throws -> Result<Int?, Refusal> {
        let through = ExchangeID(lastAt: now())
        let begun: Result<Principal?, Refusal> = try await writer.write(durability: .relaxed) { [self] db in
            let now = now().stored
            guard let principal = try db.live(principal, at: now) else { return .failure(principal.ended) }
            return .success(try db.begin(deletion, through: through, for: principal, at: now) ? principal : nil)
        }
        let principal: Principal
        switch begun {
        case .failure(let refusal): return .failure(refusal)
        case .success(nil): return .success(nil)
        case .success(let live?): principal = live
        }
        var (count, texts) = (0, Set<String>())
        while true {
            let batch = try await writer.write(durability: .relaxed) { db in
                try db.deleteSome(deletion, through: through, for: principal)
            }
            if !batch.answers.isEmpty { purged?.announce(batch.answers) }
            count += batch.count
            texts.formUnion(batch.texts)
            if batch.isLast { break }
        }
        if !texts.isEmpty { try await removeAnswers(saying: texts) }
        do { try await emptyLog(within: .seconds(2)) } catch { throw storageError(error) }
        return .success(count)
    }

    /// For exchanges of programs that did not write down which cached answer is theirs: all answers are looked through.
    private func removeAnswers(saying texts: Set<String>) async throws {
        var last: [UInt8] = [0]
        while true {
            let page = try await reader.read { [last] db in
                try db.all(answerTexts, last) { row in (key: row.bytes(0), isOne: texts.contains(row.text(1))) }
            }
            guard let end = page.last else { return }
            last = end.key
            let found = page.filter(\.isOne).map { CacheKey.prefix(of: $0.key) }
            guard !found.isEmpty else { continue }
            try await writer.write(durability: .relaxed) { db in try db.remove(answers: found) }
            purged?.announce(found)
        }
    }
}

extension Statements {
    private static let batch = 200

    fileprivate struct Deleted {
        /// Of exchanges that were shown.
        var count = 0
        var answers: [UInt64] = []
        /// Of those whose answer in the cache nobody wrote down.
        var texts: Set<String> = []
        var isLast = true
    }

    /// - Returns: false when there is no such conversation.
    fileprivate func begin(_ deleted: Deletion, through last: ExchangeID, for principal: Principal, at now: Int64)
        throws
        -> Bool
    {
        var (conversation, through) = (Int64(0), last.number)
        if case .conversation(let id) = deleted {
            let isThere =
                try newestExchange(of: id, for: principal) != nil
                || sessions(of: principal).contains { try first(asking, $0, id.first.number) { _ in true } == true }
            guard isThere else { return false }
            (conversation, through) = (id.first.number, .max)
        }
        for session in try sessions(of: principal) {
            try run(deletion, session, conversation, through, now)
            if case .everything = deleted { try forgetContact(of: session) }
        }
        return true
    }

    fileprivate func deleteSome(_ deletion: Deletion, through last: ExchangeID, for principal: Principal) throws
        -> Deleted
    {
        var rows: [(id: Int64, answer: Int64, isShown: Bool, text: String)] = []
        func read(_ row: Columns) { rows.append((row.integer(0), row.integer(1), row.flag(2), row.text(3))) }
        switch deletion {
        case .everything:
            for session in try sessions(of: principal) where rows.count < Self.batch {
                _ = try all(ofSession, session, last.number, Self.batch, read: read)
            }
        case .conversation(let id):
            let (session, user) = (principal.session.rawValue, principal.provedUser?.rawValue)
            _ = try all(followers, session, user, id.first.number, Self.batch, read: read)
            if rows.count < Self.batch { _ = try all(beginning, session, user, id.first.number, read: read) }
        }
        var deleted = Deleted(isLast: rows.count < Self.batch)
        for row in rows {
            try run(accounting, row.id)
            try run(removal, row.id)
            if row.isShown { deleted.count += 1 }
            if !row.text.isEmpty { deleted.texts.insert(row.text) }
            if row.answer != 0 { deleted.answers.append(UInt64(bitPattern: row.answer)) }
        }
        try remove(answers: deleted.answers)
        return deleted
    }

    /// - Parameter answers: the first eight bytes of their keys.
    fileprivate func remove(answers: [UInt64]) throws {
        for answer in answers {
            let prefix = withUnsafeBytes(of: answer.bigEndian) { Array($0) }
            try run(answerRemoval, prefix, prefix + [UInt8](repeating: 0xFF, count: 25))
        }
    }

    /// Whether the texts of an exchange were deleted before it was recorded.
    func isForgotten(_ exchange: Exchange, of principal: Principal) throws -> Bool {
        let (session, id) = (principal.session.rawValue, exchange.id.number)
        return try first(deletionOfConversation, session, exchange.conversation.first.number, id) { _ in true }
            ?? first(deletionOfConversation, session, 0, id) { _ in true } ?? false
    }

    /// Whether an exchange was recorded, and then its texts were deleted.
    func wasDeleted(_ exchange: Exchange, of principal: Principal) throws -> Bool {
        try first(known, exchange.id.number, principal.session.rawValue) { _ in true } ?? false
    }

    func insertForgotten(_ exchange: Exchange, by principal: Principal) throws {
        let answer = exchange.answer
        try run(
            insertion, exchange.id.number, principal.session.rawValue, exchange.created.stored, answer.origin.stored,
            answer.model, answer.usage.prompt, answer.usage.completion, answer.cost?.picodollars,
            answer.saved?.picodollars, answer.usage.isEstimated)
    }
}
