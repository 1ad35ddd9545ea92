public import Chat
public import FoundationEssentials

/// The session ?1 of the user ?2, if it is live at the time ?3.
let liveSession = "id = ?1 AND user_id = ?2 AND active = 1 AND expires_at > ?3"

private let newSession = """
    INSERT INTO sessions
        (id, user_id, email_hash, browser_hash, address, created_at, expires_at, last_activity_at, proved)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6, ?8)
    """
private let insertion = Query(newSession)
private let insertionOnce = Query(newSession + " ON CONFLICT (id) DO NOTHING")
private let contact = Query("INSERT OR IGNORE INTO session_contacts (session_id, email, address) VALUES (?, ?, ?)")
private let selection = Query("SELECT created_at, expires_at, messages_used, proved FROM sessions WHERE \(liveSession)")
private let ending = Query("UPDATE sessions SET active = 0 WHERE \(liveSession)")
private let endingOfAll = Query(
    "UPDATE sessions SET active = 0 WHERE user_id = ? AND proved = 1 AND active = 1 AND expires_at > ?")
private let liveness = Query("SELECT proved FROM sessions WHERE \(liveSession)")

extension Database: SessionStore {
    public func insert(_ opening: SessionOpening) async throws {
        try await writer.write { db in try db.insert(opening) }
    }

    public func insertOnce(_ opening: SessionOpening) async throws -> Bool {
        try await writer.write { db in
            try db.insert(opening, by: insertionOnce)
            return db.changes == 1
        }
    }

    public func live(_ principal: Principal, at now: Date) async throws -> Session? {
        try await reader.read { db in
            if let key = principal.key, try !db.isLive(key, of: principal, at: now.stored) { return nil }
            return try db.first(selection, principal.session.rawValue, principal.user.rawValue, now.stored) { row in
                Session(
                    id: principal.session, user: principal.user, created: Date(stored: row.integer(0)),
                    expires: Date(stored: row.integer(1)), messagesUsed: row.int(2),
                    isProved: principal.isProved || row.flag(3))
            }
        }
    }

    public func end(_ principal: Principal, at now: Date) async throws -> Bool {
        try await writer.write { db in
            try db.run(ending, principal.session.rawValue, principal.user.rawValue, now.stored)
            return db.changes == 1
        }
    }

    public func endAll(of principal: Principal, at now: Date) async throws -> Result<Int, Refusal> {
        try await writer.write { db in
            guard let live = try db.live(principal, at: now.stored) else { return .failure(principal.ended) }
            guard let user = live.provedUser else { return .failure(.notProved) }
            try db.run(endingOfAll, user.rawValue, now.stored)
            return .success(db.changes)
        }
    }
}

extension Statements {
    func insert(_ opening: SessionOpening) throws { try insert(opening, by: insertion) }

    fileprivate func insert(_ opening: SessionOpening, by query: Query) throws {
        let session = opening.session
        try run(
            query, session.id.rawValue, session.user.rawValue, opening.emailHash, opening.browserHash,
            opening.address, session.created.stored, session.expires.stored, session.isProved)
        if let known = opening.contact { try run(contact, session.id.rawValue, known.email, known.address) }
    }

    /// - Returns: who asks if it is live, and proved if its session is.
    func live(_ principal: Principal, at now: Int64) throws -> Principal? {
        let isProved = try first(liveness, principal.session.rawValue, principal.user.rawValue, now) { $0.flag(0) }
        guard let isProved else { return nil }
        if let key = principal.key, try !isLive(key, of: principal, at: now) { return nil }
        return Principal(session: principal.session, user: principal.user, key: principal.key, isProved: isProved)
    }

    func isLive(_ principal: Principal, at now: Int64) throws -> Bool { try live(principal, at: now) != nil }
}

extension Principal {
    /// Why one that is not live may do nothing.
    var ended: Refusal { key == nil ? .sessionEnded : .keyEnded }
}
