/// The part of a question's way that costs money: asks the model once for all who ask the same at the same time.
///
/// In this process they share one task (``SharedCalls``); between processes the one who asks holds a ``Lease`` in the
/// shared store, and the others wait for its answer, its failure or its death. The one who asks is answered by the
/// model, the others from its answer. A failure is shared with those who wait, and with nobody else.
///
///     share ─▶ begin (place and lease, one commit) ─▶ model ─▶ record (exchange, answer, place, lease: one commit)
///                └─ asked by another process: wait for it
final class ModelCall: Sendable {
    let pipeline: ChatPipeline
    let question: Question
    let review: Review
    let session: Session
    let request: ModelRequest
    let key: CacheKey
    let deadline: ContinuousClock.Instant

    init(
        pipeline: ChatPipeline, question: Question, review: Review, session: Session, request: ModelRequest,
        key: CacheKey, deadline: ContinuousClock.Instant
    ) {
        self.pipeline = pipeline
        self.question = question
        self.review = review
        self.session = session
        self.request = request
        self.key = key
        self.deadline = deadline
    }

    /// What came of a call, for everybody who took part in it.
    final class Outcome: Sendable {
        indirect enum Event: Sendable {
            /// The model answered; nothing is shared when the cache is off.
            case answered(Exchange, CachedAnswer?)
            case found(CachedAnswer)
            case failed(ModelFailure)
            /// Trouble of the one who asked: a used-up limit, or a store that cannot be used.
            case refused(any Error)
        }

        let event: Event
        /// Somebody saw the text as it came, so nothing was tried again.
        let isWatched: Bool
        /// Of the one who asked.
        let trace: RequestTrace

        init(_ event: Event, isWatched: Bool, trace: RequestTrace) {
            self.event = event
            self.isWatched = isWatched
            self.trace = trace
        }
    }

    /// - Throws: ``ChatError``, `CancellationError`, or what `onDelta` threw.
    @inline(never)
    func exchange(trace: inout RequestTrace, onDelta: DeltaHandler?) async throws -> Exchange {
        while true {
            let (outcome, isFirst, hasSeenText) = try await outcome(trace: &trace, onDelta)
            switch outcome.event {
            case .answered(let exchange, _) where isFirst: return exchange
            case .answered(_, let answer?), .found(let answer):
                return try await give(answer, .joined, trace: &trace, onDelta)
            case .answered(_, nil):
                throw ChatError(.internalFault, "Something went wrong here", cause: "a call without an answer to share")
            case .failed(let failure):
                // What could not be tried again for one who watched can be for one who did not.
                if !isFirst, outcome.isWatched, ContinuousClock.now < deadline { continue }
                let old = try await replacement(for: failure, hasSeenText)
                return try await give(old, .stale, trace: &trace, onDelta)
            case .refused(let error):
                // The next of those who waited asks in its own name.
                if !isFirst, (error as? ChatError)?.code == .quotaExceeded { continue }
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
        let exchange = try await pipeline.record(question, review, answer, in: session, trace: &trace)
        trace.cache = how
        try await onDelta?(answer.text)
        return exchange
    }

    /// Takes part in a call, until there is something to say.
    private func outcome(trace: inout RequestTrace, _ onDelta: DeltaHandler?) async throws -> (
        outcome: Outcome, isFirst: Bool, hasSeenText: Bool
    ) {
        let start = ContinuousClock.now
        let deltas = onDelta.map { _ in AsyncStream.makeStream(of: String.self) }
        let part = join(trace, deltas?.continuation)
        var hasSeenText = false
        if part.isFirst, let deltas, let onDelta { hasSeenText = try await pass(deltas.stream, of: part, to: onDelta) }
        let outcome = try await pipeline.calls.outcome(of: part)
        if part.isFirst { trace = outcome.trace } else { trace.add(ContinuousClock.now - start, to: .model) }
        return (outcome, part.isFirst, hasSeenText)
    }

    /// - Returns: whether there was any text.
    @inline(never)
    private func pass(
        _ deltas: AsyncStream<String>, of part: SharedCalls<Outcome>.Part, to onDelta: DeltaHandler
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

    private func join(_ trace: RequestTrace, _ deltas: AsyncStream<String>.Continuation?) -> SharedCalls<Outcome>.Part {
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
                    let onDelta: DeltaHandler? = deltas.map { deltas in { @Sendable text in _ = deltas.yield(text) } }
                    let event = try await ask(at: place, trace: &trace, onDelta: onDelta)
                    return Outcome(event, isWatched: onDelta != nil, trace: trace)
                case .answered(let answer):
                    pipeline.cache.remember(answer)
                    return Outcome(.found(answer), isWatched: false, trace: trace)
                case .asked(let lease):
                    guard let event = try await event(of: lease, trace: &trace) else { continue }
                    return Outcome(event, isWatched: false, trace: trace)
                }
            }
        } catch {
            return Outcome(.refused(error), isWatched: false, trace: trace)
        }
    }

    @inline(never)
    private func begin(trace: inout RequestTrace) async throws -> Beginning {
        try await trace.time(.place) {
            try await pipeline.exchanges.begin(in: session, asking: pipeline.cache.isOn ? key : nil)
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

    private func ask(at place: Reservation, trace: inout RequestTrace, onDelta: DeltaHandler?) async throws
        -> Outcome.Event
    {
        let start = ContinuousClock.now
        let answer: ModelAnswer
        do {
            answer = try await pipeline.model.answer(request, by: deadline, onDelta: onDelta)
        } catch {
            trace.add(ContinuousClock.now - start, to: .model)
            return .failed(try await release(place, after: error, isWatched: onDelta != nil, trace: &trace))
        }
        trace.add(ContinuousClock.now - start, to: .model)
        return try await keep(answer, at: place, trace: &trace)
    }

    @inline(never)
    private func keep(_ answer: ModelAnswer, at place: Reservation, trace: inout RequestTrace) async throws
        -> Outcome.Event
    {
        let fresh = pipeline.cache.entry(for: key, answer)
        do {
            let exchange = try await pipeline.record(
                question, review, Answer(answer), in: session, place: place, caching: fresh, trace: &trace)
            pipeline.cache.remember(fresh)
            return .answered(exchange, fresh)
        } catch {
            await settle(trace: &trace) { try await pipeline.exchanges.release(place, sharing: nil) }
            throw error
        }
    }

    /// - Returns: `error` if it is the model's.
    @inline(never)
    private func release(
        _ place: Reservation, after error: any Error, isWatched: Bool, trace: inout RequestTrace
    ) async throws -> ModelFailure {
        guard let failure = error as? ModelFailure else {
            // Everybody hung up: the model was asked, and is paid.
            await settle(trace: &trace) { try await pipeline.exchanges.forfeit(place) }
            throw error
        }
        await settle(trace: &trace) {
            try await pipeline.exchanges.release(place, sharing: isWatched ? nil : failure)
        }
        return failure
    }

    /// An expired answer is better than none, unless a part of another one was shown.
    private func replacement(for failure: ModelFailure, _ hasSeenText: Bool) async throws -> CachedAnswer {
        let error = pipeline.policy.error(for: failure, field: question.field, deadline: deadline)
        guard failure.isOutage, !hasSeenText, let old = try? await pipeline.cache.staleAnswer(for: key) else {
            throw error
        }
        return old
    }

    /// What cannot be settled now lapses by itself, so the failure that led here stays the one reported.
    private func settle(trace: inout RequestTrace, _ settling: () async throws -> Void) async {
        do { try await settling() } catch { trace.remark = "place not settled: \(error)" }
    }
}
