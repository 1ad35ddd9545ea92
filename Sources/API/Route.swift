import Chat

/// A method at a path, who may use it, and the function that answers. The table is the whole HTTP contract: dispatch,
/// `Allow`, preflight replies and the log's route names come from it.
struct Route: Sendable {
    static let table = [
        Route("POST", "/auth/email", .anyone(ChatService.logIn)),
        Route("POST", "/auth/logout", .session(ChatService.logOut)),
        Route("GET", "/auth/session", .session(ChatService.showSession)),
        Route("POST", "/chat", .session(ChatService.chat)),
        Route("GET", "/chat/history", .session(ChatService.showHistory)),
        Route("GET", "/history/{user_id}", .session(ChatService.showUserHistory)),
        Route("GET", "/health", .anyone(ChatService.showHealth), isForUsers: false),
        Route("GET", "/health/live", .anyone(ChatService.showLife), isForUsers: false),
    ]

    /// Who may use a route, and what answers then.
    enum Handler: Sendable {
        case anyone(@Sendable (ChatService) -> (inout RequestContext) async throws -> Void)
        /// Whoever sends the token of a session.
        case session(@Sendable (ChatService) -> (Principal, inout RequestContext) async throws -> Void)
    }

    /// GET answers HEAD too.
    let method: String
    /// With placeholders such as `{user_id}`, each for one segment that is not empty (``RequestContext/pathValue(_:)``).
    /// For the log and for error messages: no part of it comes from the caller.
    let path: String
    let segments: [String]
    let handler: Handler
    /// Monitors may call themselves what they like; users' clients have a name.
    let isForUsers: Bool

    private init(_ method: String, _ path: String, _ handler: Handler, isForUsers: Bool = true) {
        self.method = method
        self.path = path
        segments = path.dropFirst().split(separator: "/").map(String.init)
        self.handler = handler
        self.isForUsers = isForUsers
    }

    /// All that the table has at a path.
    ///
    /// - Parameter segments: of the request's path; nil when it has none that can be read.
    static func all(at segments: [String]?) -> [Route] {
        guard let segments else { return [] }
        return table.filter { $0.matches(segments) }
    }

    private func matches(_ segments: [String]) -> Bool {
        segments.count == self.segments.count
            && zip(self.segments, segments).allSatisfy { $0.hasPrefix("{") ? !$1.isEmpty : $0 == $1 }
    }
}

extension [Route] {
    func route(for method: String) -> Route? {
        first { $0.method == (method == "HEAD" ? "GET" : method) }
    }

    /// The value of `Allow`.
    var allowed: String { map { $0.method == "GET" ? "GET, HEAD" : $0.method }.joined(separator: ", ") }
}
