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
        /// Each session has a cache of its own: a login proves no address, so another session of it may be a stranger's.
        case session
        /// Each user has a cache of their own, whoever they are.
        case user
        /// One cache for all users.
        case shared

        /// No two scopes have a name in common: a session's has 32 bytes, a user's 37.
        func name(for principal: Principal) -> String {
            switch self {
            case .session: principal.session.rawValue
            case .user: principal.user.rawValue
            case .shared: "shared"
            }
        }
    }

    /// What the user of a blocked message reads.
    public static let blockedText =
        "Your message was held for safety reasons and was not sent to the model. Please rephrase it and try again."

    /// What contract the questions come by.
    public enum Contract: Sendable {
        /// A person's question: it is trimmed, and one that is blocked is answered with ``blockedText``.
        case question
        /// A program's request: its texts reach the model as they came, and one that is blocked is an error.
        case completion
    }

    public let contract: Contract
    /// Empty for none.
    public let system: String
    /// Where the request has none; nil for the model's own.
    public let temperature: Double?
    /// Where the request has none.
    public let maxTokens: Int
    /// What can answer, in the order of fallback: part of the cache key.
    public let models: String
    public let modelList: ModelList
    public let prices: PriceList
    /// How long one request may take, all tries together.
    public let deadline: Duration
    public let danger: Danger
    /// The same for what is aimed at the model itself.
    public let promptInjection: Danger
    public let cacheScope: CacheScope
    /// Whether a request with tools may be answered from the cache, or together with an equal one.
    public let cachesTools: Bool
    /// How many earlier messages of a conversation go along.
    public let contextTurns = 8
    /// The most tokens of them, estimated.
    public let contextTokens: Int

    public init(
        contract: Contract = .question, system: String, temperature: Double?, maxTokens: Int, models: String,
        modelList: ModelList = ModelList([]), prices: PriceList = PriceList([:]), deadline: Duration, danger: Danger,
        promptInjection: Danger = .flag, cacheScope: CacheScope, cachesTools: Bool = false, contextTokens: Int = 8_000
    ) {
        self.contextTokens = contextTokens
        self.cachesTools = cachesTools
        self.contract = contract
        self.system = system
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.models = models
        self.modelList = modelList
        self.prices = prices
        self.deadline = deadline
        self.danger = danger
        self.promptInjection = promptInjection
        self.cacheScope = cacheScope
    }

    /// What becomes of a message of this category of danger; ``Danger/off`` without one.
    ///
    /// - Parameter isSure: what is not sure is not held.
    func treatment(of danger: String?, isSure: Bool) -> Danger {
        let named =
            switch danger {
            case nil: Danger.off
            case "prompt_injection": promptInjection
            default: self.danger
            }
        return named == .hold && !isSure ? .flag : named
    }

    /// - Returns: the request with its model's own name and, for a key that may not ask all models, those that may
    ///   answer.
    /// - Throws: ``ChatError`` `.noSuchModel` for a model that is not there, or not for this key; `.forbidden` for a
    ///   key that may ask none.
    func admitted(_ request: ChatRequest, for principal: Principal) throws(ChatError) -> ChatRequest {
        if principal.key == nil, request.model == nil { return request }
        if principal.key?.isManagement == true { throw ChatError(.forbidden, "A management key cannot ask a model") }
        let allowed = modelList.allowed(to: principal)
        var request = request
        if let model = request.model { request.model = try allowed.model(model).name }
        guard principal.key?.models != nil, allowed.models != modelList.models else { return request }
        guard !allowed.models.isEmpty else {
            throw ChatError(.forbidden, "The key may ask none of the models that answer here")
        }
        request.models = allowed.models.map(\.name)
        return request
    }

    /// The most that a request can cost; nil when nobody knows.
    func worstCase(of request: ModelRequest) -> Money? {
        let allowed = request.models.map { names in modelList.models.filter { names.contains($0.name) } }
        return prices.worstCase(of: request, among: allowed?.map(\.owner))
    }

    /// - Parameters:
    ///   - text: what the sanitizer left of the request's last message.
    ///   - context: the turns before the request's messages.
    /// - Throws: ``ChatError`` `.invalidField` when nothing is left of a question, which was not empty.
    func modelRequest(_ request: ChatRequest, _ text: String, context: [ChatMessage]) throws(ChatError)
        -> ModelRequest
    {
        if contract == .question, text.isEmpty {
            throw .invalid(request.field, "has nothing but markup and control characters, which are removed")
        }
        let text = contract == .question ? try Prompt(text, field: request.field).text : text
        var messages: [ChatMessage] = []
        messages.reserveCapacity(1 + context.count + request.messages.count)
        if !system.isEmpty { messages.append(ChatMessage(role: .system, text: system)) }
        messages += fitting(context)
        messages += request.messages.dropLast()
        messages.append(request.message.with(text))
        return ModelRequest(
            messages: messages, model: request.model, models: request.models,
            temperature: request.parameters.temperature ?? temperature,
            maxTokens: request.parameters.maxTokens ?? maxTokens, sampling: request.parameters.sampling,
            tools: request.parameters.tools, tryLimit: contract == .completion ? deadline : nil)
    }

    /// - Parameter context: questions, each with its answer after it.
    /// - Returns: the last of them that fit, none without its other half.
    private func fitting(_ context: [ChatMessage]) -> ArraySlice<ChatMessage> {
        var (start, tokens) = (context.endIndex, 0)
        while start > 1 {
            tokens += context[start - 2..<start].reduce(0) { $0 + TokenUsage.estimate(of: $1) }
            guard tokens <= contextTokens else { break }
            start -= 2
        }
        return context[start...]
    }

    /// A provider's name for its verdict, and no sentence of its own making.
    private static func isOneWord(_ word: String) -> Bool {
        (1...40).contains(word.utf8.count)
            && word.unicodeScalars.allSatisfy { $0 == "_" || $0.isASCII && $0.properties.isAlphabetic }
    }

    /// What the caller learns of a provider's failure; the provider's own words stay in the log.
    ///
    /// - Parameter field: the request's own name for the text.
    func error(for failure: ModelFailure, field: String, deadline: ContinuousClock.Instant) -> ChatError {
        let cause = "\(failure.reason): \(failure.detail)"
        if case .filtered(let word) = failure.reason {
            let reason = Self.isOneWord(word) ? word : "content filter"
            return ChatError(
                .filtered, "The model's content filter refused this message (\(reason)); please rephrase it",
                details: ["\(failure.provider): \(reason)"], cause: cause)
        }
        if failure.reason == .tooLong {
            return ChatError(
                .contextTooLong,
                "The message, with its conversation, is too long for the model; shorten it or begin a new conversation",
                details: ["\(field): too long for the model"], field: field, cause: cause)
        }
        if case .dailyCallsSpent(let wait) = failure.reason { return .dailyCallsSpent(until: wait, cause: cause) }
        if ContinuousClock.now >= deadline {
            return ChatError(.deadlinePassed, "The model did not answer in time; please try again", cause: cause)
        }
        switch failure.reason {
        case .truncated:
            return unavailable(after: nil, "The answer broke off; please try again", cause)
        case .unreachable, .timedOut, .wordless:
            return unavailable(after: nil, "No model provider can answer right now; please try again", cause)
        case .serverError(_, let wait):
            return unavailable(after: wait, "No model provider can answer right now; please try again", cause)
        case .circuitOpen(let wait):
            return unavailable(after: wait, "No model provider can answer right now; please try again", cause)
        case .unauthorized:
            return unavailable(
                after: .seconds(60), "No model provider can answer right now; please try again later", cause)
        case .rateLimited(let wait):
            return unavailable(after: wait, "The model provider is busy; please try again", cause)
        case .unfinished:
            return ChatError(
                .providerFailed, "The model did not finish its answer; ask for a shorter one, or try again",
                cause: cause)
        case .outOfTokens:
            return ChatError(
                .providerFailed,
                "The model used up its tokens before the first word of an answer; CHAT_MAX_TOKENS must be raised",
                cause: cause)
        case .malformed, .empty, .tooLong, .refused, .filtered, .dailyCallsSpent:
            return ChatError(.providerFailed, "The model provider could not answer this request", cause: cause)
        }
    }

    private func unavailable(after wait: Duration?, _ words: String, _ cause: String) -> ChatError {
        let seconds = wait.map { Int(($0.milliseconds / 1_000).rounded(.up)) } ?? 5
        return ChatError(.unavailable, words, retryAfter: min(max(seconds, 1), 60), cause: cause)
    }
}
