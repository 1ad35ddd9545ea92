/// The paths of the HTTP contract.
enum Route: Equatable {
    case login, logout, session, chat, history, health, life
    case userHistory(String)
    case unknown

    /// - Parameter segments: of the request's path; nil when it has none that can be read.
    init(_ segments: [String]?) {
        self =
            switch segments ?? [] {
            case ["auth", "email"]: .login
            case ["auth", "logout"]: .logout
            case ["auth", "session"]: .session
            case ["chat"]: .chat
            case ["chat", "history"]: .history
            case ["health"]: .health
            case ["health", "live"]: .life
            case let segments where segments.count == 2 && segments[0] == "history" && !segments[1].isEmpty:
                .userHistory(segments[1])
            default: .unknown
            }
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
        case .life: "/health/live"
        case .unknown: "unknown"
        }
    }

    var method: String? {
        switch self {
        case .login, .logout, .chat: "POST"
        case .session, .history, .userHistory, .health, .life: "GET"
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
    var isForUsers: Bool { self != .health && self != .life }
}
