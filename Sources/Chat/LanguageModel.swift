/// What answers a question: one provider, or several behind retry and fallback.
///
/// Returning means that the provider said everything it had to say: the answer is whole. Throwing a ``ModelFailure``
/// means that there is no answer, whatever was already handed to `onDelta`. Text that somebody has seen cannot be taken
/// back, so a call whose text was seen and that then fails is never tried again, here or elsewhere.
public protocol LanguageModel: Sendable {
    /// - Parameters:
    ///   - request: what to ask, with every parameter that decides the answer.
    ///   - deadline: when the caller stops waiting; no try may outlive it.
    ///   - onDelta: gets each piece of the answer as it arrives, in order. Nil means that nobody can be watching.
    /// - Throws: ``ModelFailure``, `CancellationError` or, from a provider that was at work, ``AbandonedCall``.
    func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws
        -> ModelAnswer

    /// Whether it can do what the request needs, such as calling tools. One that cannot is not asked.
    func supports(_ request: ModelRequest) -> Bool
}

extension LanguageModel {
    public func supports(_ request: ModelRequest) -> Bool { true }
}

/// Takes an answer piece by piece while it is made.
public protocol DeltaHandler: AnyObject, Sendable {
    func take(_ delta: AnswerDelta)

    /// Drops what was taken so far, because the answer is made anew.
    ///
    /// - Returns: false when somebody has seen of it: it cannot be taken back.
    func startOver() -> Bool
}

/// What is put to a model, with everything that decides its answer.
public struct ModelRequest: Sendable, Hashable {
    /// Oldest first, at least one; the last one is answered.
    public let messages: [ChatMessage]
    /// The model that the caller wants; nil for any.
    public let model: String?
    /// The models that may answer, in the order of fallback; nil for all.
    public let models: [String]?
    /// Sampling temperature, 0 to 2; nil for the model's own.
    public let temperature: Double?
    /// The most tokens that the answer may have.
    public let maxTokens: Int
    public let sampling: Sampling
    /// Nil for none.
    public let tools: Tools?
    /// How long one try of a provider may take; nil for what the provider's own settings say.
    public let tryLimit: Duration?
    /// The work that asks: of one call of a provider the call's own. It decides nothing of the answer.
    public var trace: TraceContext?

    public init(
        messages: [ChatMessage], model: String? = nil, models: [String]? = nil, temperature: Double?, maxTokens: Int,
        sampling: Sampling = Sampling(), tools: Tools? = nil, tryLimit: Duration? = nil
    ) {
        self.models = models
        self.tools = tools
        self.tryLimit = tryLimit
        self.messages = messages
        self.model = model
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.sampling = sampling
    }

    /// The same, as a part of the work that asks.
    public func inPart() -> ModelRequest {
        var part = self
        part.trace = trace?.child()
        return part
    }

    /// Bytes of what the model is told of tools and calls.
    var toolBytes: Int {
        messages.reduce((tools?.definitions.utf8.count ?? 0) + (tools?.choice?.utf8.count ?? 0)) {
            $0 + ($1.toolCalls?.utf8.count ?? 0) + ($1.toolCallID?.utf8.count ?? 0)
        }
    }

    /// Whether tools may be called, or were called before.
    public var usesTools: Bool { tools != nil || messages.contains { $0.toolCalls != nil || $0.role == .tool } }
}

/// Why an answer ends where it does, by its name on the wire and in the database.
public enum FinishReason: String, Sendable, Hashable {
    /// All was said.
    case stop
    /// The most tokens that it may have were reached.
    case length
    /// The caller is asked to call tools, and to come back with the results.
    case toolCalls = "tool_calls"
    /// A fixed text in place of an answer: no model saw the message.
    case blocked
}

/// All that the provider said, and what it cost.
public struct ModelAnswer: Sendable, Hashable {
    public let text: String
    /// What the caller is asked to call, in order.
    public let toolCalls: [ToolCall]
    /// The model's own name for itself, as the provider reported it, else the configured name.
    public let model: String
    /// The provider's setting name: "gemini", "openrouter", "openai" or "echo".
    public let provider: String
    public let usage: TokenUsage
    /// `.stop`, `.length` or `.toolCalls`.
    public let finishReason: FinishReason
    /// The provider's own name for this answer; nil when it said none.
    public let responseID: String?

    public init(
        text: String, toolCalls: [ToolCall] = [], model: String, provider: String, usage: TokenUsage,
        finishReason: FinishReason = .stop, responseID: String? = nil
    ) {
        self.text = text
        self.toolCalls = toolCalls
        self.model = model
        self.provider = provider
        self.usage = usage
        self.finishReason = finishReason
        self.responseID = responseID
    }
}

/// Tokens as the provider counted them. A count that no answer can have is brought into 0…1,000,000,000, so that no
/// provider's number can overflow ours.
public struct TokenUsage: Sendable, Hashable {
    private static let credible = 0...1_000_000_000

    public let prompt: Int
    /// Those of the prompt that the provider had kept from an earlier request.
    public let cachedPrompt: Int
    /// Those of the prompt that the provider wrote into its cache for later requests.
    public let writtenPrompt: Int
    /// All that is billed as output, thoughts too.
    public let completion: Int
    /// Those of the completion that were thoughts.
    public let reasoning: Int
    public let total: Int
    /// What the provider itself says that it charges.
    public let charge: Money?
    /// The provider said nothing: it is a guess by the length of the texts.
    public let isEstimated: Bool

    public init(
        prompt: Int, cachedPrompt: Int = 0, writtenPrompt: Int = 0, completion: Int, reasoning: Int = 0,
        total: Int? = nil, charge: Money? = nil, isEstimated: Bool = false
    ) {
        self.prompt = Self.clamped(prompt)
        self.cachedPrompt = min(Self.clamped(cachedPrompt), self.prompt)
        self.writtenPrompt = min(Self.clamped(writtenPrompt), self.prompt - self.cachedPrompt)
        self.completion = Self.clamped(completion)
        self.reasoning = min(Self.clamped(reasoning), self.completion)
        self.total = Self.clamped(max(total ?? 0, self.prompt + self.completion))
        self.charge = charge
        self.isEstimated = isEstimated
    }

    /// What a request and its answer may have used, of which the provider did not say anything: four bytes a token, and
    /// four tokens a message.
    public static func estimate(of request: ModelRequest, answer: String) -> TokenUsage {
        TokenUsage(
            prompt: request.messages.reduce(request.toolBytes / 4) { $0 + estimate(of: $1) },
            completion: estimate(of: answer),
            isEstimated: true)
    }

    static func estimate(of message: ChatMessage) -> Int { estimate(of: message.text) + 4 }

    private static func estimate(of text: String) -> Int { (text.utf8.count + 3) / 4 }

    private static func clamped(_ count: Int) -> Int {
        min(max(count, credible.lowerBound), credible.upperBound)
    }
}

/// The caller went away while a provider was at work: what it had generated by then is paid for.
public struct AbandonedCall: Error, Sendable, Hashable {
    /// As far as it was said.
    public let text: String
    /// The model's own name for itself, else the configured name.
    public let model: String
    public let provider: String
    /// As the provider said, else an estimate.
    public let usage: TokenUsage

    public init(text: String, model: String, provider: String, usage: TokenUsage) {
        self.text = text
        self.model = model
        self.provider = provider
        self.usage = usage
    }
}

/// Why a provider gave no answer.
public struct ModelFailure: Error, Sendable, Equatable, Codable {
    public enum Reason: Sendable, Equatable, Codable {
        /// No connection, a reset, or an end before any text.
        case unreachable
        /// Some of the answer came, and then the end of the connection.
        case truncated
        /// Silence: no connection, no headers, or nothing more after some of the answer, in time.
        case timedOut
        /// A reply began, and no word of an answer came in time: the model may be thinking.
        case wordless
        /// At work until its time was over, or its reply as large as one may be.
        case unfinished
        /// 429; the provider's Retry-After where it sent one.
        case rateLimited(retryAfter: Duration?)
        /// 5xx; the provider's Retry-After where it sent one.
        case serverError(status: Int, retryAfter: Duration?)
        /// A body that is not the provider's wire format.
        case malformed
        /// 401, 402 or 403: the key or the credit.
        case unauthorized(status: Int)
        /// Not asked, because it failed so often: for how long its circuit stays open.
        case circuitOpen(for: Duration)
        /// The provider's content filter; the provider's own word for why.
        case filtered(reason: String)
        /// The question and its context are more than the model can take.
        case tooLong
        /// Any other 4xx: the request itself is refused.
        case refused(status: Int)
        /// The provider answered, with no text and no call in it.
        case empty
        /// All of the answer's tokens were used up, by thoughts, before its first word.
        case outOfTokens
        /// Not asked, because the day has seen as many calls as it may: for how long that lasts.
        case dailyCallsSpent(for: Duration)

        /// What processes write for each other, those of an older version too.
        enum CodingKeys: String, CodingKey {
            case unreachable, timedOut, wordless, unfinished, rateLimited, serverError, malformed, unauthorized
            case filtered, tooLong, refused, empty, outOfTokens, dailyCallsSpent
            case truncated = "brokenOff"
            case circuitOpen = "resting"
        }
    }

    public let provider: String
    public let reason: Reason
    /// For the log only: it may quote the provider.
    public let detail: String

    public init(provider: String, reason: Reason, detail: String) {
        self.provider = provider
        self.reason = reason
        self.detail = detail
    }

    /// Whether the provider is the reason and not the question: later, or elsewhere, the same question may be answered.
    public var isOutage: Bool {
        switch reason {
        case .unreachable, .truncated, .timedOut, .wordless, .unfinished, .rateLimited, .serverError, .malformed,
            .unauthorized, .circuitOpen, .empty, .dailyCallsSpent:
            true
        case .filtered, .tooLong, .refused, .outOfTokens: false
        }
    }
}

extension ModelFailure.Reason: CustomStringConvertible {
    /// For the log and the operator.
    public var description: String {
        switch self {
        case .unreachable: "cannot be reached"
        case .truncated: "broke off"
        case .timedOut: "timed out"
        case .wordless: "no word in time"
        case .unfinished: "not finished in time"
        case .rateLimited: "rate limited"
        case .serverError: "server error"
        case .malformed: "not its wire format"
        case .unauthorized: "key or credit refused"
        case .circuitOpen: "left alone"
        case .filtered: "filtered"
        case .tooLong: "too long"
        case .refused: "request refused"
        case .empty: "empty answer"
        case .outOfTokens: "no token left for an answer"
        case .dailyCallsSpent: "no call left today"
        }
    }
}
