internal import Chat
internal import Curl

/// One try at one provider: sends a request, reads its reply as it comes, keeps to the timeouts.
struct StreamedCall: Sendable {
    /// How long to wait for bookkeeping after the answer, and for a connection's orderly end so that it can be reused.
    private static let courtesy = (afterAnswer: Duration.seconds(1), afterEndMark: Duration.milliseconds(100))

    /// Characters of a failure's detail.
    private static let longestDetail = 320

    let upstream: Upstream
    let provider: String
    let timeouts: Timeouts
    /// Blotted out of what the provider says.
    let secret: APIKey?

    func run(
        _ request: HTTPRequest, reading format: some ReplyFormat, by deadline: ContinuousClock.Instant,
        onDelta: DeltaHandler?
    ) async throws -> ModelAnswer {
        let start = ContinuousClock.now
        let limit = min(deadline, start + timeouts.whole)
        let firstToken = min(limit, start + timeouts.firstToken)
        return try await reporting {
            let transfer = try await upstream.client.open(request, deadline: firstToken)
            guard transfer.status == 200 else { throw await failure(of: transfer) }
            return try await read(transfer, format, firstToken: firstToken, limit: limit, onDelta)
        }
    }

    /// - Throws: ``ModelFailure`` unless the reply is a 200.
    func probe(_ url: HTTPURL, headers: [(name: String, value: String)]) async throws {
        try await reporting {
            let request = try HTTPRequest(method: .get, url: url, headers: headers)
            let transfer = try await upstream.client.open(request, deadline: .now + timeouts.firstToken)
            guard transfer.status == 200 else { throw await failure(of: transfer) }
        }
    }

    /// The one way out for failures. What the provider said is for the log: the key is blotted out first and the words
    /// are cut then, so that no half of a key is left. A try that was cancelled has no failure, whatever had arrived: what
    /// is missing may be what nobody waited to read.
    private func reporting<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as CurlError {
            try Task.checkCancellation()
            throw failure(error)
        } catch let failure as ModelFailure {
            try Task.checkCancellation()
            let detail = (secret?.redact(failure.detail) ?? failure.detail).prefix(Self.longestDetail)
            throw ModelFailure(provider: failure.provider, reason: failure.reason, detail: String(detail))
        }
    }

    private func read(
        _ transfer: Transfer, _ format: some ReplyFormat, firstToken: ContinuousClock.Instant,
        limit: ContinuousClock.Instant, _ onDelta: DeltaHandler?
    ) async throws -> ModelAnswer {
        var reader = ReplyReader(format)
        var expiry = firstToken
        var hasText = false
        while let bytes = try await next(of: transfer, after: reader.format, hasText: hasText) {
            let progress = try reader.feed(bytes)
            if !progress.text.isEmpty {
                hasText = true
                try await onDelta?(progress.text)
            }
            if reader.isOver { break }
            let now = ContinuousClock.now
            if reader.format.hasFinalWord {
                expiry = min(limit, now + Self.courtesy.afterAnswer)
                transfer.moveDeadline(to: expiry)
            } else if hasText, progress.isProgress {
                expiry = min(limit, now + timeouts.stall)
                transfer.moveDeadline(to: expiry)
            }
            // A sender of nothing but comments never lets the transfer itself run into its deadline.
            if now >= expiry { throw CurlError(.timedOut, "nothing but comments came in time") }
        }
        let (text, answer) = try reader.finish()
        if !text.isEmpty { try await onDelta?(text) }
        if reader.isOver {
            transfer.moveDeadline(to: .now + Self.courtesy.afterEndMark)
            _ = try? await transfer.next()
        }
        return answer
    }

    /// What is missing after the provider's last word is no failure.
    private func next(of transfer: Transfer, after format: some ReplyFormat, hasText: Bool) async throws -> [UInt8]? {
        do throws(CurlError) {
            return try await transfer.next()
        } catch {
            if format.hasFinalWord, error.kind != .cancelled { return nil }
            if hasText, error.kind == .unreachable {
                throw ModelFailure(provider: provider, reason: .brokenOff, detail: error.detail)
            }
            throw error
        }
    }

    /// Reads an error's body as far as it comes.
    private func failure(of transfer: Transfer) async -> ModelFailure {
        var body: [UInt8] = []
        while body.count < 64 << 10, let bytes = try? await transfer.next() { body += bytes }
        return ErrorReport(status: transfer.status, retryAfter: transfer.header("retry-after"), body: body)
            .failure(of: provider)
    }

    private func failure(_ error: CurlError) -> any Error {
        let reason: ModelFailure.Reason
        switch error.kind {
        case .cancelled: return CancellationError()
        case .unreachable: reason = .unreachable
        case .timedOut: reason = .timedOut
        case .tooLarge, .malformed, .invalidRequest: reason = .malformed
        }
        return ModelFailure(provider: provider, reason: reason, detail: error.detail)
    }
}
