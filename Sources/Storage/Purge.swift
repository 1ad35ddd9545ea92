public import FoundationEssentials

private let oldestExchanges = Query(
    """
    SELECT max(id) FROM (SELECT id, created_at FROM exchanges ORDER BY id LIMIT ?2) WHERE created_at < ?1
    """)
private let expiredExchanges = Query("DELETE FROM exchanges WHERE id <= ? AND created_at < ?")
private let oldestDeleted = Query(
    """
    SELECT max(id) FROM (SELECT id, created_at FROM deleted_exchanges ORDER BY id LIMIT ?2) WHERE created_at < ?1
    """)
private let expiredDeleted = Query("DELETE FROM deleted_exchanges WHERE id <= ? AND created_at < ?")
private let oldDeletion = Query("SELECT 1 FROM deletions WHERE deleted_at < ? LIMIT 1")
private let expiredDeletions = Query(
    """
    DELETE FROM deletions WHERE (session_id, conversation) IN (
        SELECT session_id, conversation FROM deletions WHERE deleted_at < ? ORDER BY deleted_at LIMIT ?)
    """)
private let expiredAnswer = Query("SELECT 1 FROM answers WHERE expires_at <= ? LIMIT 1")
private let endedSessions = Query(
    """
    SELECT expires_at, id, address GLOB '*[.:]*',
        expires_at < ?1 AND NOT EXISTS (SELECT 1 FROM exchanges WHERE session_id = sessions.id)
    FROM sessions WHERE expires_at < ?2 AND (expires_at, id) > (?3, ?4) ORDER BY expires_at, id LIMIT ?5
    """)
private let clearAddress = Query("UPDATE sessions SET address = '' WHERE id = ?")
/// Its exchanges would go with it.
private let unusedSession = Query(
    "DELETE FROM sessions WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM exchanges WHERE session_id = ?1)")

private let oldUsage = Query("SELECT 1 FROM usage WHERE day < ? LIMIT 1")
private let expiredUsage = Query(
    """
    DELETE FROM usage WHERE (day, user_id, model, provider) IN (
        SELECT day, user_id, model, provider FROM usage WHERE day < ? ORDER BY 1, 2, 3, 4 LIMIT ?)
    """)

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

/// One round through the database that removes what is not to be kept: reservations that have lapsed, whose calls
/// become `unsettled` exchanges; exchanges past their days, and what those had cost whose texts were deleted; answers that
/// nobody may be given any more; of sessions that have ended the address in clear, and, a month later, all, once nothing
/// refers to them; daily usage after 400 days; what has been in the outbox for a week.
///
/// Each ``step()`` is one short read and at most one short write, which waits for no disk: a power cut may undo it, and
/// the next round does it again. ``PurgePace`` says how much a step removes, and how long to rest after it.
public struct Purge: Sendable {
    public struct Counts: Sendable, Equatable {
        public var exchanges = 0
        public var answers = 0
        public var sessions = 0
        public var addresses = 0
        public var reservations = 0
        /// Rows of daily usage.
        public var usage = 0

        public init() {}
    }

    private enum Stage {
        case reservations
        case exchanges
        case deletions
        case answers
        /// With the session that was looked at last.
        case sessions(end: Int64, id: String)
        case usage
        case logins
        case outbox
        case done
    }

    /// Longer than anything can be asked.
    private static let deletionMemory = day
    private static let day: Int64 = 86_400_000
    /// Days that a session without exchanges is kept after its end.
    private static let sessionDays = 30
    /// A year can be compared with the one before it.
    private static let usageDays = 400

    private let database: Database
    private let policy: PurgePolicy
    private let now: Int64
    private var stage = Stage.reservations
    private var pace: PurgePace
    public private(set) var counts = Counts()

    public init(_ database: Database, _ policy: PurgePolicy, now: Date = Date()) {
        self.database = database
        self.policy = policy
        self.now = now.stored
        pace = PurgePace(database.writer)
    }

    /// - Returns: how long to rest before the next step; nil when the round is over.
    /// - Throws: ``ChatError``.
    public mutating func step() async throws -> Duration? {
        let start = ContinuousClock.now
        guard try await act() else { return nil }
        return pace.rest(after: ContinuousClock.now - start, at: .now)
    }

    private mutating func act() async throws -> Bool {
        switch stage {
        case .reservations:
            let count = try await endReservations()
            counts.reservations += count
            if count == 0 { stage = .exchanges }
        case .exchanges:
            let count = try await removeExchanges()
            counts.exchanges += count
            if count == 0 { stage = .deletions }
        case .deletions:
            if try await removeDeletions() == 0 { stage = .answers }
        case .answers:
            let count = try await removeAnswers()
            counts.answers += count
            if count == 0 { stage = .sessions(end: 0, id: "") }
        case .sessions(let end, let id):
            stage = try await removeSessions(after: end, id)
        case .usage:
            let count = try await removeUsage()
            counts.usage += count
            if count == 0 { stage = .logins }
        case .logins:
            if try await removeLogins() == 0 { stage = .outbox }
        case .outbox:
            if try await removeQueued() == 0 { stage = .done }
        case .done: return false
        }
        return true
    }

    private mutating func endReservations() async throws -> Int {
        let rows = pace.rows
        let lapsed = try await database.reader.read { [now] db in
            try db.lapsedReservations(at: now, limit: rows)
        }
        guard !lapsed.isEmpty else { return 0 }
        return try await pace.write { [now] db in
            try lapsed.reduce(0) { count, reservation in try count + (db.end(reservation, at: now) ? 1 : 0) }
        }
    }

    private mutating func removeUsage() async throws -> Int {
        let rows = pace.rows
        let first = now / Self.day - Int64(Self.usageDays)
        guard try await database.reader.read({ db in try db.first(oldUsage, first) { _ in true } ?? false }) else {
            return 0
        }
        return try await pace.write { db in
            try db.run(expiredUsage, first, rows)
            return db.changes
        }
    }

    private mutating func removeLogins() async throws -> Int {
        guard try await database.hasOldLogins(at: now) else { return 0 }
        return try await pace.write { [now, rows = pace.rows] db in try db.removeOldLogins(at: now, atMost: rows) }
    }

    private mutating func removeQueued() async throws -> Int {
        guard try await database.hasOldQueued(at: now) else { return 0 }
        return try await pace.write { [now, rows = pace.rows] db in try db.removeOldQueued(at: now, atMost: rows) }
    }

    /// Ids grow with the time of the question, so the oldest come first.
    private mutating func removeExchanges() async throws -> Int {
        let rows = pace.rows
        guard let days = policy.retentionDays else { return 0 }
        let limit = now - Int64(days) * Self.day
        let last = try await database.reader.read { db in
            try db.first(oldestExchanges, limit, rows) { row in row.isNull(0) ? nil : row.integer(0) } ?? nil
        }
        guard let last else { return 0 }
        return try await pace.write { db in
            try db.run(expiredExchanges, last, limit)
            return db.changes
        }
    }

    private mutating func removeDeletions() async throws -> Int {
        let rows = pace.rows
        let (limit, days) = (now - Self.deletionMemory, policy.retentionDays.map { now - Int64($0) * Self.day } ?? .min)
        let (isAny, last) = try await database.reader.read { db in
            (
                try db.first(oldDeletion, limit) { _ in true } ?? false,
                try db.first(oldestDeleted, days, rows) { row in row.isNull(0) ? nil : row.integer(0) } ?? nil
            )
        }
        guard isAny || last != nil else { return 0 }
        return try await pace.write { db in
            try db.run(expiredDeletions, limit, rows)
            let count = db.changes
            try db.run(expiredDeleted, last ?? 0, days)
            return count + db.changes
        }
    }

    private mutating func removeAnswers() async throws -> Int {
        let rows = pace.rows
        // An answer is a text of a question too: with days set it is kept no longer than the exchange.
        let old = policy.retentionDays.map { now - Int64($0) * Self.day + Int64(policy.answerSeconds * 1_000) }
        let limit = max(now - database.staleLifetime, old ?? .min)
        let isAny = try await database.reader.read { [database] db in
            try db.first(expiredAnswer, limit) { _ in true } ?? db.answersTakeMore(than: database.answerBytes)
        }
        guard isAny else { return 0 }
        return try await pace.write { [database] db in
            let count = try db.removeAnswers(expiredBy: limit, atMost: rows)
            return try count + db.removeAnswers(above: database.answerBytes, atMost: rows)
        }
    }

    private mutating func removeSessions(after end: Int64, _ id: String) async throws -> Stage {
        let limit = pace.rows
        let days = min(policy.retentionDays ?? Self.sessionDays, Self.sessionDays)
        let rows = try await database.reader.read { [now] db in
            try db.all(endedSessions, now - Int64(days) * Self.day, now, end, id, limit) { row in
                (end: row.integer(0), id: row.text(1), isInClear: row.flag(2), isUnused: row.flag(3))
            }
        }
        let unused = rows.filter { $0.isUnused }.map { $0.id }
        let inClear = policy.keepsAddresses ? [] : rows.filter { $0.isInClear && !$0.isUnused }.map { $0.id }
        if !unused.isEmpty || !inClear.isEmpty {
            let removed = try await pace.write { db in
                for id in inClear { try db.run(clearAddress, id) }
                return try unused.reduce(0) { count, id in
                    try db.run(unusedSession, id)
                    return count + db.changes
                }
            }
            counts.sessions += removed
            counts.addresses += inClear.count
        }
        return rows.last.map { .sessions(end: $0.end, id: $0.id) } ?? .usage
    }
}

extension Database {
    /// Whether this process is the one of the pool that purges: the first to ask, until it ends.
    ///
    /// - Throws: ``ChatError``.
    public func claimsPurging() throws -> Bool { try holder.claim(.purging) }
}
