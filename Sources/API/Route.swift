import Chat
import FastCGI

/// A method at a path, who may use it, the function that answers, and what callers are told of it. The table is the
/// whole HTTP contract: dispatch, `Allow`, preflight replies, the log's route names and openapi.json (``Contract``)
/// come from it.
struct Route: Sendable {
    static let table = [
        Route("POST", "/auth/email", .anyone(ChatService.logIn), .logIn),
        Route("GET", "/auth/login", .anyone(ChatService.showLogin), .showLogin),
        Route("POST", "/auth/logout", .session(ChatService.logOut), .logOut),
        Route("GET", "/auth/session", .session(ChatService.showSession), .showSession),
        Route("DELETE", "/auth/sessions", .session(ChatService.logOutEverywhere), .logOutEverywhere),
        Route("POST", "/chat", .chat(ChatDialect.self), .chat),
        Route("GET", "/chat/stream/{message}", .session(ChatService.resumeStream), .resumeStream),
        Route("DELETE", "/chat/stream/{message}", .session(ChatService.stopStream), .stopStream),
        Route("GET", "/chat/history", .session(ChatService.showHistory), .showHistory),
        Route("GET", "/chat/conversations", .session(ChatService.listConversations), .listConversations),
        Route("GET", "/chat/conversations/{id}", .session(ChatService.showConversation), .showConversation),
        Route("PATCH", "/chat/conversations/{id}", .session(ChatService.renameConversation), .renameConversation),
        Route("DELETE", "/chat/conversations/{id}", .session(ChatService.deleteConversation), .deleteConversation),
        Route("DELETE", "/chat/history", .session(ChatService.deleteHistory), .deleteHistory),
        Route("DELETE", "/auth/account", .session(ChatService.deleteAccount), .deleteAccount),
        Route("GET", "/history/{user_id}", .session(ChatService.showUserHistory), .showUserHistory),
        Route("POST", "/v1/chat/completions", .chat(CompletionDialect.self), .complete, isForUsers: false),
        Route("GET", "/v1/models", .session(ChatService.listModels), .listModels, isForUsers: false),
        Route("GET", "/v1/models/{model}", .session(ChatService.showModel), .showModel, isForUsers: false),
        Route("POST", "/v1/keys", .management(ChatService.createKey), .createKey, isForUsers: false),
        Route("GET", "/v1/keys", .management(ChatService.listKeys), .listKeys, isForUsers: false),
        Route("GET", "/v1/keys/{key}", .management(ChatService.showKey), .showKey, isForUsers: false),
        Route("DELETE", "/v1/keys/{key}", .management(ChatService.revokeKey), .revokeKey, isForUsers: false),
        Route("POST", "/v1/keys/{key}/rotate", .management(ChatService.rotateKey), .rotateKey, isForUsers: false),
        Route("GET", "/v1/usage", .session(ChatService.showUsage), .showUsage, isForUsers: false),
        Route("GET", "/health", .anyone(ChatService.showHealth), .showHealth, isForUsers: false),
        Route("GET", "/health/live", .anyone(ChatService.showLife), .showLife, isForUsers: false),
        Route("GET", "/metrics", .anyone(ChatService.showMetrics), isForUsers: false),
    ]

    /// Who may use a route, and what answers then.
    enum Handler: Sendable {
        case anyone(@Sendable (ChatService) -> (inout RequestContext) async throws -> Void)
        /// Whoever sends the token of a session, or an API key.
        case session(@Sendable (ChatService) -> (Principal, inout RequestContext) async throws -> Void)
        /// The same, and what is asked goes to a model.
        case chat(any Dialect.Type)
        /// Whoever sends a management key.
        case management(@Sendable (ChatService) -> (Principal, inout RequestContext) async throws -> Void)
    }

    /// GET answers HEAD too.
    let method: String
    /// With placeholders such as `{user_id}`, each for one segment that is not empty (``RequestContext/pathValue(_:)``).
    /// For the log and for error messages: no part of it comes from the caller.
    let path: String
    let segments: [String]
    let handler: Handler
    /// What errors are told in.
    let dialect: any Dialect.Type
    /// Monitors and programs may call themselves what they like; users' clients have a name.
    let isForUsers: Bool
    /// Made only when the document is; nil for what is not in it.
    let operation: (@Sendable () -> Operation)?

    private init(
        _ method: String, _ path: String, _ handler: Handler,
        _ operation: @autoclosure @escaping @Sendable () -> Operation, isForUsers: Bool = true
    ) {
        self.init(method, path, handler, isForUsers: isForUsers, operation)
    }

    private init(
        _ method: String, _ path: String, _ handler: Handler, isForUsers: Bool,
        _ operation: (@Sendable () -> Operation)? = nil
    ) {
        self.method = method
        self.path = path
        segments = path.dropFirst().split(separator: "/").map(String.init)
        self.handler = handler
        dialect = Self.dialect(at: path)
        self.isForUsers = isForUsers
        self.operation = operation
    }

    /// What errors are told in, unknown paths' too.
    static func dialect(for request: Request) -> any Dialect.Type { dialect(at: request.path) }

    private static func dialect(at path: String) -> any Dialect.Type {
        path == "/v1" || path.hasPrefix("/v1/") || pathsWithoutVersion.contains(path)
            ? CompletionDialect.self : ChatDialect.self
    }

    /// What OpenAI's clients ask for when `/v1` is missing in their base URL.
    private static let pathsWithoutVersion: Set = [
        "/chat/completions", "/completions", "/embeddings", "/models", "/responses",
    ]

    /// All that the table has at a request's path.
    static func all(for request: Request) -> [Route] {
        if let routes = literal[request.path] { return routes }
        guard let segments = request.segments else { return [] }
        return table.filter { $0.matches(segments) }
    }

    /// By the paths that mean themselves, which is how nearly all requests are sent.
    private static let literal = Dictionary(grouping: table.filter { !$0.path.contains("{") }, by: \.path)

    /// The name of a model takes all segments that are left: `openai/gpt-4o-mini` has two.
    private func matches(_ segments: [String]) -> Bool {
        (segments.count == self.segments.count || segments.count > self.segments.count && path.hasSuffix("/{model}"))
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
