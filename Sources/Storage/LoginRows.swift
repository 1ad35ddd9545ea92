public import Chat
public import FoundationEssentials

private let replacement = Query(
    "INSERT OR REPLACE INTO login_codes (address, hash, tries, expires_at) VALUES (?, ?, 0, ?)")
private let selection = Query("SELECT hash FROM login_codes WHERE address = ? AND expires_at > ? AND tries < ?")
private let trying = Query("UPDATE login_codes SET tries = tries + 1 WHERE address = ?")
private let removal = Query("DELETE FROM login_codes WHERE address = ?")
private let used = Query("SELECT used_until FROM login_limits WHERE subject = ?")
private let using = Query("INSERT OR REPLACE INTO login_limits (subject, used_until) VALUES (?, ?)")
private let anyOld = Query(
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM login_codes WHERE expires_at <= ?1) "
        + "OR EXISTS (SELECT 1 FROM login_limits WHERE used_until <= ?1)")
private let oldCodes = Query(
    """
    DELETE FROM login_codes WHERE address IN (
        SELECT address FROM login_codes WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)
    """)
private let oldLimits = Query(
    """
    DELETE FROM login_limits WHERE subject IN (
        SELECT subject FROM login_limits WHERE used_until <= ? ORDER BY used_until LIMIT ?)
    """)

/// Whatever is found, each call writes and waits for the disk: its time does not tell what it found.
extension Database: LoginCodeStore {
    public func put(_ code: StoredCode, expires: Date, mailbox: LimitedSubject, client: LimitedSubject) async throws
        -> Bool
    {
        try await charged(to: client) { db, now in
            guard try db.use(mailbox, at: now) == nil else { return false }
            try db.run(replacement, code.address, code.code, expires.stored)
            return true
        }
    }

    public func redeem(_ code: StoredCode, for opening: SessionOpening, client: LimitedSubject) async throws -> Bool {
        try await charged(to: client) { db, now in
            let stored = try db.first(selection, code.address, now, LoginCode.tries) { $0.bytes(0) }
            guard let stored, code.isRight(stored) else {
                try db.run(trying, code.address)
                return false
            }
            try db.run(removal, code.address)
            try db.insert(opening)
            return true
        }
    }

    /// - Throws: ``ChatError`` `.rateLimited` when nothing of the client's limit is left.
    private func charged(
        to client: LimitedSubject, _ work: @escaping @Sendable (Statements, _ now: Int64) throws -> Bool
    ) async throws -> Bool {
        let outcome: (isDone: Bool, wait: Int64?) = try await writer.write { [self] db in
            let now = now().stored
            if let wait = try db.use(client, at: now) { return (false, wait) }
            return (try work(db, now), nil)
        }
        guard let wait = outcome.wait else { return outcome.isDone }
        throw ChatError(
            .rateLimited, "Your network address has asked for too many codes, or tried too often; please wait",
            retryAfter: Int((wait + 999) / 1_000), cause: "codes of one network address")
    }
}

extension Statements {
    /// - Returns: nil when it was taken, else how many milliseconds there are to wait.
    fileprivate func use(_ subject: LimitedSubject, at now: Int64) throws -> Int64? {
        let (until, wait) = subject.limit.take(try first(used, subject.name) { $0.integer(0) } ?? 0, at: now)
        try run(using, subject.name, until)
        return wait
    }
}

extension Database {
    func hasOldLogins(at now: Int64) async throws -> Bool {
        try await reader.read { db in try db.first(anyOld, now) { _ in true } ?? false }
    }
}

extension Statements {
    /// Removes codes that nobody can use any more, and limits of which nothing is used.
    ///
    /// - Returns: how many rows.
    func removeOldLogins(at now: Int64, atMost limit: Int) throws -> Int {
        try run(oldCodes, now, limit)
        let count = changes
        try run(oldLimits, now, limit)
        return count + changes
    }
}
