public import Chat
public import FoundationEssentials
import GRDB

/// A session as an operator sees it.
public struct SessionRecord: Sendable {
    public let session: Session
    /// Whether somebody logged out of it before its time.
    public let isLoggedOut: Bool
    /// When its last message counted; nil before the first.
    public let lastMessage: Date?
    public let emailHash: String
    public let browserHash: String
    /// A hash, or in clear, or empty: as it was stored.
    public let address: String
}

/// Which sessions are to end.
public enum SessionSelection: Sendable {
    case sessions([SessionID])
    case users([UserID])
    case all
}

extension Database {
    /// Ends sessions that are live; no API key's.
    ///
    /// - Returns: how many there were.
    /// - Throws: ``ChatError``.
    public func end(_ which: SessionSelection) async throws -> Int {
        let (condition, names): (String, [String]) =
            switch which {
            case .sessions(let sessions): ("id", sessions.map(\.rawValue))
            case .users(let users): ("user_id", users.map(\.rawValue))
            case .all: ("", [])
            }
        let now = now().stored
        return try await writer.write { db in
            try db.database.execute(
                sql: """
                    UPDATE sessions SET active = 0
                    WHERE active = 1 AND expires_at > ? AND id NOT IN (SELECT session_id FROM keys)
                    \(condition.isEmpty ? "" : "AND " + Self.isOne(condition, of: names))
                    """, arguments: [now] + StatementArguments(names))
            return db.database.changesCount
        }
    }

    private static func isOne(_ column: String, of names: [String]) -> String {
        "\(column) IN (\(names.map { _ in "?" }.joined(separator: ", ")))"
    }

    /// Sessions that are kept, the newest first.
    ///
    /// - Parameters:
    ///   - users: only theirs; nil for all.
    ///   - addresses: only those whose stored address is one of these; nil for all.
    /// - Throws: ``ChatError``.
    public func sessions(of users: [UserID]? = nil, at addresses: [String]? = nil, limit: Int) async throws
        -> [SessionRecord]
    {
        try await reader.read { db in
            // Keys have sessions of their own; they are in another list.
            var (conditions, arguments) = (["id NOT IN (SELECT session_id FROM keys)"], StatementArguments())
            if let users {
                conditions.append(Self.isOne("user_id", of: users.map(\.rawValue)))
                arguments += StatementArguments(users.map(\.rawValue))
            }
            if let addresses {
                conditions.append(Self.isOne("address", of: addresses))
                arguments += StatementArguments(addresses)
            }
            let rows = try Row.fetchAll(
                db.database,
                sql: """
                    SELECT id, user_id, created_at, expires_at, messages_used, active, last_activity_at, email_hash,
                        browser_hash, address, proved
                    FROM sessions WHERE \(conditions.joined(separator: " AND "))
                    ORDER BY created_at DESC, last_activity_at DESC, id LIMIT ?
                    """, arguments: arguments + [limit])
            return try rows.map(SessionRecord.init(row:))
        }
    }
}

extension SessionRecord {
    fileprivate init(row: Row) throws {
        guard let id = SessionID(row[0] as String), let user = UserID(row[1] as String) else {
            throw ChatError.storage("a session has no valid id or user: \(row[0] as String)")
        }
        session = Session(
            id: id, user: user, created: Date(stored: row[2]), expires: Date(stored: row[3]), messagesUsed: row[4],
            isProved: row[10])
        isLoggedOut = !(row[5] as Bool)
        lastMessage = session.messagesUsed == 0 ? nil : Date(stored: row[6])
        (emailHash, browserHash, address) = (row[7], row[8], row[9])
    }
}
