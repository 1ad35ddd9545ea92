import API
import ArgumentParser
import Chat
import FoundationEssentials
import Sessions
import Storage
import StrictJSON

struct Sessions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists sessions, and ends them.", subcommands: [SessionList.self, SessionEnd.self],
        defaultSubcommand: SessionList.self)

    /// The users that a text stands for: one by its id; by an email address whoever typed it, and whoever proved it.
    static func users(_ text: String, _ hashes: KeyedHash) throws -> [UserID] {
        if let user = UserID(text) { return [user] }
        do {
            let email = try Email(text)
            return [hashes.user(email), hashes.provedUser(email)]
        } catch {
            throw ValidationError("--user must be a user_id, such as user_ and 32 digits, or an email address")
        }
    }
}

struct SessionEnd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end", abstract: "Ends sessions: their tokens are refused from the next request on.",
        discussion: "Name sessions as the list does, or a user, or all. API keys go on: `parley key revoke` ends one.")

    @OptionGroup var options: SettingOptions

    @Argument(help: "The sessions.")
    var sessions: [String] = []

    @Option(help: "All sessions of this user: a user_id, or an email address.")
    var user: String?

    @Flag(help: "All sessions of everybody.")
    var all = false

    func validate() throws {
        guard [!sessions.isEmpty, user != nil, all].filter(\.self).count == 1 else {
            throw ValidationError("Name sessions, or --user, or --all")
        }
        if let wrong = sessions.first(where: { SessionID($0) == nil }) {
            throw ValidationError("\(wrong) is no session: a name has \(SessionID.length) characters")
        }
    }

    func run() throws {
        let settings = try options.settings()
        let which: SessionSelection
        if all {
            which = .all
        } else if let user {
            which = .users(try Sessions.users(user, KeyedHash(settings.identityKey)))
        } else {
            which = .sessions(sessions.compactMap(SessionID.init))
        }
        try settings.database.mustExist()
        let database = try Database(settings)
        let count = try Migrate.explained(settings) { try wait { try await database.end(which) } }
        try AuditFile.record(AuditEvent(.sessionsEnded, of: which.names, count: count), settings.sources)
        print(count == 1 ? "1 session ended" : "\(count) sessions ended")
        if count < (user == nil ? Set(sessions).count : 1) { throw ExitCode.failure }
    }
}

extension SessionSelection {
    /// For the audit log.
    fileprivate var names: [String] {
        switch self {
        case .all: ["all"]
        case .users(let users): users.map(\.rawValue)
        case .sessions(let sessions): sessions.map(\.rawValue)
        }
    }
}

struct SessionList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists sessions, the newest first: to follow an abuse, say.",
        discussion: """
            Email addresses and browsers are known by their hashes only, and so are network addresses unless \
            CHAT_STORE_ADDRESS says otherwise: equal ones look equal.
            """)

    @OptionGroup var options: SettingOptions

    @Option(help: "Only the sessions of this user: a user_id, or an email address.")
    var user: String?

    @Option(help: "Only the sessions that were opened from this network address.")
    var address: String?

    @Option(help: "The most sessions.")
    var limit = 100

    @Flag(help: "Print a JSON array with everything that is known.")
    var json = false

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be 1 or more") }
    }

    func run() throws {
        let settings = try options.settings()
        let hashes = KeyedHash(settings.identityKey)
        let users = try self.user.map { try Sessions.users($0, hashes) }
        let addresses = address.map { [$0, hashes.address($0)] }
        try settings.database.mustExist()
        let database = try Database(settings)
        let sessions = try Migrate.explained(settings) {
            try wait { [limit] in try await database.sessions(of: users, at: addresses, limit: limit) }
        }
        print(json ? Self.json(sessions) : Self.table(sessions))
    }

    private static func json(_ sessions: [SessionRecord]) -> String {
        let now = Date()
        let text = JSONWriter.array { json in
            for record in sessions {
                json.object { json in
                    json.member("session_id", record.session.id.rawValue)
                    json.member("user_id", record.session.user.rawValue)
                    json.member("proved", record.session.isProved)
                    json.member("created_at", record.session.created.iso8601)
                    json.member("expires_at", record.session.expires.iso8601)
                    json.member("last_message_at", record.lastMessage?.iso8601)
                    json.member("state", record.state(at: now))
                    json.member("messages_used", record.session.messagesUsed)
                    json.member("email_hash", record.emailHash)
                    json.member("browser_hash", record.browserHash)
                    json.member("address", record.address.isEmpty ? nil : record.address)
                }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func table(_ sessions: [SessionRecord]) -> String {
        let now = Date()
        let head = ["CREATED", "LAST MESSAGE", "STATE", "MESSAGES", "USER", "ADDRESS", "BROWSER", "SESSION"]
        let rows = sessions.map { record in
            [
                seconds(record.session.created), record.lastMessage.map(seconds) ?? "–", record.state(at: now),
                "\(record.session.messagesUsed)", record.session.user.rawValue, short(record.address),
                short(record.browserHash), record.session.id.rawValue,
            ]
        }
        let widths = head.indices.dropLast().map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return (cells + row.suffix(1)).joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private static func seconds(_ date: Date) -> String { date.iso8601.prefix(19) + "Z" }

    /// Enough of a hash to see which are equal.
    private static func short(_ text: String) -> String {
        text.isEmpty ? "–" : text.utf8.count == 64 ? text.prefix(12) + "…" : text
    }
}

extension SessionRecord {
    fileprivate func state(at now: Date) -> String {
        isLoggedOut ? "logged out" : session.expires > now ? "open" : "expired"
    }
}
