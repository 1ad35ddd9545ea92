public import Chat
public import FoundationEssentials
import GRDB

extension Database: SessionStore {
    public func insert(_ opening: SessionOpening) async throws {
        let session = opening.session
        try await writer.write { db in
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO sessions
                        (id, user_id, email_hash, browser_hash, address, created_at, expires_at, last_activity_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """)
            try insert.execute(arguments: [
                session.id.rawValue, session.user.rawValue, opening.emailHash, opening.browserHash, opening.address,
                session.created.stored, session.expires.stored, session.created.stored,
            ])
        }
    }

    public func live(_ principal: Principal, at now: Date) async throws -> Session? {
        try await reader.read { db in
            let select = try db.cachedStatement(
                sql: """
                    SELECT created_at, expires_at, messages_used FROM sessions WHERE \(liveSession)
                    """)
            let arguments: StatementArguments = [principal.session.rawValue, principal.user.rawValue, now.stored]
            return try Row.fetchOne(select, arguments: arguments).map { row in
                Session(
                    id: principal.session, user: principal.user, created: Date(stored: row[0]),
                    expires: Date(stored: row[1]), messagesUsed: row[2])
            }
        }
    }

    public func end(_ principal: Principal, at now: Date) async throws -> Bool {
        try await writer.write { db in
            try db.execute(
                sql: "UPDATE sessions SET active = 0 WHERE \(liveSession)",
                arguments: [principal.session.rawValue, principal.user.rawValue, now.stored])
            return db.changesCount == 1
        }
    }

    /// - Throws: ``ChatError`` `.unauthorized`.
    static func checkLive(_ principal: Principal, at now: Int64, _ db: GRDB.Database) throws {
        let select = try db.cachedStatement(sql: "SELECT 1 FROM sessions WHERE \(liveSession)")
        let arguments: StatementArguments = [principal.session.rawValue, principal.user.rawValue, now]
        guard try Int.fetchOne(select, arguments: arguments) != nil else { throw ChatError.sessionEnded }
    }
}

/// The session ?1 of the user ?2, if it is live at the time ?3.
let liveSession = "id = ?1 AND user_id = ?2 AND active = 1 AND expires_at > ?3"
