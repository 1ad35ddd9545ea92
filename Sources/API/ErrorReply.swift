import Chat
import FastCGI
import StrictJSON

/// The one error object, and the one map from the application's errors to HTTP.
struct ErrorReply: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]
    /// For the log only.
    let cause: String?

    init(_ error: any Error, requestID: String) {
        let error = error as? ChatError ?? ChatError(.internalFault, "Something went wrong here", cause: "\(error)")
        let (status, title) = Self.status(of: error.code)
        self.status = status
        cause = error.cause ?? error.message
        var headers: [(name: String, value: String)] = []
        if let seconds = error.retryAfter { headers.append(("Retry-After", String(seconds))) }
        switch error.code {
        case .unauthorized: headers.append(("WWW-Authenticate", "Bearer"))
        case .methodNotAllowed(let allowed): headers.append(("Allow", allowed))
        default: break
        }
        self.headers = headers
        body = JSONWriter.object { json in
            json.member("error", title)
            json.member("message", error.message)
            json.array("details") { details in
                for detail in error.details { details.element(detail) }
            }
            json.member("status_code", status)
            json.member("request_id", requestID)
        }
    }

    /// The reply to a request that was left unanswered.
    static func unanswered(_ request: Request) -> (head: ResponseHead, body: [UInt8]) {
        let id = request.identifier()
        let reply = ErrorReply(ChatError(.internalFault, "The request could not be answered"), requestID: id)
        let headers = [(name: "Content-Type", value: "application/json"), (name: "X-Request-ID", value: id)]
        return (ResponseHead(status: reply.status, headers: headers), reply.body)
    }

    private static func status(of code: ChatError.Code) -> (Int, String) {
        switch code {
        case .badRequest: (400, "Bad request")
        case .unauthorized: (401, "Unauthorized")
        case .forbidden: (403, "Forbidden")
        case .notFound: (404, "Not found")
        case .methodNotAllowed: (405, "Method not allowed")
        case .tooLarge: (413, "Content too large")
        case .unsupportedMediaType: (415, "Unsupported media type")
        case .invalidField: (422, "Validation failed")
        case .filtered: (422, "Content filtered")
        case .quotaExceeded: (429, "Message limit exceeded")
        case .internalFault: (500, "Internal server error")
        case .providerFailed: (502, "Provider failed")
        case .overloaded, .unavailable: (503, "Service unavailable")
        case .deadlinePassed: (504, "Deadline passed")
        }
    }
}
