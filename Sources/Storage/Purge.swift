public import FoundationEssentials
import GRDB

/// What is not to be kept.
public struct PurgePolicy: Sendable {
    /// Days after which an exchange goes; nil keeps them all.
    public var retentionDays: Int?
    /// Whether sessions keep addresses in clear.
    public var keepsAddresses: Bool
    /// Seconds that an answer may be given again: it is as much younger than its end.
    public var answerSeconds: Double

    public init(retentionDays: Int?, keepsAddresses: Bool, answerSeconds: Double) {
        self.retentionDays = retentionDays
        self.keepsAddresses = keepsAddresses
        self.answerSeconds = answerSeconds
    }
}

/// One round through the database that removes what is not to be kept: exchanges past their days; answers that nobody
/// may be given any more; of sessions that have ended the address in clear, and, a month later, all, once nothing refers
/// to them.
///
/// Each ``step()`` is one short read and at most one short write, which waits for no disk: a power cut may undo it, and
/// the next round does it again.
public struct Purge: Sendable {
    public struct Counts: Sendable, Equatable {
        public var exchanges = 0
        public var answers = 0
        public var sessions = 0
        public var addresses = 0

        public init() {}
    }

    private enum Stage {
        case exchanges
        case answers
        /// With the session that was looked at last.
        case sessions(end: Int64, id: String)
        case done
    }

    /// Rows of one step.
    private static let batch = 50
    private static let day: Int64 = 86_400_000
    /// Days that a session without exchanges is kept after its end.
    private static let sessionDays = 30

    private let database: Database
    private let policy: PurgePolicy
    private let now: Int64
    private var stage = Stage.exchanges
    public private(set) var counts = Counts()

    public init(_ database: Database, _ policy: PurgePolicy, now: Date = Date()) {
        self.database = database
        self.policy = policy
        self.now = now.stored
    }

    /// - Returns: false when the round is over.
    /// - Throws: ``ChatError``.
    public mutating func step() async throws -> Bool {
        switch stage {
        case .exchanges:
            let count = try await removeExchanges()
            counts.exchanges += count
            if count == 0 { stage = .answers }
        case .answers:
            let count = try await removeAnswers()
            counts.answers += count
            if count == 0 { stage = .sessions(end: 0, id: "") }
        case .sessions(let end, let id):
            stage = try await removeSessions(after: end, id)
        case .done: return false
        }
        return true
    }

    /// They are in the order of their commits, so the oldest come first.
    private func removeExchanges() async throws -> Int {
        guard let days = policy.retentionDays else { return 0 }
        let limit = now - Int64(days) * Self.day
        let last = try await database.reader.read { db in
            try Int64.fetchOne(
                db,
                sql: """
                    SELECT max(id) FROM (SELECT id, created_at FROM exchanges ORDER BY id LIMIT \(Self.batch))
                    WHERE created_at < ?
                    """, arguments: [limit])
        }
        guard let last else { return 0 }
        return try await database.writer.write(isPassing: true) { db in
            try db.execute(
                sql: "DELETE FROM exchanges WHERE id <= ? AND created_at < ?", arguments: [last, limit])
            return db.changesCount
        }
    }

    private func removeAnswers() async throws -> Int {
        // An answer is a text of a question too: with days set it is kept no longer than the exchange.
        let old = policy.retentionDays.map { now - Int64($0) * Self.day + Int64(policy.answerSeconds * 1_000) }
        let limit = max(now - database.staleLifetime, old ?? .min)
        let isAny = try await database.reader.read { [database] db in
            try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM answers WHERE expires_at <= ?)", arguments: [limit])
                ?? false || database.hasTooManyAnswers(db)
        }
        guard isAny else { return 0 }
        return try await database.writer.write(isPassing: true) { [database] db in
            let count = try Database.removeAnswers(expiredBy: limit, atMost: Self.batch, db)
            return try count + database.removeExcessAnswers(atMost: Self.batch, db)
        }
    }

    private mutating func removeSessions(after end: Int64, _ id: String) async throws -> Stage {
        let days = min(policy.retentionDays ?? Self.sessionDays, Self.sessionDays)
        let rows = try await database.reader.read { [now] db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT expires_at, id, address GLOB '*[.:]*',
                        expires_at < ?1 AND NOT EXISTS (SELECT 1 FROM exchanges WHERE session_id = sessions.id)
                    FROM sessions WHERE expires_at < ?2 AND (expires_at, id) > (?3, ?4)
                    ORDER BY expires_at, id LIMIT \(Self.batch)
                    """, arguments: [now - Int64(days) * Self.day, now, end, id]
            ).map { (end: $0[0] as Int64, id: $0[1] as String, isInClear: $0[2] as Bool, isUnused: $0[3] as Bool) }
        }
        let unused = rows.filter { $0.isUnused }.map { $0.id }
        let inClear = policy.keepsAddresses ? [] : rows.filter { $0.isInClear && !$0.isUnused }.map { $0.id }
        if !unused.isEmpty || !inClear.isEmpty {
            let removed = try await database.writer.write(isPassing: true) { db in
                for id in inClear {
                    try db.execute(sql: "UPDATE sessions SET address = '' WHERE id = ?", arguments: [id])
                }
                // Their exchanges would go with them.
                let delete = try db.cachedStatement(
                    sql: """
                        DELETE FROM sessions
                        WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM exchanges WHERE session_id = ?1)
                        """)
                return try unused.reduce(0) { count, id in
                    try delete.execute(arguments: [id])
                    return count + db.changesCount
                }
            }
            counts.sessions += removed
            counts.addresses += inClear.count
        }
        return rows.last.map { .sessions(end: $0.end, id: $0.id) } ?? .done
    }
}

extension Database {
    /// Whether this process is the one of the pool that purges: the first to ask, until it ends.
    ///
    /// - Throws: ``ChatError``.
    public func claimsPurging() throws -> Bool { try holder.claimPurging() }

    /// Whether no write waits now.
    public var isIdle: Bool { writer.isIdle }
}
