import Synchronization

/// One question's part in filling a key that has no answer.
///
/// A class, like ``ModelCall``, because a waiting question holds a frame for each function that it is in.
final class Flight: Sendable {
    /// What came of a call, for everybody who took part in it.
    final class Outcome: Sendable {
        enum Event: Sendable {
            case filled(AnswerCache.Filled)
            /// Of an equal question that another process was asking.
            case found(CachedAnswer)
            /// What the pool had already.
            case stored(CachedAnswer)
            /// The one who asked may not.
            case refused(Refusal)
            /// The one who asked left, or the store cannot be used.
            case broken(any Error)
        }

        let event: Event
        /// Of the one who asked.
        let trace: RequestTrace

        init(_ event: Event, _ trace: RequestTrace) {
            self.event = event
            self.trace = trace
        }
    }

    /// How far the ledger has let this one in.
    private enum Place: Sendable {
        case none
        /// A message is reserved for it to wait for another's call.
        case waiting
        /// A message is, or was, reserved for a call of its own, which settles it.
        case asking
    }

    private struct State: Sendable {
        var place = Place.none
        var hasLeft = false
    }

    private let cache: AnswerCache
    private let reservation: Reservation
    private let fill: AnswerCache.Fill
    private let state = Mutex(State())

    init(cache: AnswerCache, _ reservation: Reservation, fill: @escaping AnswerCache.Fill) {
        self.cache = cache
        self.reservation = reservation
        self.fill = fill
    }

    /// What one who takes part was given of the answer on the way.
    struct Given {
        /// Bytes.
        var text = 0
        var hasCalls = false

        var isNothing: Bool { text == 0 && !hasCalls }

        mutating func note(_ deltas: [AnswerDelta], until end: Int) {
            text = end
            hasCalls = hasCalls || deltas.contains { if case .toolCall = $0 { true } else { false } }
        }
    }

    /// Takes part in a call, until there is something to say.
    ///
    /// - Returns: no outcome when the deadline came first; and whether a message is reserved for what is to be recorded.
    func outcome(trace: inout RequestTrace, _ onAnswer: AnswerHandler?) async throws -> (
        outcome: Outcome?, isFirst: Bool, isReserved: Bool, given: Given
    ) {
        let start = ContinuousClock.now
        let part = join(trace, isFollowed: onAnswer != nil)
        var given = Given()
        do {
            if !part.isFirst { try await letIn(part) }
            if let onAnswer { given = try await pass(part, to: onAnswer) }
            let outcome = try await cache.flights.outcome(of: part, by: reservation.deadline)
            if part.isFirst, let outcome {
                trace = outcome.trace
            } else {
                trace.add(ContinuousClock.now - start, to: .model)
            }
            return (outcome, part.isFirst, place != .none, given)
        } catch {
            // One who leaves does not hear what the call is at.
            trace.add(ContinuousClock.now - start, to: .model)
            throw error
        }
    }

    private var place: Place { state.withLock { $0.place } }

    /// As the ledger is asked for it: once it was let in, it is counted.
    private var counted: Reservation {
        var reservation = reservation
        reservation.isCounted = place != .none
        return reservation
    }

    /// Before one who did not begin the call is given anything of it.
    @inline(never)
    private func letIn(_ part: SingleFlight<Outcome>.Part) async throws {
        guard place != .waiting else { return }
        do {
            if let refusal = try await cache.ledger.join(counted) { throw refusal.error }
            state.withLock { $0.place = .waiting }
        } catch {
            if let (feed, follower) = part.following { feed.leave(follower) }
            cache.flights.leave(part)
            throw error
        }
    }

    /// Gives the message back that was reserved for waiting: whoever asks for his own call has none.
    func leave() async {
        let isWaiting = state.withLock { state in
            defer { state = State(place: state.place == .waiting ? .none : state.place, hasLeft: true) }
            return state.place == .waiting
        }
        // What cannot be given back now lapses by itself.
        if isWaiting { try? await cache.ledger.leave(reservation) }
    }

    /// The ledger has let the one who began the call in, to wait or to ask. He may have left by now, and the call goes on for
    /// others.
    private func enter(_ place: Place) async {
        let mustLeave = state.withLock { state in
            let mustLeave = state.hasLeft && place == .waiting
            state.place = mustLeave ? .none : place
            return mustLeave
        }
        if mustLeave { try? await cache.ledger.leave(reservation) }
    }

    /// Hands on what the call says, as it comes, until it is over.
    @inline(never)
    private func pass(_ part: SingleFlight<Outcome>.Part, to onAnswer: AnswerHandler) async throws -> Given {
        var given = Given()
        guard case (let feed, var follower)? = part.following else { return given }
        defer { feed.leave(follower) }
        let alarm = part.isFirst ? nil : cache.alarm(at: reservation.deadline) { [follower] in feed.expire(follower) }
        defer { alarm?.cancel() }
        do {
            if !part.isFirst { try await onAnswer(.admitted, .joined) }
            while let news = await feed.next(&follower) {
                let how = part.isFirst ? news.cache : .joined
                if !news.deltas.isEmpty {
                    let start = given.text
                    given.note(news.deltas, until: follower.offset)
                    try await onAnswer(.deltas(news.deltas, from: start), how)
                } else if part.isFirst {
                    try await onAnswer(.admitted, how)
                }
            }
            try Task.checkCancellation()
        } catch {
            cache.flights.leave(part)
            throw error
        }
        return given
    }

    private func join(_ trace: RequestTrace, isFollowed: Bool) -> SingleFlight<Outcome>.Part {
        cache.flights.join(
            reservation.key, isFollowed: isFollowed, isHeld: cache.streamCommit == .buffered
        ) {
            if let key = self.reservation.key { await self.cache.mayAbandon(key) } else { true }
        } work: { feed in
            await self.lead(trace, feed)
        }
    }

    /// The call itself, for all who take part in it.
    @inline(never)
    private func lead(_ trace: RequestTrace, _ feed: AnswerFeed?) async -> Outcome {
        var trace = trace
        do {
            while true {
                switch try await trace.time(.place, { try await cache.ledger.reserve(counted) }) {
                case .success(.granted(let rates)):
                    await enter(.asking)
                    trace.rates?.report = rates
                    feed?.open(.miss)
                    return Outcome(.filled(try await fill(reservation, &trace, feed)), trace)
                case .success(.answered(let answer)):
                    cache.remember(answer)
                    return Outcome(.stored(answer), trace)
                case .success(.leased(let lease)):
                    await enter(.waiting)
                    feed?.open(.joined)
                    if let event = try await event(of: lease, feed, trace: &trace) { return Outcome(event, trace) }
                case .failure(let refusal):
                    return Outcome(.refused(refusal), trace)
                }
            }
        } catch {
            return Outcome(.broken(error), trace)
        }
    }

    /// - Returns: what another process's call came to; nil when somebody else has to ask.
    @inline(never)
    private func event(of lease: Lease, _ feed: AnswerFeed?, trace: inout RequestTrace) async throws -> Outcome.Event? {
        let progress = try await trace.time(.model) {
            try await cache.end(of: lease, by: reservation.deadline, passing: feed)
        }
        let isSeen = feed?.isSeen == true
        switch progress {
        // Another's than the one whose text was passed on.
        case .answered(let answer) where isSeen && feed?.begins(answer.text) == false: return Self.brokenOff
        case .answered(let answer):
            cache.remember(answer)
            return .found(answer)
        case .failed(let failure):
            return .filled(.failed(failure, isPrivate: ContinuousClock.now >= reservation.deadline))
        case .free, .leased: return isSeen ? Self.brokenOff : nil
        }
    }

    private static let brokenOff = Outcome.Event.filled(
        .failed(
            ModelFailure(provider: "another worker", reason: .truncated, detail: "died in the middle of its answer"),
            isPrivate: true))
}
