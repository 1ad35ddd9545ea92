public import FoundationEssentials

/// A complete answer with the request that it answers.
public struct CachedAnswer: Sendable, Hashable {
    public let key: CacheKey
    public let text: String
    public let model: String
    public let provider: String
    public let usage: TokenUsage
    public let expires: Date

    public init(
        key: CacheKey, text: String, model: String, provider: String, usage: TokenUsage, expires: Date
    ) {
        self.key = key
        self.text = text
        self.model = model
        self.provider = provider
        self.usage = usage
        self.expires = expires
    }
}

/// Where the workers share answers. Writing happens with the exchange that earned the answer (``ExchangeStore``).
public protocol SharedAnswers: Sendable {
    /// - Returns: the stored answer to exactly this request, expired or not.
    func stored(for key: CacheKey) async throws -> CachedAnswer?
}

/// Answers that were given before: this worker's memory first, then what the pool shares.
///
/// A hit is an answer to the very same canonical request, not only to the same digest.
public struct AnswerCache: Sendable {
    private let memory: MemoryCache
    private let shared: any SharedAnswers
    /// Seconds that an answer stays good; zero switches the cache off.
    private let lifetime: TimeInterval
    private let now: @Sendable () -> Date

    public init(
        memory: MemoryCache, shared: any SharedAnswers, lifetime: TimeInterval,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.memory = memory
        self.shared = shared
        self.lifetime = lifetime
        self.now = now
    }

    /// - Throws: what the shared store throws; a cache that cannot be read is no reason to answer wrongly.
    public func answer(for key: CacheKey) async throws -> CachedAnswer? {
        guard lifetime > 0 else { return nil }
        let now = now()
        if let hit = memory.answer(for: key, at: now) { return hit }
        guard let hit = try await shared.stored(for: key), hit.expires > now, hit.key == key else { return nil }
        memory.insert(hit)
        return hit
    }

    /// What to store for an answer that was just given; nil when the cache is off.
    func entry(for key: CacheKey, _ answer: ModelAnswer) -> CachedAnswer? {
        guard lifetime > 0 else { return nil }
        return CachedAnswer(
            key: key, text: answer.text, model: answer.model, provider: answer.provider, usage: answer.usage,
            expires: now().addingTimeInterval(lifetime))
    }

    func remember(_ fresh: CachedAnswer?) {
        if let fresh { memory.insert(fresh) }
    }
}
