/// The paths of the HTTP contract.
enum Route: Equatable {
    case login, logout, session, chat, history, health
    case userHistory(String)
    case unknown

    init(path: String) {
        self =
            switch path {
            case "/auth/email": .login
            case "/auth/logout": .logout
            case "/auth/session": .session
            case "/chat": .chat
            case "/chat/history": .history
            case "/health": .health
            default: Self.userHistory(in: path) ?? .unknown
            }
    }

    private static func userHistory(in path: String) -> Route? {
        let prefix = "/history/"
        guard path.hasPrefix(prefix) else { return nil }
        let user = path.dropFirst(prefix.count)
        return user.isEmpty || user.contains("/") ? nil : .userHistory(String(user))
    }

    /// For the log and for error messages: no part of it comes from the caller.
    var name: String {
        switch self {
        case .login: "/auth/email"
        case .logout: "/auth/logout"
        case .session: "/auth/session"
        case .chat: "/chat"
        case .history: "/chat/history"
        case .userHistory: "/history/{user_id}"
        case .health: "/health"
        case .unknown: "unknown"
        }
    }

    var method: String? {
        switch self {
        case .login, .logout, .chat: "POST"
        case .session, .history, .userHistory, .health: "GET"
        case .unknown: nil
        }
    }

    /// The value of `Allow`.
    var allowed: String {
        switch method {
        case "GET": "GET, HEAD"
        case let method?: method
        case nil: ""
        }
    }

    /// Monitors may call themselves what they like; users' clients have a name.
    var isForUsers: Bool { self != .health }
}
