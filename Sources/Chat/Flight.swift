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
        /// A message of the one who asked is reserved for it, or was for a call that failed.
        let isReserved: Bool

        init(_ event: Event, _ trace: RequestTrace, isReserved: Bool = false) {
            self.event = event
            self.trace = trace
            self.isReserved = isReserved
        }
    }

    private let cache: AnswerCache
    private let reservation: Reservation
    private let fill: AnswerCache.Fill
    /// A message is reserved for this one to wait for another's call.
    private let hasJoined = Atomic(false)

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
            let isReserved = part.isFirst ? outcome?.isReserved == true : true
            return (outcome, part.isFirst, isReserved, given)
        } catch {
            // One who leaves does not hear what the call is at.
            trace.add(ContinuousClock.now - start, to: .model)
            throw error
        }
    }

    /// Before one who did not begin the call is given anything of it.
    @inline(never)
    private func letIn(_ part: SingleFlight<Outcome>.Part) async throws {
        guard !hasJoined.load(ordering: .relaxed) else { return }
        do {
            if let refusal = try await cache.ledger.join(reservation) { throw refusal.error }
            hasJoined.store(true, ordering: .relaxed)
        } catch {
            if let (feed, follower) = part.following { feed.leave(follower) }
            cache.flights.leave(part)
            throw error
        }
    }

    /// Gives the message back that was reserved for waiting, if it was not used.
    func leave() async {
        guard hasJoined.load(ordering: .relaxed) else { return }
        // What cannot be given back now lapses by itself.
        try? await cache.ledger.refund(waiting, sharing: nil)
    }

    /// What is reserved without the right to ask.
    private var waiting: Reservation {
        Reservation(id: reservation.id, principal: reservation.principal, key: nil, deadline: reservation.deadline)
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
        var isWaiting = false
        do {
            while true {
                switch try await trace.time(.place, { try await cache.ledger.reserve(reservation) }) {
                case .success(.granted(let rates)):
                    trace.rates?.report = rates
                    feed?.open(.miss)
                    return Outcome(.filled(try await fill(reservation, &trace, feed)), trace, isReserved: true)
                case .success(.answered(let answer)):
                    cache.remember(answer)
                    return Outcome(.stored(answer), trace, isReserved: isWaiting)
                case .success(.leased(let lease)):
                    isWaiting = true
                    feed?.open(.joined)
                    guard let event = try await event(of: lease, feed, trace: &trace) else { continue }
                    if case .found = event {} else { try? await cache.ledger.refund(waiting, sharing: nil) }
                    return Outcome(event, trace, isReserved: true)
                case .failure(let refusal):
                    if isWaiting { try? await cache.ledger.refund(waiting, sharing: nil) }
                    return Outcome(.refused(refusal), trace)
                }
            }
        } catch {
            if isWaiting { try? await cache.ledger.refund(waiting, sharing: nil) }
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
