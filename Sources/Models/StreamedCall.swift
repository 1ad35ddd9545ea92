internal import Chat
internal import Curl

/// One try at one provider: sends a request, reads its reply as it comes, keeps to the timeouts.
struct StreamedCall: Sendable {
    /// How long to wait for bookkeeping after the answer, for a connection's orderly end so that it can be reused, and for
    /// the words that come with an error status.
    private static let courtesy = (
        afterAnswer: Duration.seconds(1), afterEndMark: Duration.milliseconds(100), errorBody: Duration.seconds(1)
    )

    /// Characters of a failure's detail.
    private static let longestDetail = 320

    let upstream: Upstream
    let provider: String
    let timeouts: Timeouts
    /// Blotted out of what the provider says.
    let secret: ProviderKey?

    /// - Parameter post: puts `request` to the provider.
    func run(
        _ post: HTTPRequest, of request: ModelRequest, reading format: some ReplyFormat,
        by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?
    ) async throws -> ModelAnswer {
        let start = ContinuousClock.now
        let limit = min(deadline, start + (request.tryLimit ?? timeouts.whole))
        let firstToken = min(limit, start + timeouts.firstToken)
        var isRefused = false
        do {
            return try await reporting(of: request.messages) {
                let transfer = try await upstream.client.open(post, deadline: firstToken)
                isRefused = transfer.status != 200
                guard !isRefused else { throw await failure(of: transfer, by: firstToken) }
                return try await read(transfer, request, format, firstToken: firstToken, limit: limit, onDelta)
            }
        } catch is CancellationError where !isRefused {
            // It may have read the question.
            throw format.draft.abandoned(request)
        }
    }

    /// - Throws: ``ModelFailure`` unless the reply is a 200.
    func probe(_ url: HTTPURL, headers: [(name: String, value: String)]) async throws {
        try await reporting {
            let request = try HTTPRequest(method: .get, url: url, headers: headers)
            let limit = ContinuousClock.now + timeouts.firstToken
            let transfer = try await upstream.client.open(request, deadline: limit)
            guard transfer.status == 200 else { throw await failure(of: transfer, by: limit) }
        }
    }

    /// The one way out for failures. What the provider said is for the log: the key is blotted out first and the words
    /// are cut then, so that no half of a key is left, and what they quote of the conversation goes. A try that was
    /// cancelled has no failure, whatever had arrived: what is missing may be what nobody waited to read.
    private func reporting<Value>(
        of messages: [ChatMessage] = [], _ work: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await work()
        } catch let error as CurlError {
            try Task.checkCancellation()
            throw failure(error)
        } catch let failure as ModelFailure {
            try Task.checkCancellation()
            let detail = (secret?.redact(failure.detail) ?? failure.detail).prefix(Self.longestDetail)
            throw ModelFailure(
                provider: failure.provider, reason: failure.reason,
                detail: Quotation.removed(from: String(detail), of: messages))
        }
    }

    private func read(
        _ transfer: Transfer, _ request: ModelRequest, _ format: some ReplyFormat,
        firstToken: ContinuousClock.Instant, limit: ContinuousClock.Instant, _ onDelta: (any DeltaHandler)?
    ) async throws -> ModelAnswer {
        var reader = ReplyReader(format)
        var expiry = firstToken
        var hasText = false
        do {
            while let bytes = try await transfer.next() {
                let wasFinished = reader.isFinished
                let text = try reader.feed(bytes)
                let calls = reader.takeCalls()
                if !hasText, !text.isEmpty || !calls.isEmpty {
                    hasText = true
                    await transfer.gather()
                }
                if !text.isEmpty { onDelta?.take(.text(text)) }
                for call in calls { onDelta?.take(.toolCall(call)) }
                if reader.isOver { break }
                let now = ContinuousClock.now
                // Every byte is a sign of life, but what follows the finish reason must not hold the answer back.
                if !wasFinished || !reader.isFinished || !text.isEmpty || !calls.isEmpty {
                    expiry = min(limit, now + wait(after: reader, hasText: hasText))
                    await transfer.moveDeadline(to: expiry)
                }
                // A sender of nothing but comments never lets the transfer itself run into its deadline.
                if now >= expiry { throw CurlError(.timedOut, "nothing but comments came in time") }
            }
        } catch let error as CurlError {
            if Task.isCancelled { throw reader.format.draft.abandoned(request) }
            // What is missing after the finish reason is no failure.
            guard reader.isFinished, error.kind != .cancelled else {
                throw failure(error, after: reader, hasText: hasText, isAtLimit: expiry >= limit)
            }
        }
        let (text, answer) = try reader.finish(request)
        if !text.isEmpty { onDelta?.take(.text(text)) }
        for call in reader.takeCalls() { onDelta?.take(.toolCall(call)) }
        if reader.isOver {
            await transfer.moveDeadline(to: .now + Self.courtesy.afterEndMark)
            _ = try? await transfer.next()
        }
        return answer
    }

    /// How long the provider may say nothing at all.
    private func wait<Format>(after reader: ReplyReader<Format>, hasText: Bool) -> Duration {
        if reader.isFinished, !reader.format.mayGoOn { return Self.courtesy.afterAnswer }
        return hasText ? timeouts.stall : timeouts.firstToken
    }

    /// Reads an error's body as far as it comes at once.
    private func failure(of transfer: Transfer, by deadline: ContinuousClock.Instant) async -> ModelFailure {
        let limit = min(deadline, .now + Self.courtesy.errorBody)
        await transfer.moveDeadline(to: limit)
        var body: [UInt8] = []
        while body.count < 64 << 10, .now < limit, let bytes = try? await transfer.next() { body += bytes }
        return ErrorReport(status: transfer.status, retryAfter: transfer.header("retry-after"), body: body)
            .failure(of: provider)
    }

    /// What the end of a reply means depends on what came before it.
    private func failure<Format>(
        _ error: CurlError, after reader: ReplyReader<Format>, hasText: Bool, isAtLimit: Bool
    ) -> any Error {
        switch error.kind {
        case .unreachable where hasText: reader.format.draft.failure(.truncated, error.detail)
        case .timedOut where isAtLimit && reader.documents > 0: reader.format.draft.failure(.unfinished, error.detail)
        case .timedOut where !hasText: reader.format.draft.failure(.wordless, error.detail)
        default: error
        }
    }

    private func failure(_ error: CurlError) -> any Error {
        let reason: ModelFailure.Reason
        switch error.kind {
        case .cancelled: return CancellationError()
        case .unreachable: reason = .unreachable
        case .timedOut: reason = .timedOut
        case .tooLarge: reason = .unfinished
        case .malformed, .invalidRequest: reason = .malformed
        }
        return ModelFailure(provider: provider, reason: reason, detail: error.detail)
    }
}
