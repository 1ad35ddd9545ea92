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

    public func live(_ id: SessionID, at now: Date) async throws -> Session? {
        try await reader.read { db in
            let select = try db.cachedStatement(
                sql: """
                    SELECT user_id, created_at, expires_at, messages_used FROM sessions
                    WHERE id = ? AND active = 1 AND expires_at > ?
                    """)
            guard let row = try Row.fetchOne(select, arguments: [id.rawValue, now.stored]) else { return nil }
            guard let user = UserID(row[0]) else { throw ChatError.storage("session \(id.rawValue) has no valid user") }
            return Session(
                id: id, user: user, created: Date(stored: row[1]), expires: Date(stored: row[2]), messagesUsed: row[3])
        }
    }

    public func end(_ id: SessionID) async throws {
        try await writer.write { db in
            try db.execute(sql: "UPDATE sessions SET active = 0 WHERE id = ?", arguments: [id.rawValue])
        }
    }
}
