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
        /// A message of the one who asked was reserved for it.
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

    init(cache: AnswerCache, _ reservation: Reservation, fill: @escaping AnswerCache.Fill) {
        self.cache = cache
        self.reservation = reservation
        self.fill = fill
    }

    /// Takes part in a call, until there is something to say.
    ///
    /// - Returns: no outcome when the deadline came first.
    func outcome(trace: inout RequestTrace, _ onDelta: DeltaHandler?) async throws -> (
        outcome: Outcome?, isFirst: Bool, hasSeenText: Bool
    ) {
        let start = ContinuousClock.now
        let deltas = onDelta.map { _ in AsyncStream.makeStream(of: AnswerDelta.self) }
        let part = join(trace, deltas?.continuation)
        var hasSeenText = false
        if part.isFirst, let deltas, let onDelta { hasSeenText = try await pass(deltas.stream, of: part, to: onDelta) }
        let outcome = try await cache.flights.outcome(of: part, by: reservation.deadline)
        if part.isFirst, let outcome {
            trace = outcome.trace
        } else {
            trace.add(ContinuousClock.now - start, to: .model)
        }
        return (outcome, part.isFirst, hasSeenText)
    }

    /// - Returns: whether there was any text.
    @inline(never)
    private func pass(
        _ deltas: AsyncStream<AnswerDelta>, of part: SingleFlight<Outcome>.Part, to onDelta: DeltaHandler
    ) async throws -> Bool {
        var hasSeenText = false
        do {
            for await delta in deltas {
                hasSeenText = true
                try await onDelta(delta)
            }
        } catch {
            cache.flights.leave(part)
            throw error
        }
        return hasSeenText
    }

    private func join(_ trace: RequestTrace, _ deltas: AsyncStream<AnswerDelta>.Continuation?)
        -> SingleFlight<Outcome>.Part
    {
        cache.flights.join(reservation.key) {
            if let key = self.reservation.key { await self.cache.mayAbandon(key) } else { true }
        } work: {
            await self.lead(trace, deltas)
        }
    }

    /// The call itself, for all who take part in it.
    @inline(never)
    private func lead(_ trace: RequestTrace, _ deltas: AsyncStream<AnswerDelta>.Continuation?) async -> Outcome {
        var trace = trace
        defer { deltas?.finish() }
        do {
            while true {
                switch try await trace.time(.place, { try await cache.ledger.reserve(reservation) }) {
                case .success(.granted(let rates)):
                    trace.rates?.report = rates
                    let onDelta: DeltaHandler? = deltas.map { deltas in { @Sendable delta in deltas.yield(delta) } }
                    return Outcome(.filled(try await fill(reservation, &trace, onDelta)), trace, isReserved: true)
                case .success(.answered(let answer)):
                    cache.remember(answer)
                    return Outcome(.stored(answer), trace)
                case .success(.leased(let lease)):
                    if let event = try await event(of: lease, trace: &trace) { return Outcome(event, trace) }
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
    private func event(of lease: Lease, trace: inout RequestTrace) async throws -> Outcome.Event? {
        switch try await trace.time(.model, { try await cache.end(of: lease, by: reservation.deadline) }) {
        case .answered(let answer):
            cache.remember(answer)
            return .found(answer)
        case .failed(let failure):
            return .filled(.failed(failure, isPrivate: ContinuousClock.now >= reservation.deadline))
        case .free, .leased: return nil
        }
    }
}
