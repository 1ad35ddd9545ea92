public import Chat
import FoundationEssentials

private let selection = Query("SELECT number, holder, lapses_at, failure FROM leases WHERE key = ?")
private let awaited = Query("SELECT awaited FROM leases WHERE key = ? AND holder = ?")
private let waiting = Query("UPDATE leases SET awaited = awaited + 1 WHERE key = ?")
private let leaving = Query("UPDATE leases SET awaited = awaited - 1 WHERE key = ? AND number = ? AND awaited > 0")
private let taking = Query("INSERT OR REPLACE INTO leases (key, number, holder, lapses_at) VALUES (?, ?, ?, ?)")
private let ending = Query("DELETE FROM leases WHERE key = ? AND number = ?")
private let failing = Query(
    "UPDATE leases SET failure = ?3, lapses_at = ?4 WHERE key = ?1 AND number = ?2 AND awaited > 0")
private let lapsing = Query("DELETE FROM leases WHERE lapses_at <= ?")

/// Milliseconds for which a failure is kept; whoever waits for it looks every 20.
private let failureLifetime: Int64 = 5_000

/// A lease is the right to ask one question, as long as its holder lives. It is taken with the reservation of the one who
/// asks, and ends with it, in the same transactions.
extension Database: CallLease {
    public func acquire(_ key: CacheKey, for id: ExchangeID, lifetime: Duration) async throws -> Lease? {
        let own = try holder.number()
        return try await writer.write(durability: .relaxed) { [self] db in
            let now = now().stored
            if let lease = try leaseOfAnother(key, at: now, db) {
                try db.wait(for: lease)
                return lease
            }
            try db.takeLease(key, for: id, own, until: now + Int64(lifetime.milliseconds))
            return nil
        }
    }

    public func progress(of lease: Lease) async throws -> LeaseProgress {
        try await reader.read { [self] db in
            let now = now().stored
            if let answer = try db.answer(to: lease.key), answer.expires.stored > now { return .answered(answer) }
            guard let row = try db.lease(of: lease.key), row.number == lease.id.number else { return .free }
            if let failure = row.failure { return .failed(failure) }
            return try row.lapses > now && holder.isAlive(row.holder) ? .leased : .free
        }
    }

    public func isAwaited(_ key: CacheKey) async throws -> Bool {
        let own = try holder.number()
        return try await reader.read { db in try db.first(awaited, key.digest, own) { $0.int(0) > 0 } ?? false }
    }

    public func stopWaiting(for lease: Lease) async throws {
        try await writer.write(durability: .relaxed) { db in try db.run(leaving, lease.key.digest, lease.id.number) }
    }

    public func release(_ key: CacheKey, for id: ExchangeID, sharing failure: ModelFailure?) async throws {
        try await writer.write(durability: .relaxed) { [self] db in
            try db.endLease(key, for: id, sharing: failure, at: now().stored)
        }
    }

    /// A lease of this process's own does not count: its call has ended, and could not be settled.
    ///
    /// - Returns: another process's lease; nil when there is none that counts.
    func leaseOfAnother(_ key: CacheKey, at now: Int64, _ db: Statements) throws -> Lease? {
        guard let row = try db.lease(of: key), row.failure == nil, row.lapses > now,
            try row.holder != holder.number() && holder.isAlive(row.holder)
        else { return nil }
        return Lease(key: key, id: ExchangeID(number: row.number))
    }
}

extension Statements {
    fileprivate struct LeaseRow {
        let number: Int64
        let holder: Int64
        let lapses: Int64
        let failure: ModelFailure?
    }

    fileprivate func lease(of key: CacheKey) throws -> LeaseRow? {
        try first(selection, key.digest) { row in
            LeaseRow(
                number: row.integer(0), holder: row.integer(1), lapses: row.integer(2),
                failure: row.optionalText(3).map(ModelFailure.init(stored:)))
        }
    }

    func wait(for lease: Lease) throws { try run(waiting, lease.key.digest) }

    func takeLease(_ key: CacheKey, for id: ExchangeID, _ holder: Int64, until lapses: Int64) throws {
        try run(taking, key.digest, id.number, holder, lapses)
    }

    /// - Parameter failure: kept for those who wait now, a little while; nil lets one of them ask.
    func endLease(_ key: CacheKey, for id: ExchangeID, sharing failure: ModelFailure?, at now: Int64) throws {
        if let failure {
            try run(failing, key.digest, id.number, try failure.stored, now + failureLifetime)
            if changes > 0 { return try run(lapsing, now) }
        }
        try run(ending, key.digest, id.number)
    }
}

extension ModelFailure {
    fileprivate var stored: String {
        get throws { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }
    }

    fileprivate init(stored words: String) {
        do { self = try JSONDecoder().decode(ModelFailure.self, from: Data(words.utf8)) } catch {
            self.init(provider: "another worker", reason: .unreachable, detail: words)
        }
    }
}
