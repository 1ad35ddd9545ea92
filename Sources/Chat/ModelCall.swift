import Synchronization

/// The part of a question's way that costs money: asks the model once for all who ask the same at the same time.
///
/// In this process they share one task (``SingleFlight``); between processes the one who asks holds a ``Lease`` in the
/// shared store, and the others wait for its answer, its failure or its death. The one who asks is answered by the
/// model, the others from its answer. A failure is shared with those who wait, and with nobody else.
///
///     share ─▶ begin (place and lease, one commit) ─▶ model ─▶ record (exchange, answer, place, lease: one commit)
///                └─ asked by another process: wait for it
final class ModelCall: Sendable {
    let pipeline: ChatPipeline
    let question: ChatRequest
    let review: Review
    let principal: Principal
    let request: ModelRequest
    let key: CacheKey
    let deadline: ContinuousClock.Instant

    init(
        pipeline: ChatPipeline, question: ChatRequest, review: Review, principal: Principal, request: ModelRequest,
        key: CacheKey, deadline: ContinuousClock.Instant
    ) {
        self.pipeline = pipeline
        self.question = question
        self.review = review
        self.principal = principal
        self.request = request
        self.key = key
        self.deadline = deadline
    }

    /// What came of a call, for everybody who took part in it.
    final class Outcome: Sendable {
        indirect enum Event: Sendable {
            /// The model answered; nothing is shared when the cache is off.
            case answered(Exchange, CachedAnswer?)
            /// Of an equal question that another process was asking.
            case found(CachedAnswer)
            /// What the pool had already.
            case stored(CachedAnswer)
            case failed(ModelFailure)
            /// Trouble of the one who asked: a used-up limit, or a store that cannot be used.
            case refused(any Error)
        }

        let event: Event
        /// The failure is the first asker's own: somebody had seen text, so that nothing could be tried again, or the
        /// time of that one was over.
        let isPrivate: Bool
        /// Of the one who asked.
        let trace: RequestTrace

        init(_ event: Event, isPrivate: Bool = false, trace: RequestTrace) {
            self.event = event
            self.isPrivate = isPrivate
            self.trace = trace
        }
    }

    /// - Throws: ``ChatError``, `CancellationError`, or what `onDelta` threw.
    @inline(never)
    func exchange(trace: inout RequestTrace, onDelta: DeltaHandler?) async throws -> Exchange {
        while true {
            let (outcome, isFirst, hasSeenText) = try await outcome(trace: &trace, onDelta)
            switch outcome?.event ?? .failed(overdue) {
            case .answered(let exchange, _) where isFirst: return exchange
            case .answered(_, let answer?), .found(let answer):
                return try await give(answer, .joined, trace: &trace, onDelta)
            case .stored(let answer):
                return try await give(answer, .hit, trace: &trace, onDelta)
            case .answered(_, nil):
                throw ChatError(.internalFault, "Something went wrong here", cause: "a call without an answer to share")
            case .failed(let failure):
                if !isFirst, outcome?.isPrivate == true, ContinuousClock.now < deadline { continue }
                let (old, how) = try await replacement(for: failure, hasSeenText)
                trace.remark = "\(failure.reason): \(failure.detail)"
                return try await give(old, how, trace: &trace, onDelta)
            case .refused(let error):
                // The next of those who waited asks in its own name.
                let code = (error as? ChatError)?.code
                if !isFirst, code == .quotaExceeded || code == .unauthorized { continue }
                throw error
            }
        }
    }

    /// Records an answer that was made for an equal question, and gives it.
    @inline(never)
    func give(
        _ answer: CachedAnswer, _ how: RequestTrace.CacheOutcome, trace: inout RequestTrace, _ onDelta: DeltaHandler?
    ) async throws -> Exchange {
        let answer = Answer(answer, isStale: how == .stale)
        let exchange = try await pipeline.record(question, review, answer, for: principal, trace: &trace)
        trace.cache = how
        try await onDelta?(answer.text)
        return exchange
    }

    /// Takes part in a call, until there is something to say.
    private func outcome(trace: inout RequestTrace, _ onDelta: DeltaHandler?) async throws -> (
        outcome: Outcome?, isFirst: Bool, hasSeenText: Bool
    ) {
        let start = ContinuousClock.now
        let deltas = onDelta.map { _ in AsyncStream.makeStream(of: String.self) }
        let part = join(trace, deltas?.continuation)
        var hasSeenText = false
        if part.isFirst, let deltas, let onDelta { hasSeenText = try await pass(deltas.stream, of: part, to: onDelta) }
        let outcome = try await pipeline.calls.outcome(of: part, by: deadline)
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
        _ deltas: AsyncStream<String>, of part: SingleFlight<Outcome>.Part, to onDelta: DeltaHandler
    ) async throws -> Bool {
        var hasSeenText = false
        do {
            for await text in deltas {
                hasSeenText = true
                try await onDelta(text)
            }
        } catch {
            pipeline.calls.leave(part)
            throw error
        }
        return hasSeenText
    }

    private func join(_ trace: RequestTrace, _ deltas: AsyncStream<String>.Continuation?) -> SingleFlight<Outcome>.Part
    {
        let isShared = pipeline.cache.isOn
        return pipeline.calls.join(isShared ? key : nil) { [self] in
            isShared ? await pipeline.cache.mayAbandon(key) : true
        } work: { [self] in
            await lead(trace, deltas)
        }
    }

    /// The call itself, for all who take part in it.
    @inline(never)
    private func lead(_ trace: RequestTrace, _ deltas: AsyncStream<String>.Continuation?) async -> Outcome {
        var trace = trace
        defer { deltas?.finish() }
        do {
            while true {
                switch try await begin(trace: &trace) {
                case .granted(let place):
                    return try await ask(at: place, trace: trace, deltas)
                case .answered(let answer):
                    pipeline.cache.remember(answer)
                    return Outcome(.stored(answer), trace: trace)
                case .asked(let lease):
                    guard let event = try await event(of: lease, trace: &trace) else { continue }
                    return Outcome(event, isPrivate: ContinuousClock.now >= deadline, trace: trace)
                }
            }
        } catch {
            return Outcome(.refused(error), trace: trace)
        }
    }

    @inline(never)
    private func begin(trace: inout RequestTrace) async throws -> Beginning {
        try await trace.time(.place) {
            try await pipeline.exchanges.begin(for: principal, asking: pipeline.cache.isOn ? key : nil)
        }
    }

    /// - Returns: what another process's call came to; nil when somebody else has to ask.
    @inline(never)
    private func event(of lease: Lease, trace: inout RequestTrace) async throws -> Outcome.Event? {
        switch try await trace.time(.model, { try await pipeline.cache.settled(lease, by: deadline) }) {
        case .answered(let answer):
            pipeline.cache.remember(answer)
            return .found(answer)
        case .failed(let failure): return .failed(failure)
        case .free, .held: return nil
        }
    }

    private func ask(
        at place: Reservation, trace: RequestTrace, _ deltas: AsyncStream<String>.Continuation?
    ) async throws -> Outcome {
        var trace = trace
        let start = ContinuousClock.now
        let hasText = Flag()
        let onDelta: DeltaHandler? = deltas.map { deltas in
            { @Sendable text in
                hasText.raise()
                deltas.yield(text)
            }
        }
        let answer: ModelAnswer
        do {
            answer = try await pipeline.model.answer(request, by: deadline, onDelta: onDelta)
        } catch {
            trace.add(ContinuousClock.now - start, to: .model)
            return try await giveUp(place, error, hasText: hasText.isRaised, trace: trace)
        }
        trace.add(ContinuousClock.now - start, to: .model)
        return try await keep(answer, at: place, trace: trace)
    }

    @inline(never)
    private func keep(_ answer: ModelAnswer, at place: Reservation, trace: RequestTrace) async throws -> Outcome {
        var trace = trace
        let entry = pipeline.cache.entry(for: key, answer)
        let fresh = await pipeline.cache.stored(entry)
        do {
            let exchange = try await pipeline.record(
                question, review, Answer(answer), for: principal, place: place, caching: fresh, trace: &trace)
            pipeline.cache.remember(fresh)
            return Outcome(.answered(exchange, entry), trace: trace)
        } catch {
            await settle(trace: &trace) { [pipeline] in try await pipeline.exchanges.release(place, sharing: nil) }
            throw error
        }
    }

    /// - Throws: what is no failure of the model.
    @inline(never)
    private func giveUp(_ place: Reservation, _ error: any Error, hasText: Bool, trace: RequestTrace) async throws
        -> Outcome
    {
        var trace = trace
        guard let failure = error as? ModelFailure else {
            // Everybody hung up: the model was asked, and is paid.
            await settle(trace: &trace) { [pipeline] in try await pipeline.exchanges.forfeit(place) }
            throw error
        }
        let isPrivate = failure.isOutage && (hasText || ContinuousClock.now >= deadline)
        await settle(trace: &trace) { [pipeline] in
            try await pipeline.exchanges.release(place, sharing: isPrivate ? nil : failure)
        }
        return Outcome(.failed(failure), isPrivate: isPrivate, trace: trace)
    }

    private var overdue: ModelFailure {
        ModelFailure(provider: "an equal question", reason: .timedOut, detail: "has no answer yet")
    }

    /// An expired answer is better than none, unless a part of another one was shown.
    private func replacement(for failure: ModelFailure, _ hasSeenText: Bool) async throws -> (
        CachedAnswer, RequestTrace.CacheOutcome
    ) {
        let error = pipeline.policy.error(for: failure, field: question.field, deadline: deadline)
        guard failure.isOutage, !hasSeenText, let last = try? await pipeline.cache.lastResort(for: key) else {
            throw error
        }
        return (last.answer, last.isStale ? .stale : .joined)
    }

    /// What cannot be settled now leaves the failure that led here the one reported. It is tried again until it lapses,
    /// so that a store which is back soon does not keep others from asking.
    private func settle(trace: inout RequestTrace, _ settling: @escaping @Sendable () async throws -> Void) async {
        do { try await settling() } catch {
            trace.remark = "place not settled yet: \(error)"
            let limit = deadline + .seconds(30)
            Task(executorPreference: pipeline.executor) { [pipeline] in
                while ContinuousClock.now < limit {
                    try await pipeline.clock.sleep(for: .seconds(1))
                    do { return try await settling() } catch { continue }
                }
            }
        }
    }
}

/// Raised once, from anywhere.
private final class Flag: Sendable {
    private let state = Atomic<Bool>(false)

    var isRaised: Bool { state.load(ordering: .acquiring) }
    func raise() { state.store(true, ordering: .releasing) }
}
