/// The application's one error: a code that decides the HTTP status, and words that a caller may read.
///
/// `message` and `details` never hold internals. What an operator needs and a caller must not see goes in `cause`.
public struct ChatError: Error, Sendable, Equatable {
    public enum Code: Sendable, Equatable {
        case badRequest
        case unauthorized
        case forbidden
        case notFound
        case methodNotAllowed(allowed: String)
        case tooLarge
        case unsupportedMediaType
        case invalidField
        /// A field whose meaning cannot be kept.
        case unsupportedField
        /// No provider has that model.
        case noSuchModel
        /// The messages are more than the model can take.
        case contextTooLong
        /// A dangerous message that no model saw.
        case blocked
        case quotaExceeded
        case conflict
        case rateLimited
        case budgetSpent
        /// The server has made as many calls of models as a day may have.
        case dailyCallsSpent
        case notPriced
        case filtered
        case internalFault
        case providerFailed
        case overloaded
        case unavailable
        case deadlinePassed
    }

    public let code: Code
    public let message: String
    public let details: [String]
    /// The request's own name for what it is about.
    public let field: String?
    /// Seconds after which the same request may succeed.
    public let retryAfter: Int?
    /// For the log only.
    public let cause: String?
    /// How the rates of the key stand that was refused.
    public let rates: RateReport?

    public init(
        _ code: Code, _ message: String, details: [String] = [], field: String? = nil, retryAfter: Int? = nil,
        cause: String? = nil, rates: RateReport? = nil
    ) {
        self.code = code
        self.message = message
        self.details = details
        self.field = field
        self.retryAfter = retryAfter
        self.cause = cause
        self.rates = rates
    }

    /// A field of the request that breaks a rule: `name: rule`.
    public static func invalid(_ field: String, _ rule: String) -> ChatError {
        ChatError(.invalidField, "\(field) \(rule)", details: ["\(field): \(rule)"], field: field)
    }

    /// A field that is well-formed, and asks for what this server does not do.
    public static func unsupported(_ field: String, _ rule: String) -> ChatError {
        ChatError(.unsupportedField, "\(field) \(rule)", details: ["\(field): \(rule)"], field: field)
    }

    /// - Parameter danger: its category.
    static func blocked(_ field: String, _ danger: String) -> ChatError {
        ChatError(
            .blocked,
            "The message was blocked for safety reasons (\(danger)) and was not sent to the model; please rephrase it",
            details: ["category: \(danger)"], field: field, cause: "danger: \(danger)")
    }

    /// The session has no message left; waiting does not help, a new session does.
    public static func quotaExceeded(limit: Int) -> ChatError {
        ChatError(.quotaExceeded, "This session has used all of its \(limit) messages; log in again to go on")
    }

    /// - Parameter wait: until the next day begins.
    static func dailyCallsSpent(until wait: Duration, cause: String) -> ChatError {
        ChatError(
            .dailyCallsSpent,
            "This server has asked its models as often as it may in a day; new questions are answered again after midnight UTC",
            retryAfter: max(1, Int((wait.milliseconds / 1_000).rounded(.up))), cause: cause)
    }

    /// The token is ours, but its session was ended or has expired.
    public static let sessionEnded = ChatError(
        .unauthorized, "The session has ended; log in again", cause: "no live session")

    /// Others may have typed the same address.
    public static let notProved = ChatError(
        .forbidden, "The email address of this session is not proved, so this session has no other ones with it")

    public static func invalidKey(_ cause: String) -> ChatError {
        ChatError(.unauthorized, "The API key is not valid: it is mistyped, unknown, revoked or expired", cause: cause)
    }

    /// Unknown, or another session's: the caller learns no difference.
    public static let noSuchConversation = ChatError(.notFound, "There is no such conversation in this session")

    /// Unknown, or another session's, too.
    public static let noSuchMessage = ChatError(.notFound, "There is no such message in this session")

    /// Whoever asked ended the call.
    public static let stopped = ChatError(.conflict, "The answer was stopped; ask again for a whole one")

    /// The database cannot be used right now.
    public static func storage(_ cause: String) -> ChatError {
        ChatError(.unavailable, "The message store is not available; please try again", retryAfter: 5, cause: cause)
    }
}
