/// The operator's decisions about every chat, from the settings.
public struct ChatPolicy: Sendable {
    public enum Danger: String, Sendable, CaseIterable {
        /// Not sent to a model: the user gets a fixed text.
        case hold
        /// Answered, and the exchange is marked.
        case flag
        /// Answered like any other text.
        case off
    }

    public enum CacheScope: String, Sendable, CaseIterable {
        /// Each user has a cache of their own.
        case user
        /// One cache for all users.
        case shared

        func name(for user: UserID) -> String { self == .user ? user.rawValue : "shared" }
    }

    /// What the user of a held message reads.
    public static let heldText =
        "Your message was held for safety reasons and was not sent to the model. Please rephrase it and try again."

    public let system: String
    public let temperature: Double
    public let maxTokens: Int
    /// What can answer, in the order of fallback: part of the cache key.
    public let models: String
    /// How long one request may take, all tries together.
    public let deadline: Duration
    public let messageLimit: Int
    public let danger: Danger
    public let cacheScope: CacheScope
    /// How many earlier messages of a conversation go along.
    public let contextTurns = 8

    public init(
        system: String, temperature: Double, maxTokens: Int, models: String, deadline: Duration, messageLimit: Int,
        danger: Danger, cacheScope: CacheScope
    ) {
        self.system = system
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.models = models
        self.deadline = deadline
        self.messageLimit = messageLimit
        self.danger = danger
        self.cacheScope = cacheScope
    }

    func request(_ prompt: Prompt, context: [ModelRequest.Turn]) -> ModelRequest {
        ModelRequest(system: system, context: context, prompt: prompt, temperature: temperature, maxTokens: maxTokens)
    }

    var quotaExceeded: ChatError { .quotaExceeded(limit: messageLimit) }

    /// A provider's name for its verdict, and no sentence of its own making.
    private static func isOneWord(_ word: String) -> Bool {
        (1...40).contains(word.utf8.count)
            && word.unicodeScalars.allSatisfy { $0 == "_" || $0.isASCII && $0.properties.isAlphabetic }
    }

    /// What the caller learns of a provider's failure; the provider's own words stay in the log.
    func error(for failure: ModelFailure, deadline: ContinuousClock.Instant) -> ChatError {
        let cause = "\(failure.provider): \(failure.reason): \(failure.detail)"
        if case .filtered(let word) = failure.reason {
            let reason = Self.isOneWord(word) ? word : "content filter"
            return ChatError(
                .filtered, "The model's content filter refused this message (\(reason)); please rephrase it",
                details: ["\(failure.provider): \(reason)"], cause: cause)
        }
        if ContinuousClock.now >= deadline {
            return ChatError(.deadlinePassed, "The model did not answer in time; please try again", cause: cause)
        }
        switch failure.reason {
        case .unreachable, .timedOut, .serverError:
            return ChatError(
                .unavailable, "No model provider can be reached right now; please try again", retryAfter: 5,
                cause: cause)
        case .rateLimited(let wait):
            let seconds = wait.map { max(1, Int($0.components.seconds)) } ?? 5
            return ChatError(
                .unavailable, "The model provider is busy; please try again", retryAfter: seconds, cause: cause)
        case .malformed, .empty, .unauthorized, .refused, .filtered:
            return ChatError(.providerFailed, "The model provider could not answer this request", cause: cause)
        }
    }
}
