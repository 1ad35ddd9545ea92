public import FoundationEssentials

/// Answers that were given before, and those that are being made: one call with a key and a way to fill it.
///
///     memory ─▶ a call under way here ─▶ reserve: the pool's answers, and the lease ─▶ fill
///                                          └─ leased by another process: wait for it
///
/// Equal questions at the same time are one fill. In this process they share one task (``SingleFlight``); between processes
/// the one who fills holds a ``Lease``, and the others wait for its answer, its failure or its death. A failure is shared
/// with those who wait, and with nobody else; an expired answer is better than a failure.
///
/// A hit is an answer to the very same canonical request, not only to the same digest.
public final class AnswerCache: Sendable {
    /// When the text of a stream goes out.
    public enum StreamCommit: String, Sendable, CaseIterable {
        /// As it comes.
        case immediate
        /// When the answer is whole and recorded.
        case buffered
    }

    /// What came of a fill, for everybody who waited for it.
    enum Filled: Sendable {
        /// The exchange of the one who filled; nothing is shared when the cache is off.
        case answered(Exchange, CachedAnswer?)
        /// - Parameter isPrivate: not for those who have seen nothing of it: nothing was tried again because others had,
        ///   or because the time of the one who filled was over.
        case failed(ModelFailure, isPrivate: Bool)
    }

    /// Makes the answer that a message was reserved for, and settles it.
    typealias Fill =
        @Sendable (Reservation, _ trace: inout RequestTrace, _ feed: AnswerFeed?) async throws -> Filled

    enum Answered: Sendable {
        /// By the caller's own fill.
        case filled(Exchange)
        /// Another's answer; the caller records that it was given.
        ///
        /// - Parameters:
        ///   - given: what the caller has had of it.
        ///   - wasReserved: a message of the caller's is reserved for it, or was for a call that failed.
        case cached(CachedAnswer, RequestTrace.CacheOutcome, Flight.Given = Flight.Given(), wasReserved: Bool = false)
    }

    /// How often to look whether another process has the answer.
    private static let pollInterval = Duration.milliseconds(20)

    /// Seconds; whoever waits looks every 20 milliseconds.
    private static let momentForWaiters: TimeInterval = 5

    private let memory: MemoryCache
    let ledger: any Ledger
    private let answers: any AnswerStore
    private let leases: any CallLease
    /// Nil where there are no other processes.
    private let relay: (any AnswerRelay)?
    private let lifetimes: CacheLifetimes
    /// The model that is asked when a request names none.
    private let firstModel: String?
    /// Seconds that an expired answer may still be given when no model answers.
    private let staleLifetime: TimeInterval
    private let keepsTruncated: Bool
    let streamCommit: StreamCommit
    private let now: @Sendable () -> Date
    private let background: Background
    /// Calls of this process.
    let flights: SingleFlight<Flight.Outcome>

    /// - Parameters:
    ///   - relay: where the text of other processes' calls comes from.
    ///   - firstModel: what is asked when a request names no model.
    ///   - keepsTruncated: whether an answer that was cut by length is given again.
    ///   - streamCommit: when those who watch are given text.
    ///   - background: where fills run, and what waiting goes by.
    public init(
        memory: MemoryCache, ledger: any Ledger, answers: any AnswerStore, leases: any CallLease,
        relay: (any AnswerRelay)? = nil, lifetimes: CacheLifetimes, firstModel: String? = nil,
        staleLifetime: TimeInterval = 0,
        keepsTruncated: Bool = false, streamCommit: StreamCommit = .immediate,
        now: @escaping @Sendable () -> Date = { Date() }, background: Background = Background()
    ) {
        self.memory = memory
        self.ledger = ledger
        self.answers = answers
        self.leases = leases
        self.relay = relay
        self.lifetimes = lifetimes
        self.firstModel = firstModel
        self.staleLifetime = staleLifetime
        self.keepsTruncated = keepsTruncated
        self.streamCommit = streamCommit
        self.now = now
        self.background = background
        flights = SingleFlight(background)
    }

    /// What a question may have of the cache. Where that is nothing, it is a call of its own.
    func use(_ key: CacheKey, of request: ModelRequest, _ control: CacheControl) -> CacheUse {
        CacheUse(key, lifetime: lifetimes.lifetime(of: request, else: firstModel), control)
    }

    /// The answer to a question: an old one, one that is being made, or a new one.
    ///
    /// - Parameters:
    ///   - use: what the question may have of the cache.
    ///   - id: what a fill is reserved and settled under.
    ///   - hold: the most that a fill may use.
    ///   - limit: how many may wait for a fill. A hit needs no place in it.
    ///   - onAnswer: gets the text as it arrives, of whoever's fill it is; nil when nobody watches.
    /// - Throws: ``ModelFailure``, ``ChatError``, `CancellationError`, or what `onAnswer` threw.
    @inline(never)
    func answer(
        for use: CacheUse, _ id: ExchangeID, _ principal: Principal, hold: Hold, by deadline: ContinuousClock.Instant,
        limit: ConcurrencyLimit, trace: inout RequestTrace, _ onAnswer: AnswerHandler?, fill: @escaping Fill
    ) async throws -> Answered {
        // What the pool shares is looked up with the reservation; where no question may be asked, before it.
        if let hit = try await trace.time(.cache, { try await hit(use, inPool: limit.isFull) }) {
            return .cached(hit, .hit)
        }
        try limit.enter()
        defer { limit.leave() }
        let flight = Flight(
            cache: self,
            Reservation(
                id: id, principal: principal, key: use.takes ? use.key : nil, hold: hold, deadline: deadline,
                takesTruncated: keepsTruncated),
            fill: fill)
        do { return try await answered(flight, use, by: deadline, trace: &trace, onAnswer) } catch {
            await flight.leave()
            throw error
        }
    }

    @inline(never)
    private func answered(
        _ flight: Flight, _ use: CacheUse, by deadline: ContinuousClock.Instant, trace: inout RequestTrace,
        _ onAnswer: AnswerHandler?
    ) async throws -> Answered {
        while true {
            let (outcome, isFirst, isReserved, given) = try await flight.outcome(trace: &trace, onAnswer)
            switch outcome?.event ?? .filled(.failed(Self.overdue, isPrivate: false)) {
            case .filled(.answered(let exchange, _)) where isFirst: return .filled(exchange)
            case .filled(.answered(_, let answer?)), .found(let answer):
                return .cached(answer, .joined, given, wasReserved: isReserved)
            case .stored(let answer): return .cached(answer, .hit, wasReserved: isReserved)
            case .filled(.answered(_, nil)):
                throw ChatError(.internalFault, "Something went wrong here", cause: "a call without an answer to share")
            // Nothing was tried again because others had seen text, or the time of the one who asked was over.
            case .filled(.failed(_, isPrivate: true)) where given.isNothing && ContinuousClock.now < deadline: continue
            case .filled(.failed(let failure, _)):
                guard failure.isOutage, given.isNothing, let last = try? await lastResort(for: use) else {
                    throw failure
                }
                trace.remark = "\(failure.reason): \(failure.detail)"
                return .cached(last.answer, last.isStale ? .stale : .joined, wasReserved: isReserved)
            // The next of those who waited asks in its own name.
            case .refused where !isFirst && given.isNothing: continue
            case .refused(let refusal): throw refusal.error
            case .broken(let error): throw error
            }
        }
    }

    private static let overdue = ModelFailure(
        provider: "an equal question", reason: .timedOut, detail: "has no answer yet")

    func hit(_ use: CacheUse, inPool: Bool) async throws -> CachedAnswer? {
        guard use.takes else { return nil }
        let (key, now) = (use.key, now())
        if let hit = memory.answer(for: key, at: now) { return hit }
        guard inPool, let hit = try await kept(key), hit.expires > now else { return nil }
        memory.insert(hit)
        return hit
    }

    /// An answer that is better than none, however old within its limit.
    ///
    /// - Returns: with it whether it has expired; another worker may just have got a new one.
    func lastResort(for use: CacheUse) async throws -> (answer: CachedAnswer, isStale: Bool)? {
        guard use.takes, let old = try await kept(use.key) else { return nil }
        let now = now()
        if old.expires > now { return (old, false) }
        return old.expires.addingTimeInterval(staleLifetime) > now ? (old, true) : nil
    }

    /// - Returns: what the pool has for a key, but for what only those who waited for it may have.
    private func kept(_ key: CacheKey) async throws -> CachedAnswer? {
        guard let answer = try await answers.get(key), answer.key == key else { return nil }
        return answer.finishReason != .length || keepsTruncated ? answer : nil
    }

    /// What a call of this process says, for other processes; nil when there is none for that key.
    public func feed(of digest: [UInt8]) -> AnswerFeed? { flights.feed(of: digest) }

    // MARK: What a fill gives to share

    /// What those who wait for an answer here share; nil when it is for its caller alone.
    func entry(_ use: CacheUse, _ answer: ModelAnswer) -> CachedAnswer? {
        use.gives ? CachedAnswer(use.key, answer, expires: now().addingTimeInterval(use.lifetime)) : nil
    }

    /// What to store of it: an answer that was cut by length only for processes that wait for it now, and only until they
    /// have looked.
    func stored(_ entry: CachedAnswer?, _ answer: ModelAnswer) async -> CachedAnswer? {
        guard let entry, entry.finishReason == .length, !keepsTruncated else { return entry }
        guard await !mayAbandon(entry.key) else { return nil }
        return CachedAnswer(entry.key, answer, expires: now().addingTimeInterval(Self.momentForWaiters))
    }

    func remember(_ fresh: CachedAnswer?) {
        guard let fresh, fresh.finishReason != .length || keepsTruncated else { return }
        memory.insert(fresh)
    }

    /// Has `action` called at an instant, unless the task is cancelled before.
    func alarm(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Task<Void, Never> {
        background.start {
            do { try await self.background.clock.sleep(for: instant - .now) } catch { return }
            action()
        }
    }

    /// Whether a call may be ended, because nobody elsewhere waits for it.
    func mayAbandon(_ key: CacheKey) async -> Bool {
        do { return try await !leases.isAwaited(key) } catch { return true }
    }
}

extension CachedAnswer {
    fileprivate init(_ key: CacheKey, _ answer: ModelAnswer, expires: Date) {
        self.init(
            key: key, text: answer.text, toolCalls: answer.toolCalls, model: answer.model, provider: answer.provider,
            usage: answer.usage, finishReason: answer.finishReason, expires: expires)
    }
}

extension AnswerCache {
    /// Waits until the process that asks has its answer, gives up or dies.
    ///
    /// - Parameter feed: gets the text on the way, if somebody follows it: as soon as one does, nothing can be tried again.
    /// - Returns: anything but `.leased`.
    func end(of lease: Lease, by deadline: ContinuousClock.Instant, passing feed: AnswerFeed?) async throws
        -> LeaseProgress
    {
        var isAsked = false
        while true {
            let progress = try await leases.progress(of: lease)
            guard progress == .leased else { return progress }
            let now = ContinuousClock.now
            guard now < deadline else {
                return .failed(
                    ModelFailure(provider: "another worker", reason: .timedOut, detail: "has no answer yet"))
            }
            do {
                if !isAsked, let feed, feed.isFollowed {
                    isAsked = true
                    if try await pass(lease, to: feed, by: deadline) == .over { continue }
                }
                try await background.clock.sleep(for: min(Self.pollInterval, deadline - now))
            } catch {
                // Otherwise the holder would go on for nobody.
                try await leases.stopWaiting(for: lease)
                throw error
            }
        }
    }
    /// - Returns: nil when the deadline came first.
    private func pass(_ lease: Lease, to feed: AnswerFeed, by deadline: ContinuousClock.Instant) async throws
        -> RelayEnd?
    {
        guard let relay else { return .unknown }
        let call = RelayedAnswer.call(lease.id, digest: lease.key.digest)
        return try await relay.follow(call, from: 0, by: deadline) { event, _ in
            guard case .deltas(let deltas, _) = event else { return }
            for delta in deltas { feed.take(delta) }
        }
    }
}
