/// The part of a question's way that costs money: asks the model once for all who ask the same at the same time.
///
/// In this process they share one task (``SharedCalls``); between processes the one who asks holds a ``Lease`` in the
/// shared store, and the others wait for its answer, its failure or its death. The one who asks is answered by the
/// model, the others from its answer. A failure is shared with those who wait, and with nobody else.
///
///     share ─▶ begin (place and lease, one commit) ─▶ model ─▶ record (exchange, answer, place, lease: one commit)
///                └─ asked by another process: wait for it
struct ModelCall: Sendable {
    let pipeline: ChatPipeline
    let question: Question
    let review: Review
    let session: Session
    let request: ModelRequest
    let key: CacheKey
    let deadline: ContinuousClock.Instant

    /// What came of a call, for everybody who took part in it.
    struct Outcome: Sendable {
        enum Event: Sendable {
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
    }

    enum Result {
        /// This question was the one that the model answered.
        case recorded(Exchange)
        case found(CachedAnswer, RequestTrace.CacheOutcome)
    }

    /// - Throws: ``ChatError``, `CancellationError`, or what `onDelta` threw.
    func result(trace: inout RequestTrace, onDelta: DeltaHandler?) async throws -> Result {
        while true {
            let start = ContinuousClock.now
            let deltas = onDelta.map { _ in AsyncStream.makeStream(of: String.self) }
            let part = join(trace, deltas?.continuation)
            var hasSeenText = false
            if part.isFirst, let onDelta, let deltas {
                do {
                    for await text in deltas.stream {
                        hasSeenText = true
                        try await onDelta(text)
                    }
                } catch {
                    pipeline.calls.leave(part)
                    throw error
                }
            }
            let outcome = try await pipeline.calls.outcome(of: part)
            if part.isFirst { trace = outcome.trace } else { trace.add(ContinuousClock.now - start, to: .model) }
            switch outcome.event {
            case .answered(let exchange, _) where part.isFirst: return .recorded(exchange)
            case .answered(_, let answer?), .found(let answer): return .found(answer, .joined)
            case .answered(_, nil):
                throw ChatError(.internalFault, "Something went wrong here", cause: "no shared answer")
            case .failed(let failure):
                // What could not be tried again for one who watched can be for one who did not.
                if !part.isFirst, outcome.isWatched, ContinuousClock.now < deadline { continue }
                return .found(try await replacement(for: failure, hasSeenText), .stale)
            case .refused(let error):
                // The next of those who waited asks in its own name.
                if !part.isFirst, (error as? ChatError)?.code == .quotaExceeded { continue }
                throw error
            }
        }
    }

    private func join(_ trace: RequestTrace, _ deltas: AsyncStream<String>.Continuation?) -> SharedCalls<Outcome>.Part {
        let isShared = pipeline.cache.isOn
        return pipeline.calls.join(isShared ? key : nil) {
            isShared ? await pipeline.cache.mayAbandon(key) : true
        } work: {
            var trace = trace
            let onDelta: DeltaHandler? = deltas.map { deltas in { @Sendable text in _ = deltas.yield(text) } }
            let event: Outcome.Event
            do { event = try await ask(trace: &trace, onDelta: onDelta) } catch { event = .refused(error) }
            deltas?.finish()
            return Outcome(event: event, isWatched: onDelta != nil, trace: trace)
        }
    }

    private func ask(trace: inout RequestTrace, onDelta: DeltaHandler?) async throws -> Outcome.Event {
        let cache = pipeline.cache
        while true {
            let beginning = try await trace.time(.record) {
                try await pipeline.exchanges.begin(in: session, asking: cache.isOn ? key : nil)
            }
            switch beginning {
            case .granted(let place): return try await ask(at: place, trace: &trace, onDelta: onDelta)
            case .answered(let answer):
                cache.remember(answer)
                return .found(answer)
            case .asked(let lease):
                switch try await trace.time(.model, { try await cache.settled(lease, by: deadline) }) {
                case .answered(let answer):
                    cache.remember(answer)
                    return .found(answer)
                case .failed(let failure): return .failed(failure)
                case .free, .held: continue
                }
            }
        }
    }

    private func ask(at place: Reservation, trace: inout RequestTrace, onDelta: DeltaHandler?) async throws
        -> Outcome.Event
    {
        let exchanges = pipeline.exchanges
        let answer: ModelAnswer
        do {
            answer = try await trace.time(.model) {
                try await pipeline.model.answer(request, by: deadline, onDelta: onDelta)
            }
        } catch let failure as ModelFailure {
            await settle(trace: &trace) {
                try await exchanges.release(place, sharing: onDelta == nil ? failure : nil)
            }
            return .failed(failure)
        } catch {
            // Everybody hung up: the model was asked, and is paid.
            await settle(trace: &trace) { try await exchanges.forfeit(place) }
            throw error
        }
        let fresh = pipeline.cache.entry(for: key, answer)
        do {
            let exchange = try await pipeline.record(
                question, review, Answer(answer), in: session, place: place, caching: fresh, trace: &trace)
            pipeline.cache.remember(fresh)
            return .answered(exchange, fresh)
        } catch {
            await settle(trace: &trace) { try await exchanges.release(place, sharing: nil) }
            throw error
        }
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
