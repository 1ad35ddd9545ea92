import Chat
import FastCGI

/// The one map from the application's errors to HTTP; a ``Dialect`` puts it into words.
struct ErrorReply: Sendable {
    let error: ChatError
    let status: Int
    let title: String
    let requestID: String
    private let dialect: any Dialect.Type

    init(_ error: any Error, requestID: String, in dialect: any Dialect.Type) {
        let error = error as? ChatError ?? ChatError(.internalFault, "Something went wrong here", cause: "\(error)")
        self.error = error
        let status = Self.status(of: error.code)
        title = status.title
        self.status = dialect.status(of: error.code) ?? status.number
        self.requestID = requestID
        self.dialect = dialect
    }

    /// For the log only.
    var cause: String { error.cause ?? error.message }

    var headers: [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        if let seconds = error.retryAfter { headers.append(("Retry-After", String(seconds))) }
        switch error.code {
        case .unauthorized: headers.append(("WWW-Authenticate", "Bearer"))
        case .methodNotAllowed(let allowed): headers.append(("Allow", allowed))
        default: break
        }
        // The clients of OpenAI's contract try a 429 again unless they are told not to.
        let isSpent = [.budgetSpent, .dailyCallsSpent].contains(error.code)
        if isSpent || error.code == .rateLimited && error.retryAfter == nil {
            headers.append(("X-Should-Retry", "false"))
        }
        return headers + dialect.headers(of: error.code) + RateHeaders.headers(error.rates)
    }

    /// The reply to a request that was left unanswered.
    static func unanswered(_ request: Request) -> (head: ResponseHead, body: [UInt8]) {
        let id = request.identifier()
        let dialect = Route.dialect(for: request)
        let reply = ErrorReply(
            ChatError(.internalFault, "The request could not be answered"), requestID: id, in: dialect)
        let headers = [(name: "Content-Type", value: "application/json"), (name: "X-Request-ID", value: id)]
        return (ResponseHead(status: reply.status, headers: headers), dialect.body(of: reply))
    }

    private static func status(of code: ChatError.Code) -> (number: Int, title: String) {
        switch code {
        case .badRequest: (400, "Bad request")
        case .unauthorized: (401, "Unauthorized")
        case .forbidden: (403, "Forbidden")
        case .notFound: (404, "Not found")
        case .methodNotAllowed: (405, "Method not allowed")
        case .tooLarge: (413, "Content too large")
        case .unsupportedMediaType: (415, "Unsupported media type")
        case .invalidField, .unsupportedField, .contextTooLong: (422, "Validation failed")
        case .noSuchModel: (404, "Model not found")
        case .blocked: (400, "Message blocked")
        case .filtered: (422, "Content filtered")
        case .conflict: (409, "Conflict")
        case .quotaExceeded: (429, "Message limit exceeded")
        case .rateLimited: (429, "Rate limit exceeded")
        case .budgetSpent: (429, "Budget spent")
        case .dailyCallsSpent: (429, "Daily limit reached")
        case .notPriced: (400, "Model not priced")
        case .internalFault: (500, "Internal server error")
        case .providerFailed: (502, "Provider failed")
        case .overloaded, .unavailable: (503, "Service unavailable")
        case .deadlinePassed: (504, "Deadline passed")
        }
    }
}
