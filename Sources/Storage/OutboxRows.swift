public import Chat
public import FoundationEssentials

private let hasRoom = Query("SELECT 1 WHERE coalesce((SELECT pending FROM outbox_counts WHERE kind = ?), 0) < ?")
private let insertion = Query("INSERT INTO outbox (kind, session_id, exchange_id, queued_at) VALUES (?, ?, ?, ?)")
/// SQLite takes the other columns from the row with the least number.
private let heads = Query(
    """
    SELECT min(number), session_id, exchange_id, queued_at, attempts, not_before FROM outbox
    WHERE kind = ?1 AND is_dead = 0 GROUP BY session_id HAVING not_before <= ?2 ORDER BY 1 LIMIT ?3
    """)
/// Numbers are used again.
private let thatRow = "number = ?1 AND exchange_id = ?2"
private let isQueued = Query("SELECT 1 FROM outbox WHERE \(thatRow) AND is_dead = 0")
private let removal = Query("DELETE FROM outbox WHERE \(thatRow)")
private let postponement = Query("UPDATE outbox SET not_before = ?3 WHERE \(thatRow)")
private let failure = Query(
    "UPDATE outbox SET not_before = ?3, attempts = attempts + 1, fault = ?4 WHERE \(thatRow)")
private let burial = Query("UPDATE outbox SET is_dead = 1, attempts = attempts + 1, fault = ?3 WHERE \(thatRow)")
private let burialOfOld = Query(
    """
    UPDATE outbox SET is_dead = 1 WHERE number IN (
        SELECT number FROM outbox WHERE kind = ?1 AND is_dead = 0 AND queued_at < ?2 LIMIT 500)
    """)
private let revival = Query(
    """
    UPDATE outbox SET is_dead = 0, not_before = 0, queued_at = ?2 WHERE number IN (
        SELECT number FROM outbox WHERE kind = ?1 AND is_dead = 1 LIMIT 500)
    """)
private let counting = Query("SELECT pending, dead FROM outbox_counts WHERE kind = ?")
private let oldest = Query("SELECT min(queued_at) FROM outbox WHERE kind = ? AND is_dead = 0")
private let oldestFault = Query(
    "SELECT fault FROM outbox WHERE kind = ? AND is_dead = 0 AND fault IS NOT NULL ORDER BY number LIMIT 1")

private let exchangeToTell = Query(
    """
    SELECT \(exchangeColumns) FROM exchanges WHERE id = ?1 AND session_id = ?2 AND \(isComplete) AND NOT EXISTS (
        SELECT 1 FROM deletions d WHERE d.session_id = ?2 AND d.through >= ?1
        AND d.conversation IN (0, coalesce(exchanges.conversation, exchanges.id)))
    """)
private let session = Query("SELECT user_id, created_at FROM sessions WHERE id = ?")
private let contact = Query("SELECT email, address FROM session_contacts WHERE session_id = ?")
private let contactRemoval = Query("DELETE FROM session_contacts WHERE session_id = ?")
private let thread = Query("SELECT channel, thread, is_begun FROM discord_threads WHERE session_id = ?")
private let threadRemoval = Query("DELETE FROM discord_threads WHERE session_id = ?")
private let threadInsertion = Query(
    """
    INSERT OR REPLACE INTO discord_threads (session_id, channel, thread, is_begun)
    SELECT id, ?2, ?3, ?4 FROM sessions WHERE id = ?1
    """)

private let anyOld = Query(
    """
    SELECT 1 WHERE EXISTS (SELECT 1 FROM outbox WHERE queued_at < ?1)
    OR EXISTS (SELECT 1 FROM session_contacts c JOIN sessions s ON s.id = c.session_id WHERE s.expires_at < ?1)
    """)
private let oldRows = Query(
    "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox WHERE queued_at < ? LIMIT ?)")
private let oldContacts = Query(
    """
    DELETE FROM session_contacts WHERE session_id IN (
        SELECT s.id FROM session_contacts c JOIN sessions s ON s.id = c.session_id WHERE s.expires_at < ? LIMIT ?)
    """)

/// No write of the outbox waits for the disk: what a power cut undoes of what was sent is sent again.
extension Database: OutboxStore {
    public func claimsSending() throws -> Bool { try holder.claim(.sending) }
    public func yieldSending() { holder.yield(.sending) }

    public func due(_ kind: OutboxKind, limit: Int) async throws -> [OutboxEntry] {
        try await reader.read { [self] db in
            try db.all(heads, kind.rawValue, now().stored, limit) { row in
                SessionID(row.text(1)).map { session in
                    OutboxEntry(
                        number: row.integer(0), kind: kind, session: session,
                        exchange: ExchangeID(number: row.integer(2)), queued: Date(stored: row.integer(3)),
                        attempts: row.int(4))
                }
            }.compactMap(\.self)
        }
    }

    public func message(of entry: OutboxEntry) async throws -> OutboxMessage? {
        try await reader.read { db in
            let (id, number) = (entry.session.rawValue, entry.exchange.number)
            guard try db.first(isQueued, entry.number, number, read: { _ in true }) == true,
                let exchange = try db.first(exchangeToTell, number, id, read: Exchange.init(row:)),
                let (user, began) = try db.first(session, id, read: { (UserID($0.text(0)), $0.integer(1)) }), let user
            else { return nil }
            return OutboxMessage(
                exchange: exchange, session: entry.session, user: user, began: Date(stored: began),
                contact: try db.first(contact, id) { SessionContact(email: $0.text(0), address: $0.text(1)) },
                thread: try db.first(thread, id) { row in
                    OutboxThread(channel: row.text(0), id: row.text(1), isBegun: row.flag(2))
                })
        }
    }

    public func remove(_ entry: OutboxEntry) async throws {
        try await writer.write(durability: .relaxed) { db in try db.run(removal, entry.number, entry.exchange.number) }
    }

    public func postpone(_ entry: OutboxEntry, until time: Date, fault: String?) async throws {
        try await writer.write(durability: .relaxed) { db in
            guard let fault else {
                return try db.run(postponement, entry.number, entry.exchange.number, time.stored)
            }
            try db.run(failure, entry.number, entry.exchange.number, time.stored, fault)
        }
    }

    public func bury(_ entry: OutboxEntry, fault: String) async throws {
        try await writer.write(durability: .relaxed) { db in
            try db.run(burial, entry.number, entry.exchange.number, fault)
        }
    }

    public func buryAll(_ kind: OutboxKind, queuedBefore time: Date) async throws -> Int {
        try await inSteps { db in try db.run(burialOfOld, kind.rawValue, time.stored) }
    }

    public func revive(_ kind: OutboxKind) async throws -> Int {
        let now = now().stored
        return try await inSteps { db in try db.run(revival, kind.rawValue, now) }
    }

    private func inSteps(_ step: @escaping @Sendable (Statements) throws -> Void) async throws -> Int {
        var total = 0
        while true {
            let count = try await writer.write(durability: .relaxed) { db in
                try step(db)
                return db.changes
            }
            total += count
            if count == 0 { return total }
        }
    }

    public func counts(of kind: OutboxKind) async throws -> OutboxCounts {
        try await reader.read { db in
            let (pending, dead) = try db.first(counting, kind.rawValue) { ($0.int(0), $0.int(1)) } ?? (0, 0)
            guard pending > 0 else { return OutboxCounts(dead: dead) }
            let first = try db.first(oldest, kind.rawValue) { $0.isNull(0) ? nil : Date(stored: $0.integer(0)) } ?? nil
            return OutboxCounts(pending: pending, dead: dead, oldest: first)
        }
    }

    public func fault(of kind: OutboxKind) async throws -> String? {
        try await reader.read { db in try db.first(oldestFault, kind.rawValue) { $0.text(0) } }
    }

    public func keep(_ kept: OutboxThread?, of session: SessionID) async throws {
        try await writer.write(durability: .relaxed) { db in
            guard let kept else { return try db.run(threadRemoval, session.rawValue) }
            try db.run(threadInsertion, session.rawValue, kept.channel, kept.id, kept.isBegun)
            try db.forgetContact(of: session.rawValue)
        }
    }

    /// Puts an exchange into the outbox, in its own transaction. What programs ask with keys is told to nobody.
    func queue(_ exchange: Exchange, by principal: Principal, at now: Int64, _ db: Statements) throws {
        guard principal.key == nil, !exchange.isForgotten else { return }
        for kind in outbox.kinds {
            guard try db.first(hasRoom, kind.rawValue, outbox.capacity, read: { _ in true }) == true else {
                outbox.onFull(kind)
                continue
            }
            try db.run(insertion, kind.rawValue, principal.session.rawValue, exchange.id.number, now)
        }
    }

    /// To be called after the commit.
    func noteQueued(by principal: Principal) {
        if !outbox.kinds.isEmpty, principal.key == nil { outbox.onQueued() }
    }

    func hasOldQueued(at now: Int64) async throws -> Bool {
        try await reader.read { db in try db.first(anyOld, now - OutboxRows.lifetime) { _ in true } ?? false }
    }
}

private enum OutboxRows {
    /// Milliseconds for which a row is kept, whatever has become of it.
    static let lifetime: Int64 = 7 * 86_400_000
}

extension Statements {
    func forgetContact(of session: String) throws { try run(contactRemoval, session) }

    /// Removes what has been in the outbox for a week, and who logged in to sessions that ended then.
    ///
    /// - Returns: how many rows.
    func removeOldQueued(at now: Int64, atMost limit: Int) throws -> Int {
        try run(oldRows, now - OutboxRows.lifetime, limit)
        let count = changes
        try run(oldContacts, now - OutboxRows.lifetime, limit)
        return count + changes
    }
}
