public import FoundationEssentials

/// An answer with the request that it answers.
public struct CachedAnswer: Sendable, Hashable {
    public let key: CacheKey
    public let text: String
    public let model: String
    public let provider: String
    public let usage: TokenUsage
    public let finishReason: FinishReason
    public let expires: Date

    public init(
        key: CacheKey, text: String, model: String, provider: String, usage: TokenUsage,
        finishReason: FinishReason = .stop, expires: Date
    ) {
        self.key = key
        self.text = text
        self.model = model
        self.provider = provider
        self.usage = usage
        self.finishReason = finishReason
        self.expires = expires
    }
}

/// The right to ask a model one question, as another process holds it.
public struct Lease: Sendable, Hashable {
    public let key: CacheKey
    public let number: Int64

    public init(key: CacheKey, number: Int64) {
        self.key = key
        self.number = number
    }
}

/// What has become of a question that another process is asking.
public enum LeaseProgress: Sendable, Equatable {
    case held
    case answered(CachedAnswer)
    /// A failure that is shared with those who were waiting.
    case failed(ModelFailure)
    /// Its holder died or gave up: somebody else may ask.
    case free
}

/// Where the workers share answers, and the right to ask for them. Writing happens with the exchange that earned the
/// answer, and taking the right with the place of the one who asks (``ExchangeStore``).
public protocol SharedAnswers: Sendable {
    /// - Returns: the stored answer to exactly this request, expired or not.
    func stored(for key: CacheKey) async throws -> CachedAnswer?

    func progress(of lease: Lease) async throws -> LeaseProgress

    /// Whether another process waits for the answer that this one is asking for.
    func isAwaited(_ key: CacheKey) async throws -> Bool

    /// Tells the holder that one less waits.
    func stopWaiting(for lease: Lease) async throws
}

/// Answers that were given before: this worker's memory first, then what the pool shares.
///
/// A hit is an answer to the very same canonical request, not only to the same digest.
public struct AnswerCache: Sendable {
    /// How often to look whether another process has the answer.
    private static let pollInterval = Duration.milliseconds(20)

    /// Seconds; whoever waits looks every 20 milliseconds.
    private static let momentForWaiters: TimeInterval = 5

    private let memory: MemoryCache
    private let shared: any SharedAnswers
    /// Seconds that an answer stays good; zero switches the cache off.
    private let lifetime: TimeInterval
    /// Seconds that an expired answer may still be given when no model answers.
    private let staleLifetime: TimeInterval
    private let keepsTruncated: Bool
    private let now: @Sendable () -> Date
    private let clock: any Clock<Duration>

    /// - Parameter keepsTruncated: whether an answer that was cut by length is given again.
    public init(
        memory: MemoryCache, shared: any SharedAnswers, lifetime: TimeInterval, staleLifetime: TimeInterval = 0,
        keepsTruncated: Bool = false, now: @escaping @Sendable () -> Date = { Date() },
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.memory = memory
        self.shared = shared
        self.lifetime = lifetime
        self.staleLifetime = staleLifetime
        self.keepsTruncated = keepsTruncated
        self.now = now
        self.clock = clock
    }

    /// Without a cache nothing is shared: each question is a call of its own.
    var isOn: Bool { lifetime > 0 }

    /// - Parameter inPool: whether to look beyond this worker's memory.
    /// - Throws: what the shared store throws; a cache that cannot be read is no reason to answer wrongly.
    public func answer(for key: CacheKey, inPool: Bool = true) async throws -> CachedAnswer? {
        guard isOn else { return nil }
        let now = now()
        if let hit = memory.answer(for: key, at: now) { return hit }
        guard inPool, let hit = try await shared.stored(for: key), hit.expires > now, hit.key == key else { return nil }
        memory.insert(hit)
        return hit
    }

    /// An answer that is better than none, however old within its limit.
    ///
    /// - Returns: with it whether it has expired; another worker may just have got a new one.
    func lastResort(for key: CacheKey) async throws -> (answer: CachedAnswer, isStale: Bool)? {
        guard isOn, let old = try await shared.stored(for: key), old.key == key else { return nil }
        let now = now()
        if old.expires > now { return (old, false) }
        return old.expires.addingTimeInterval(staleLifetime) > now ? (old, true) : nil
    }

    /// Waits until the process that asks has its answer, gives up or dies.
    ///
    /// - Returns: anything but `.held`.
    func settled(_ lease: Lease, by deadline: ContinuousClock.Instant) async throws -> LeaseProgress {
        while true {
            let progress = try await shared.progress(of: lease)
            guard progress == .held else { return progress }
            let now = ContinuousClock.now
            guard now < deadline else {
                return .failed(
                    ModelFailure(provider: "another worker", reason: .timedOut, detail: "has no answer yet"))
            }
            do { try await clock.sleep(for: min(Self.pollInterval, deadline - now)) } catch {
                // Otherwise the holder would go on for nobody.
                try await shared.stopWaiting(for: lease)
                throw error
            }
        }
    }

    /// Whether a call may be ended, because nobody elsewhere waits for it.
    func mayAbandon(_ key: CacheKey) async -> Bool {
        do { return try await !shared.isAwaited(key) } catch { return true }
    }

    /// What those who wait for an answer share; nil when the cache is off.
    func entry(for key: CacheKey, _ answer: ModelAnswer) -> CachedAnswer? {
        guard isOn else { return nil }
        return CachedAnswer(
            key: key, text: answer.text, model: answer.model, provider: answer.provider, usage: answer.usage,
            finishReason: answer.finishReason, expires: now().addingTimeInterval(lifetime))
    }

    /// What to store of it: an answer that was cut by length only for processes that wait for it now, and only until they
    /// have looked.
    func stored(_ entry: CachedAnswer?) async -> CachedAnswer? {
        guard let entry, entry.finishReason == .length, !keepsTruncated else { return entry }
        guard await !mayAbandon(entry.key) else { return nil }
        return CachedAnswer(
            key: entry.key, text: entry.text, model: entry.model, provider: entry.provider, usage: entry.usage,
            finishReason: entry.finishReason, expires: now().addingTimeInterval(Self.momentForWaiters))
    }

    func remember(_ fresh: CachedAnswer?) {
        if let fresh { memory.insert(fresh) }
    }
}
