public import Chat
public import FoundationEssentials

/// The session ?1 of the user ?2, if it is live at the time ?3.
let liveSession = "id = ?1 AND user_id = ?2 AND active = 1 AND expires_at > ?3"

private let insertion = Query(
    """
    INSERT INTO sessions (id, user_id, email_hash, browser_hash, address, created_at, expires_at, last_activity_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6)
    """)
private let selection = Query("SELECT created_at, expires_at, messages_used FROM sessions WHERE \(liveSession)")
private let ending = Query("UPDATE sessions SET active = 0 WHERE \(liveSession)")
private let liveness = Query("SELECT 1 FROM sessions WHERE \(liveSession)")

extension Database: SessionStore {
    public func insert(_ opening: SessionOpening) async throws {
        let session = opening.session
        try await writer.write { db in
            try db.run(
                insertion, session.id.rawValue, session.user.rawValue, opening.emailHash, opening.browserHash,
                opening.address, session.created.stored, session.expires.stored)
        }
    }

    public func live(_ principal: Principal, at now: Date) async throws -> Session? {
        try await reader.read { db in
            if let key = principal.key, try !db.isLive(key, of: principal, at: now.stored) { return nil }
            return try db.first(selection, principal.session.rawValue, principal.user.rawValue, now.stored) { row in
                Session(
                    id: principal.session, user: principal.user, created: Date(stored: row.integer(0)),
                    expires: Date(stored: row.integer(1)), messagesUsed: row.int(2))
            }
        }
    }

    public func end(_ principal: Principal, at now: Date) async throws -> Bool {
        try await writer.write { db in
            try db.run(ending, principal.session.rawValue, principal.user.rawValue, now.stored)
            return db.changes == 1
        }
    }
}

extension Statements {
    func isLive(_ principal: Principal, at now: Int64) throws -> Bool {
        guard try first(liveness, principal.session.rawValue, principal.user.rawValue, now, read: { _ in true }) != nil
        else { return false }
        return try principal.key.map { try isLive($0, of: principal, at: now) } ?? true
    }
}

extension Principal {
    /// Why one that is not live may do nothing.
    var ended: Refusal { key == nil ? .sessionEnded : .keyEnded }
}
