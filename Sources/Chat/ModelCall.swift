/// The part of a question's way that costs money: asks the model, and settles what came of it.
///
///     model ─▶ settle (exchange, answer, reservation, lease: one commit)
///       └─ failed: refund, one commit
final class ModelCall: Sendable {
    private let pipeline: ChatPipeline
    let question: ReviewedQuestion
    private let request: ModelRequest
    let use: CacheUse
    private let deadline: ContinuousClock.Instant

    init(
        _ pipeline: ChatPipeline, _ question: ReviewedQuestion, _ request: ModelRequest, _ use: CacheUse,
        deadline: ContinuousClock.Instant
    ) {
        self.pipeline = pipeline
        self.question = question
        self.request = request
        self.use = use
        self.deadline = deadline
    }

    /// The most that it may use, which is held for an API key.
    var hold: Hold {
        guard question.principal.key != nil else { return .none }
        return Hold(tokens: request.promptBound + request.maxTokens, cost: pipeline.policy.worstCase(of: request))
    }

    /// - Throws: what is no failure of the model.
    @Sendable func fill(_ reservation: Reservation, _ trace: inout RequestTrace, _ feed: AnswerFeed?) async throws
        -> AnswerCache.Filled
    {
        if Task.isCancelled {
            // Everybody hung up before the model was asked: there is nothing to pay.
            let ledger = pipeline.ledger
            await untilDone(trace: &trace) { try await ledger.refund(reservation, sharing: nil) }
            throw CancellationError()
        }
        let start = ContinuousClock.now
        var request = request
        request.trace = trace.context
        let answer: ModelAnswer
        do {
            answer = try await pipeline.model.answer(request, by: deadline, onDelta: feed)
        } catch {
            trace.add(ContinuousClock.now - start, to: .model)
            return try await giveUp(reservation, error, isSeen: feed?.isSeen == true, trace: &trace)
        }
        trace.add(ContinuousClock.now - start, to: .model)
        return try await settle(answer, reservation, trace: &trace)
    }

    @inline(never)
    private func settle(_ answer: ModelAnswer, _ reservation: Reservation, trace: inout RequestTrace) async throws
        -> AnswerCache.Filled
    {
        let (cache, ledger) = (pipeline.cache, pipeline.ledger)
        let entry = cache.entry(use, answer)
        let fresh = await cache.stored(entry, answer)
        let exchange = question.exchange(
            Answer(answer, prices: pipeline.policy.prices),
            isUnwanted: question.question.withdrawal?.isWithdrawn == true)
        trace.note(exchange.answer)
        do {
            let settled = try await trace.time(.record) {
                // It is paid for, and may even be recorded: doing it again counts once.
                do { return try await ledger.settle(exchange, reservation, sharing: fresh) } catch {
                    return try await ledger.settle(exchange, reservation, sharing: fresh)
                }
            }.admitted()
            if !settled.isForgotten || settled.isUnwanted { cache.remember(fresh) }
            return .answered(settled, entry)
        } catch {
            await untilDone(trace: &trace) {
                // Nobody got an answer, so the message is given back; what the provider did is paid for.
                try await ledger.forfeit(exchange, reservation, isCounted: false)
            }
            throw error
        }
    }

    @inline(never)
    private func giveUp(_ reservation: Reservation, _ error: any Error, isSeen: Bool, trace: inout RequestTrace)
        async throws -> AnswerCache.Filled
    {
        let ledger = pipeline.ledger
        guard let failure = error as? ModelFailure else {
            // No model was asked, as the store cannot count calls.
            if error is ChatError {
                await untilDone(trace: &trace) { try await ledger.refund(reservation, sharing: nil) }
                throw error
            }
            // Everybody hung up: the model was asked, and is paid for what it had generated.
            guard let abandoned = error as? AbandonedCall else {
                await untilDone(trace: &trace) { try await ledger.forfeit(reservation) }
                throw error
            }
            let exchange = question.exchange(Answer(abandoned, prices: pipeline.policy.prices))
            await untilDone(trace: &trace) { try await ledger.forfeit(exchange, reservation, isCounted: true) }
            throw CancellationError()
        }
        let isPrivate = failure.isOutage && (isSeen || ContinuousClock.now >= deadline)
        await untilDone(trace: &trace) { try await ledger.refund(reservation, sharing: isPrivate ? nil : failure) }
        return .failed(failure, isPrivate: isPrivate)
    }

    /// What cannot be settled now leaves the failure that led here the one reported. It is tried again until it lapses,
    /// so that a store which is back soon does not keep others from asking.
    private func untilDone(trace: inout RequestTrace, _ settling: @escaping @Sendable () async throws -> Void) async {
        do { try await settling() } catch {
            trace.remark = "reservation not settled yet: \(error)"
            let limit = deadline + Reservation.grace
            let clock = pipeline.background.clock
            pipeline.background.start {
                while ContinuousClock.now < limit {
                    do {
                        try await clock.sleep(for: .seconds(1))
                        return try await settling()
                    } catch { continue }
                }
            }
        }
    }
}
