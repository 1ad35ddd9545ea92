public import Chat
import FoundationEssentials
import GRDB

/// A lease is the right to ask one question, as long as its holder lives. It is taken with the place of the one who
/// asks, and ends with it, in the same transactions.
extension Database {
    public func progress(of lease: Lease) async throws -> LeaseProgress {
        try await reader.read { [self] db in
            let now = Date().stored
            if let answer = try Self.answer(to: lease.key, db), answer.expires.stored > now {
                return .answered(answer)
            }
            guard let row = try LeaseRow(of: lease.key, db), row.number == lease.number else { return .free }
            if let failure = row.failure { return .failed(failure) }
            return try row.lapses > now && holder.isAlive(row.holder) ? .held : .free
        }
    }

    public func isAwaited(_ key: CacheKey) async throws -> Bool {
        let own = try holder.number()
        return try await reader.read { db in
            let select = try db.cachedStatement(sql: "SELECT awaited FROM leases WHERE key = ? AND holder = ?")
            return try Bool.fetchOne(select, arguments: [Data(key.digest), own]) ?? false
        }
    }

    public func stopWaiting(for lease: Lease) async throws {
        try await writer.write(isPassing: true) { db in
            let update = try db.cachedStatement(
                sql: "UPDATE leases SET awaited = awaited - 1 WHERE key = ? AND number = ? AND awaited > 0")
            try update.execute(arguments: [Data(lease.key.digest), lease.number])
        }
    }

    /// A lease of this process's own does not count: its call has ended, and could not be settled.
    ///
    /// - Returns: another process's lease, which now knows that one more waits; nil when there is none that counts.
    func wait(for key: CacheKey, at now: Int64, for principal: Principal, _ db: GRDB.Database) throws -> Lease? {
        guard let row = try LeaseRow(of: key, db), row.failure == nil, row.lapses > now,
            try row.holder != holder.number() && holder.isAlive(row.holder)
        else { return nil }
        try Self.checkLive(principal, at: now, db)
        let update = try db.cachedStatement(sql: "UPDATE leases SET awaited = awaited + 1 WHERE key = ?")
        try update.execute(arguments: [Data(key.digest)])
        return Lease(key: key, number: row.number)
    }

    static func take(_ place: Reservation, _ holder: Int64, until lapses: Int64, _ db: GRDB.Database) throws {
        guard let key = place.key else { return }
        let insert = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO leases (key, number, holder, lapses_at) VALUES (?, ?, ?, ?)")
        try insert.execute(arguments: [Data(key.digest), place.number, holder, lapses])
    }

    /// - Parameter failure: kept for those who wait now, a little while; nil lets one of them ask.
    static func endLease(of place: Reservation, sharing failure: ModelFailure?, _ db: GRDB.Database) throws {
        guard let key = place.key else { return }
        let delete = try db.cachedStatement(sql: "DELETE FROM leases WHERE key = ? AND number = ?")
        guard let failure, try isAwaited(place, key, db) else {
            return try delete.execute(arguments: [Data(key.digest), place.number])
        }
        let now = Date().stored
        let update = try db.cachedStatement(
            sql: "UPDATE leases SET failure = ?, lapses_at = ? WHERE key = ? AND number = ?")
        let words = String(decoding: try JSONEncoder().encode(failure), as: UTF8.self)
        try update.execute(arguments: [words, now + LeaseRow.failureLifetime, Data(key.digest), place.number])
        let prune = try db.cachedStatement(sql: "DELETE FROM leases WHERE lapses_at <= ?")
        try prune.execute(arguments: [now])
    }

    private static func isAwaited(_ place: Reservation, _ key: CacheKey, _ db: GRDB.Database) throws -> Bool {
        let select = try db.cachedStatement(sql: "SELECT awaited FROM leases WHERE key = ? AND number = ?")
        return try Bool.fetchOne(select, arguments: [Data(key.digest), place.number]) ?? false
    }
}

private struct LeaseRow {
    /// Milliseconds for which a failure is kept; whoever waits for it looks every 20.
    static let failureLifetime: Int64 = 5_000

    let number: Int64
    let holder: Int64
    let lapses: Int64
    let failure: ModelFailure?

    init?(of key: CacheKey, _ db: GRDB.Database) throws {
        let select = try db.cachedStatement(
            sql: "SELECT number, holder, lapses_at, failure FROM leases WHERE key = ?")
        guard let row = try Row.fetchOne(select, arguments: [Data(key.digest)]) else { return nil }
        let words: String? = row[3]
        number = row[0]
        holder = row[1]
        lapses = row[2]
        failure = words.map { words in
            do { return try JSONDecoder().decode(ModelFailure.self, from: Data(words.utf8)) } catch {
                return ModelFailure(provider: "another worker", reason: .unreachable, detail: words)
            }
        }
    }
}
