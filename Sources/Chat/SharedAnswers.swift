public import FoundationEssentials

/// An answer with the request that it answers.
public struct CachedAnswer: Sendable, Hashable {
    public let key: CacheKey
    public let text: String
    public let toolCalls: [ToolCall]
    public let model: String
    public let provider: String
    public let usage: TokenUsage
    public let finishReason: FinishReason
    public let expires: Date

    public init(
        key: CacheKey, text: String, toolCalls: [ToolCall] = [], model: String, provider: String, usage: TokenUsage,
        finishReason: FinishReason = .stop, expires: Date
    ) {
        self.key = key
        self.text = text
        self.toolCalls = toolCalls
        self.model = model
        self.provider = provider
        self.usage = usage
        self.finishReason = finishReason
        self.expires = expires
    }

    /// Text and calls in one, as it is stored.
    public var storedText: String { StoredAnswer(text: text, toolCalls: toolCalls).stored(finishReason) }
}

/// Where the workers share answers.
public protocol AnswerStore: Sendable {
    /// - Returns: the stored answer to exactly this request, expired or not.
    func get(_ key: CacheKey) async throws -> CachedAnswer?

    /// Replaces an answer to the same request.
    func put(_ answer: CachedAnswer) async throws
}

/// The right to ask a model one question, as another process holds it.
public struct Lease: Sendable, Hashable {
    public let key: CacheKey
    /// The exchange that its holder asks for.
    public let id: ExchangeID

    public init(key: CacheKey, id: ExchangeID) {
        self.key = key
        self.id = id
    }
}

/// What has become of a question that another process is asking.
public enum LeaseProgress: Sendable, Equatable {
    case leased
    case answered(CachedAnswer)
    /// A failure that is shared with those who were waiting.
    case failed(ModelFailure)
    /// Its holder died or gave up: somebody else may ask.
    case free
}

/// One process asks a question, the others wait for its answer, its failure or its death.
public protocol CallLease: Sendable {
    /// Takes the lease of a question, or begins to wait for who has it. Of a process's own leases only the latest counts.
    ///
    /// - Parameter lifetime: after which it lapses if its holder has not ended it.
    /// - Returns: another process's lease, which now knows that one more waits; nil when this one may ask.
    func acquire(_ key: CacheKey, for id: ExchangeID, lifetime: Duration) async throws -> Lease?

    func progress(of lease: Lease) async throws -> LeaseProgress

    /// Whether another process waits for the answer that this one is asking for.
    func isAwaited(_ key: CacheKey) async throws -> Bool

    /// Tells the holder that one less waits.
    func stopWaiting(for lease: Lease) async throws

    /// Ends a lease of this process's own, if it has not ended yet.
    ///
    /// - Parameter failure: kept for those who wait now, a little while; nil lets one of them ask.
    func release(_ key: CacheKey, for id: ExchangeID, sharing failure: ModelFailure?) async throws
}
