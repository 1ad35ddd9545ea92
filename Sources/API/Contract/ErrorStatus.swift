/// An error status, and what it means anywhere. Each is described twice, in Parley's error object and in OpenAI's.
enum ErrorStatus: Int, CaseIterable, Sendable {
    case badRequest = 400
    case unauthorized = 401
    case forbidden = 403
    case notFound = 404
    case methodNotAllowed = 405
    case conflict = 409
    case tooLarge = 413
    case longAddress = 414
    case mediaType = 415
    case misdirected = 421
    case invalid = 422
    case tooMany = 429
    case internalFault = 500
    case notImplemented = 501
    case badGateway = 502
    case unavailable = 503
    case timeout = 504
    case httpVersion = 505

    /// What any request may be told, whatever it asks for: by nginx, or because something is broken.
    private static let everywhere: [ErrorStatus] = [
        .badRequest, .tooLarge, .longAddress, .misdirected, .internalFault, .notImplemented, .badGateway, .unavailable,
        .timeout, .httpVersion,
    ]

    /// All that a route may answer but success, by its table's entry and its documentation.
    static func all(of route: Route, _ operation: Operation) -> [(status: ErrorStatus, description: String)] {
        var found = Dictionary(uniqueKeysWithValues: everywhere.map { ($0, "") })
        if operation.body != nil { found[.mediaType] = "" }
        if operation.body != nil, route.dialect == ChatDialect.self { found[.invalid] = "" }
        switch route.handler {
        case .anyone: break
        case .session, .chat, .management: found[.unauthorized] = ""
        }
        if route.isForUsers { found[.forbidden] = "" }
        for (status, description) in operation.errors { found[status] = description }
        let successes = operation.replies.map(\.status)
        return found.filter { !successes.contains($0.key.rawValue) }.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { ($0.key, $0.value) }
    }

    /// The name of its response under `components`.
    func name(in dialect: any Dialect.Type) -> String {
        (dialect == CompletionDialect.self ? "OpenAI" : "") + String(describing: self).capitalizedFirst
    }

    func headers(in dialect: any Dialect.Type) -> [Header] {
        switch self {
        case .badRequest: dialect == CompletionDialect.self ? [.shouldRetry] : []
        case .unauthorized: [.authenticate]
        case .methodNotAllowed: [.allow]
        case .tooMany: [.retryAfter, .shouldRetry]
        case .badGateway, .unavailable, .timeout: [.retryAfter]
        default: []
        }
    }

    var description: String {
        switch self {
        case .badRequest:
            "The body is not JSON, or the request is not valid HTTP. JSON is strict (RFC 8259): UTF-8 only, no "
                + "trailing comma, no byte order mark, no member twice, no whole number beyond 64 bits, at most 128 "
                + "levels."
        case .unauthorized:
            "No token or key was sent, or one that is not valid, has expired, was ended or was revoked. Log in again, "
                + "or use another key."
        case .forbidden: "It is not yours, or the `User-Agent` is too short to be a client's."
        case .notFound: "There is no such thing, or it belongs to somebody else."
        case .methodNotAllowed: "The path does not take that method; `Allow` has those that it takes."
        case .conflict: "Several keys have that name, or the key is revoked or expired."
        case .tooLarge:
            "The body is longer than the server takes: 128 KiB, and at `/v1/chat/completions` 4 MiB unless set "
                + "otherwise."
        case .longAddress: "The address is longer than 8 KiB."
        case .mediaType: "The body is not `application/json` in UTF-8, or has a `Content-Encoding`."
        case .misdirected: "The server does not answer for that host name."
        case .invalid: "A member or a parameter breaks a rule; `details` says which."
        case .tooMany:
            "Too many requests, or the session's messages or the key's budget are used up. Where waiting helps, "
                + "`Retry-After` says how long."
        case .internalFault: "The server's own fault; its log has the reason, under the request's id."
        case .notImplemented: "nginx does not know the `Transfer-Encoding`."
        case .badGateway: "The model's provider refused or failed, or the application gave no answer."
        case .unavailable:
            "The server is overloaded, its database cannot be used, or no provider answers. `Retry-After` says when "
                + "to try again, where that is known."
        case .timeout: "There was no answer before the deadline."
        case .httpVersion: "Use HTTP/1.1 or HTTP/2."
        }
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
