/// One call of a provider, a try again being another: what became of it, for whoever counts and traces.
public struct ModelAttempt: Sendable {
    /// All the ways in which a call can end.
    public enum Outcome: String, Sendable, CaseIterable {
        case answered
        /// The caller went away.
        case abandoned
        case unreachable, truncated
        case timedOut = "timed_out"
        case wordless, unfinished
        case rateLimited = "rate_limited"
        case serverError = "server_error"
        case malformed, unauthorized, filtered
        case tooLong = "too_long"
        case refused, empty
        case outOfTokens = "out_of_tokens"

        /// Nil for a provider that was not asked at all.
        public init?(_ reason: ModelFailure.Reason) {
            switch reason {
            case .unreachable: self = .unreachable
            case .truncated: self = .truncated
            case .timedOut: self = .timedOut
            case .wordless: self = .wordless
            case .unfinished: self = .unfinished
            case .rateLimited: self = .rateLimited
            case .serverError: self = .serverError
            case .malformed: self = .malformed
            case .unauthorized: self = .unauthorized
            case .filtered: self = .filtered
            case .tooLong: self = .tooLong
            case .refused: self = .refused
            case .empty: self = .empty
            case .outOfTokens: self = .outOfTokens
            case .circuitOpen, .dailyCallsSpent: return nil
            }
        }
    }

    /// The provider's setting name.
    public let provider: String
    /// The model that the settings name for it.
    public let model: String
    /// Where it is asked; nil for one that is no server.
    public let server: ServerAddress?
    /// Its trace context is the call's own.
    public let request: ModelRequest
    public let start: ContinuousClock.Instant
    public let end: ContinuousClock.Instant
    /// When the first piece of the answer came; nil when none did.
    public let firstPiece: ContinuousClock.Instant?
    public let outcome: Outcome
    /// The model's own name for itself; nil when it said none.
    public let answeringModel: String?
    /// Nil when nobody knows: of a failure.
    public let usage: TokenUsage?
    /// What it cost; nil when nobody knows.
    public let cost: Money?
    /// Nil when there is no answer.
    public let finishReason: FinishReason?
    /// What was said; nil when there is no answer.
    public let text: String?
    /// The provider's own name for its answer; nil when it said none.
    public let responseID: String?

    public init(
        provider: String, model: String, server: ServerAddress? = nil, request: ModelRequest,
        start: ContinuousClock.Instant, end: ContinuousClock.Instant, firstPiece: ContinuousClock.Instant?,
        outcome: Outcome, answeringModel: String? = nil, usage: TokenUsage? = nil, cost: Money? = nil,
        finishReason: FinishReason? = nil, text: String? = nil, responseID: String? = nil
    ) {
        self.provider = provider
        self.model = model
        self.server = server
        self.request = request
        self.start = start
        self.end = end
        self.firstPiece = firstPiece
        self.outcome = outcome
        self.answeringModel = answeringModel
        self.usage = usage
        self.cost = cost
        self.finishReason = finishReason
        self.text = text
        self.responseID = responseID
    }
}

/// Where a server is asked.
public struct ServerAddress: Sendable, Hashable {
    /// A name, or an IP address without brackets.
    public let host: String
    public let port: Int

    public init(host: String, port: Int) { (self.host, self.port) = (host, port) }
}

/// Where it is told what became of the calls of providers.
public protocol ModelAttemptObserver: Sendable {
    /// Called once for each call, when it has ended, on the event loop: it must not block.
    func record(_ attempt: ModelAttempt)
}
