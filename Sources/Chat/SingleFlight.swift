import Synchronization

/// Calls under way in this process, each with everybody who waits for it: equal questions share one.
///
/// A call is nobody's own: it goes on when the one who began it leaves, as long as somebody waits for it. When the last
/// one leaves, it is cancelled, unless `mayAbandon` says that somebody elsewhere waits. What a call that is shared says on
/// its way is kept in its ``AnswerFeed``, so that whoever comes later can have it from the beginning.
final class SingleFlight<Outcome: Sendable>: Sendable {
    private typealias Waiter = CheckedContinuation<Outcome?, Never>

    private struct Flight {
        let task: Task<Void, Never>
        /// Nil for a call that is not shared.
        let key: CacheKey?
        let feed: AnswerFeed?
        let mayAbandon: @Sendable () async -> Bool
        var participants = 1
        var waiters: [Int: Waiter] = [:]
        var outcome: Outcome?
    }

    private struct State {
        var calls: [Int: Flight] = [:]
        /// Calls that can be joined.
        var numbers: [CacheKey: Int] = [:]
        var lastNumber = 0

        mutating func nextNumber() -> Int {
            lastNumber += 1
            return lastNumber
        }
    }

    private let state = Mutex(State())
    private let background: Background

    /// How many take part in each call of this process.
    var participants: [Int] { state.withLock { state in state.calls.values.map(\.participants) } }

    /// - Parameter background: where calls run.
    init(_ background: Background = Background()) { self.background = background }

    /// One who takes part in a call. Whoever holds one either gets its outcome or leaves, once.
    struct Part: Sendable {
        /// This one began the call.
        let isFirst: Bool
        /// What the call says on its way, for one who follows it.
        let following: (feed: AnswerFeed, follower: AnswerFeed.Follower)?
        fileprivate let call: Int
    }

    /// Joins the call with that key, or begins it.
    ///
    /// - Parameters:
    ///   - key: nil for a call of one's own.
    ///   - isFollowed: whether this one follows what the call says.
    ///   - isHeld: but hears of the opening and the end alone.
    ///   - mayAbandon: asked when the last participant has left, and from then on until it says so.
    ///   - work: what the call does, in a task of its own.
    func join(
        _ key: CacheKey?, isFollowed: Bool = false, isHeld: Bool = false,
        mayAbandon: @escaping @Sendable () async -> Bool,
        work: @escaping @Sendable (AnswerFeed?) async -> Outcome
    ) -> Part {
        state.withLock { state in
            if let key, let number = state.numbers[key] {
                state.calls[number]?.participants += 1
                let following = isFollowed ? state.calls[number]?.feed?.following(isHeld: isHeld) : nil
                return Part(isFirst: false, following: following, call: number)
            }
            let number = state.nextNumber()
            let feed = key != nil || isFollowed ? AnswerFeed() : nil
            // Before the call begins: the first one gets each piece as it comes.
            let following = isFollowed ? feed?.following(isHeld: isHeld) : nil
            let task = background.start { self.finish(number, await work(feed)) }
            state.calls[number] = Flight(task: task, key: key, feed: feed, mayAbandon: mayAbandon)
            if let key { state.numbers[key] = number }
            return Part(isFirst: true, following: following, call: number)
        }
    }

    /// What the call for a key says, by the digest of the key; nil when none is under way.
    func feed(of digest: [UInt8]) -> AnswerFeed? {
        state.withLock { state in
            for (key, number) in state.numbers where key.digest == digest { return state.calls[number]?.feed }
            return nil
        }
    }

    /// - Parameter deadline: how long to wait; whoever began the call waits to its end.
    /// - Returns: nil when the deadline came first.
    /// - Throws: `CancellationError` when the caller's task is cancelled. Either way it has then left.
    func outcome(
        of part: Part, by deadline: ContinuousClock.Instant, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Outcome? {
        let waiter = state.withLock { $0.nextNumber() }
        let alarm =
            part.isFirst
            ? nil
            : background.start {
                do { try await self.background.clock.sleep(for: deadline - .now) } catch { return }
                self.giveUp(waiter, of: part)
            }
        defer { alarm?.cancel() }
        let outcome = await withTaskCancellationHandler {
            // Without it the closure would not inherit the actor, and would run on Swift's own pool.
            _ = isolation
            return await withCheckedContinuation { continuation in
                let (isNow, outcome): (Bool, Outcome?) = state.withLock { state in
                    if let outcome = state.calls[part.call]?.outcome { return (true, outcome) }
                    // Cancelled, or late, before it was here, so that nobody was found to tell.
                    if Task.isCancelled || !part.isFirst && ContinuousClock.now >= deadline { return (true, nil) }
                    state.calls[part.call]?.waiters[waiter] = continuation
                    return (false, nil)
                }
                if isNow { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            giveUp(waiter, of: part)
        }
        leave(part)
        if outcome == nil { try Task.checkCancellation() }
        return outcome
    }

    private func giveUp(_ waiter: Int, of part: Part) {
        state.withLock { $0.calls[part.call]?.waiters.removeValue(forKey: waiter) }?.resume(returning: nil)
    }

    func leave(_ part: Part) {
        let mayAbandon: (@Sendable () async -> Bool)? = state.withLock { state in
            state.calls[part.call]?.participants -= 1
            guard let call = state.calls[part.call], call.participants == 0 else { return nil }
            if call.outcome != nil {
                state.calls[part.call] = nil
                return nil
            }
            return call.mayAbandon
        }
        guard let mayAbandon else { return }
        background.start {
            while self.isDeserted(part.call) {
                if await mayAbandon() { return self.abandon(part.call) }
                // Those elsewhere may leave, too.
                do { try await self.background.clock.sleep(for: Self.lookInterval) } catch { return }
            }
        }
    }

    /// How often to look whether those elsewhere, for whom a call goes on, have left.
    private static var lookInterval: Duration { .milliseconds(50) }

    private func isDeserted(_ number: Int) -> Bool {
        state.withLock { state in
            state.calls[number].map { $0.participants == 0 && $0.outcome == nil } ?? false
        }
    }

    private func abandon(_ number: Int) {
        state.withLock { state in
            guard let call = state.calls[number], call.participants == 0, call.outcome == nil else { return }
            // Nobody may join what is about to be cancelled.
            if let key = call.key { state.numbers[key] = nil }
            call.task.cancel()
        }
    }

    private func finish(_ number: Int, _ outcome: Outcome) {
        let waiters = state.withLock { state -> [Waiter] in
            guard let call = state.calls[number] else { return [] }
            if let key = call.key, state.numbers[key] == number { state.numbers[key] = nil }
            state.calls[number]?.outcome = outcome
            state.calls[number]?.waiters = [:]
            if call.participants == 0 { state.calls[number] = nil }
            call.feed?.finish()
            return Array(call.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: outcome) }
    }
}
