public import Chat
import FoundationEssentials
import GRDB

// A key's history, its end and its being revoked are those of a session of its own, which nobody logs in to: so every
// statement that asks whether a session is live, and all that hangs on sessions, holds for keys too.

/// Milliseconds since 1970 for what never ends: the last of the year 9999, which every reader of dates can tell.
private let never: Int64 = 253_402_300_799_999

private let insertion = Query(
    """
    INSERT INTO keys
        (id, session_id, name, models, rpm, tpm, parallel, budget, budget_period, management)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """)
private let sessionInsertion = Query(
    """
    INSERT INTO sessions (id, user_id, email_hash, browser_hash, address, created_at, expires_at, last_activity_at)
    VALUES (?1, ?2, '', '', '', ?3, ?4, ?3)
    """)
private let tokenInsertion = Query("INSERT INTO key_tokens (hash, key_id, prefix, expires_at) VALUES (?, ?, ?, ?)")
private let tokenEnding = Query("UPDATE key_tokens SET expires_at = min(expires_at, ?2) WHERE key_id = ?1")
private let tokenRemoval = Query("DELETE FROM key_tokens WHERE key_id = ? AND expires_at <= ?")
private let revocation = Query(
    "UPDATE sessions SET active = 0 WHERE id = (SELECT session_id FROM keys WHERE keys.id = ?)")

private let identification = Query(
    """
    SELECT k.session_id, k.id, k.management, k.models FROM key_tokens t
    JOIN keys k ON k.id = t.key_id JOIN sessions s ON s.id = k.session_id
    WHERE t.hash = ?1 AND t.expires_at > ?2 AND s.active = 1 AND s.expires_at > ?2
    """)
private let liveness = Query(
    """
    SELECT 1 FROM key_tokens t JOIN keys k ON k.id = t.key_id
    WHERE t.hash = ?1 AND t.expires_at > ?2 AND k.id = ?3 AND k.session_id = ?4
    """)

private let columns = """
    k.id, k.name, k.models, k.rpm, k.tpm, k.parallel, k.budget, k.budget_period, k.management, k.spent, k.period_start,
    k.request_level, k.request_time, k.token_level, k.token_time, s.created_at, s.expires_at, s.active
    """
/// How the text of a key's newest secret begins.
private let prefix = """
    (SELECT prefix FROM key_tokens t WHERE t.key_id = k.id ORDER BY t.expires_at DESC, t.number DESC LIMIT 1)
    """
private let tables = "keys k JOIN sessions s ON s.id = k.session_id"
private let everyKey = Query("SELECT \(columns), \(prefix) FROM \(tables) ORDER BY s.created_at DESC, k.id")
private let byID = Query("SELECT \(columns), \(prefix) FROM \(tables) WHERE k.id = ?")
/// For a question, which shows nobody its key.
private let bySession = Query("SELECT \(columns), '' FROM \(tables) WHERE k.session_id = ?")
/// The revoked ones last: a name is theirs only while no other has it.
private let byName = Query(
    "SELECT \(columns), \(prefix) FROM \(tables) WHERE k.name = ? ORDER BY s.active DESC, s.created_at DESC")
private let counting = Query(
    """
    UPDATE keys SET spent = ?2, period_start = ?3, request_level = ?4, request_time = ?5, token_level = ?6, token_time = ?7
    WHERE session_id = ?1
    """)
private let holding = Query(
    """
    SELECT count(*), coalesce(sum(tokens), 0), coalesce(sum(cost), 0) FROM reservations
    WHERE session_id = ?1 AND lapses_at > ?2 AND number <> ?3 AND joined = 0
    """)

extension Database: APIKeyStore {
    public func insert(_ key: APIKey, hash: [UInt8], for principal: Principal?) async throws {
        let session = SessionID.random()
        let grant = key.grant
        let now = now().stored
        try await writer.write { db in
            try db.checkManager(principal, at: now)
            try db.run(
                sessionInsertion, session.rawValue, key.id.rawValue, key.created.stored,
                grant.expires?.stored ?? never)
            try db.run(
                insertion, key.id.rawValue, session.rawValue, grant.name, grant.models?.joined(separator: ","),
                grant.limits.requests, grant.limits.tokens, grant.limits.parallel,
                grant.budget?.amount.picodollars, grant.budget?.period.rawValue, grant.isManagement)
            try db.run(tokenInsertion, hash, key.id.rawValue, key.prefix, never)
        }
    }

    public func keys(for principal: Principal?) async throws -> [APIKey] {
        let now = now().stored
        return try await reader.read { db in
            try db.checkManager(principal, at: now)
            return try db.all(everyKey) { try KeyRow($0).key(at: now) }
        }
    }

    public func key(_ name: String, for principal: Principal?) async throws -> APIKey {
        let now = now().stored
        return try await reader.read { db in
            try db.checkManager(principal, at: now)
            return try db.key(name).key(at: now)
        }
    }

    public func revoke(_ name: String, for principal: Principal?) async throws -> APIKey {
        let now = now().stored
        return try await writer.write { db in
            try db.checkManager(principal, at: now)
            let id = try db.key(name).id
            try db.run(revocation, id)
            return try db.key(id).key(at: now)
        }
    }

    public func rotate(_ name: String, to hash: [UInt8], prefix: String, grace: TimeSpan?, for principal: Principal?)
        async throws -> APIKey
    {
        let now = now().stored
        let end = now + Int64((grace?.seconds ?? 0) * 1_000)
        return try await writer.write { db in
            try db.checkManager(principal, at: now)
            let row = try db.key(name)
            guard row.isActive, row.expires > now else {
                throw ChatError(.conflict, "The key \(row.id) is revoked or expired; make a new one")
            }
            try db.run(tokenEnding, row.id, end)
            try db.run(tokenRemoval, row.id, now)
            try db.run(tokenInsertion, hash, row.id, prefix, never)
            return try db.key(row.id).key(at: now)
        }
    }

    public func principal(of hash: [UInt8]) async throws -> Principal? {
        let now = now().stored
        return try await reader.read { db in
            try db.first(identification, hash, now) { row in
                guard let session = SessionID(row.text(0)), let user = UserID(row.text(1)) else { return nil }
                return Principal(
                    session: session, user: user,
                    key: Principal.Key(hash: hash, isManagement: row.flag(2), models: row.models(3)))
            } ?? nil
        }
    }
}

extension Statements {
    /// Whether the secret that a principal asks with is still its key's.
    func isLive(_ key: Principal.Key, of principal: Principal, at now: Int64) throws -> Bool {
        try first(liveness, key.hash, now, principal.user.rawValue, principal.session.rawValue) { _ in true } ?? false
    }

    /// - Returns: nil for a session that is no key's.
    func keyRow(of principal: Principal) throws -> KeyRow? {
        guard principal.key != nil else { return nil }
        return try first(bySession, principal.session.rawValue) { try KeyRow($0) }
    }

    /// - Parameter id: of the reservation that does not count.
    func held(by principal: Principal, besides id: ExchangeID, at now: Int64) throws -> KeyAccount.Held {
        try first(holding, principal.session.rawValue, now, id.number) { row in
            KeyAccount.Held(
                calls: row.int(0), tokens: row.int(1), cost: Money(picodollars: row.integer(2)))
        } ?? KeyAccount.Held(calls: 0, tokens: 0, cost: .zero)
    }

    func save(_ account: KeyAccount, of principal: Principal) throws {
        try run(
            counting, principal.session.rawValue, account.spent.picodollars, account.periodStart.stored,
            account.requests.level, account.requests.time, account.tokens.level, account.tokens.time)
    }

    /// - Parameter principal: nil for the operator.
    /// - Throws: ``ChatError`` `.unauthorized` or `.forbidden` unless it is a live management key.
    fileprivate func checkManager(_ principal: Principal?, at now: Int64) throws {
        guard let principal else { return }
        guard let key = principal.key, key.isManagement else {
            throw ChatError(.forbidden, "Only a management key may see and change keys")
        }
        guard try isLive(principal, at: now) else { throw ChatError.invalidKey("revoked or expired") }
    }

    /// - Throws: ``ChatError`` when there is none of that id or name, or several.
    fileprivate func key(_ name: String) throws -> KeyRow {
        if let row = try first(byID, name, read: { try KeyRow($0) }) { return row }
        let rows = try all(byName, name) { try KeyRow($0) }
        let candidates = rows.contains(where: \.isActive) ? rows.filter(\.isActive) : rows
        guard let row = candidates.first else { throw ChatError(.notFound, "There is no key “\(name)”") }
        guard candidates.count == 1 else {
            let ids = candidates.map(\.id).joined(separator: ", ")
            throw ChatError(.conflict, "Several keys have the name “\(name)”; name one by its id: \(ids)")
        }
        return row
    }
}

/// A row of `keys` with what its session says.
struct KeyRow {
    let id: String
    let name: String
    let isActive: Bool
    let expires: Int64
    var account: KeyAccount
    private let models: [String]?
    private let isManagement: Bool
    private let created: Int64
    private let prefix: String

    init(_ row: Columns) throws {
        id = row.text(0)
        name = row.text(1)
        models = row.models(2)
        let budget = try row.isNull(6) ? nil : Budget(storedAs: row.integer(6), row.text(7))
        account = KeyAccount(
            limits: try RateLimits(
                requests: row.optionalInt(3), tokens: row.optionalInt(4), parallel: row.optionalInt(5)),
            budget: budget, spent: Money(picodollars: row.integer(9)), periodStart: Date(stored: row.integer(10)),
            requests: RateMeter(level: row.integer(11), time: row.integer(12)),
            tokens: RateMeter(level: row.integer(13), time: row.integer(14)))
        isManagement = row.flag(8)
        created = row.integer(15)
        expires = row.integer(16)
        isActive = row.flag(17)
        prefix = row.text(18)
    }

    func key(at now: Int64) throws -> APIKey {
        guard let id = APIKey.ID(id) else { throw ChatError.storage("a key has no valid id: \(id)") }
        return APIKey(
            id: id,
            grant: try APIKey.Grant(
                name: name, expires: expires == never ? nil : Date(stored: expires), models: models,
                limits: account.limits, budget: account.budget, isManagement: isManagement),
            prefix: prefix, created: Date(stored: created), isDisabled: !isActive,
            spent: account.spent(at: Date(stored: now)))
    }
}

extension Columns {
    fileprivate func optionalInt(_ index: Int32) -> Int? { isNull(index) ? nil : int(index) }

    fileprivate func models(_ index: Int32) -> [String]? {
        optionalText(index)?.split(separator: ",").map(String.init)
    }
}

extension Budget {
    fileprivate init(storedAs picodollars: Int64, _ period: String) throws {
        guard let period = Period(rawValue: period) else {
            throw ChatError.storage("a budget has no period: \(period)")
        }
        self.init(amount: Money(picodollars: picodollars), period: period)
    }
}
