import Chat
import Support
import Testing

@testable import Models

@Suite(.timeLimit(.minutes(1))) struct RetryTests {
    static let transient: [ModelFailure.Reason] = [
        .unreachable, .rateLimited(retryAfter: nil), .serverError(status: 503, retryAfter: nil), .malformed, .empty,
        .truncated,
    ]
    static let final: [ModelFailure.Reason] = [
        .timedOut, .unauthorized(status: 401), .filtered(reason: "SAFETY"), .refused(status: 400),
        .rateLimited(retryAfter: .seconds(6)), .serverError(status: 503, retryAfter: .seconds(3600)), .tooLong,
        .circuitOpen(for: .seconds(1)), .outOfTokens, .wordless, .unfinished,
    ]

    @Test(arguments: transient)
    func waitsLongerAfterEachFailureAndThenGivesUp(reason: ModelFailure.Reason) {
        let policy = RetryPolicy(retries: 8)
        func delay(_ failures: Int, _ random: Double) -> Duration? {
            policy.delay(after: reason, failures: failures, spent: .zero, remaining: .seconds(60), random: random)
        }
        #expect(delay(1, 0) == .zero)
        #expect(delay(1, 0.5) == .milliseconds(100))
        #expect(delay(2, 0.5) == .milliseconds(200))
        #expect(delay(3, 0.5) == .milliseconds(400))
        #expect(delay(8, 0.5) == .milliseconds(2500))
        #expect(delay(9, 0.5) == nil)
    }

    @Test(arguments: final)
    func neverRetries(reason: ModelFailure.Reason) {
        #expect(
            RetryPolicy().delay(after: reason, failures: 1, spent: .zero, remaining: .seconds(60), random: 0) == nil)
    }

    @Test func waitsAsLongAsTheProviderAsks() {
        let policy = RetryPolicy()
        let reason = ModelFailure.Reason.rateLimited(retryAfter: .seconds(2))
        #expect(
            policy.delay(after: reason, failures: 1, spent: .zero, remaining: .seconds(60), random: 0.9) == .seconds(2))
        #expect(policy.delay(after: reason, failures: 1, spent: .zero, remaining: .seconds(2), random: 0.9) == nil)
    }

    @Test(arguments: [ModelFailure.Reason.truncated, .malformed, .empty])
    func leavesWhatWasPaidForToTheFallback(reason: ModelFailure.Reason) {
        let policy = RetryPolicy(hasFallback: true)
        #expect(policy.delay(after: reason, failures: 1, spent: .zero, remaining: .seconds(60), random: 0) == nil)
    }

    @Test func doesNotRetryAProviderThatFailsSlowly() {
        let policy = RetryPolicy()
        func delay(_ spent: Duration) -> Duration? {
            policy.delay(after: .unreachable, failures: 1, spent: spent, remaining: .seconds(60), random: 0.5)
        }
        #expect(delay(.seconds(9)) != nil && delay(.milliseconds(9_950)) == nil)
    }

    @Test func doesNotWaitBeyondTheDeadline() {
        let policy = RetryPolicy()
        #expect(
            policy.delay(after: .unreachable, failures: 1, spent: .zero, remaining: .milliseconds(100), random: 0.9)
                == nil)
        #expect(policy.delay(after: .unreachable, failures: 1, spent: .zero, remaining: .seconds(-1), random: 0) == nil)
    }

    func ask(_ model: any LanguageModel, within limit: Duration = .seconds(60), onDelta: (any DeltaHandler)? = nil)
        async throws
        -> ModelAnswer
    {
        try await model.answer(try ProviderFixture.request(), by: .now + limit, onDelta: onDelta)
    }

    @Test func triesAgainUntilThereIsAnAnswer() async throws {
        let waits = Seen<Duration>()
        let attempts = Seen<Attempt>()
        let scripted = ScriptedModel("a", [.failure(.unreachable), .failure(.empty), .answer("ok")])
        let model = Retrying(
            scripted, provider: "p", observer: { attempts.append($0) }, random: { 0.5 }, sleep: { waits.append($0) })
        #expect(try await ask(model).text == "ok")
        #expect(waits.all == [.milliseconds(100), .milliseconds(200)])
        #expect(attempts.all.map(\.number) == [1, 2, 3])
        #expect(attempts.all.last?.outcome == .answered)
        #expect(attempts.all.allSatisfy { $0.provider == "p" && $0.milliseconds >= 0 })
    }

    @Test func throwsTheLastFailureAfterTheLastTry() async throws {
        let scripted = ScriptedModel("a", [.failure(.unreachable), .failure(.empty), .failure(.malformed)])
        let model = Retrying(scripted, provider: "p", sleep: { _ in })
        let failure = await #expect(throws: ModelFailure.self) { try await ask(model) }
        #expect(failure?.reason == .malformed)
    }

    @Test(arguments: final)
    func triesOnce(reason: ModelFailure.Reason) async throws {
        let scripted = ScriptedModel("a", [.failure(reason)])
        let model = Retrying(scripted, provider: "p", sleep: { _ in Issue.record("waits") })
        let failure = await #expect(throws: ModelFailure.self) { try await ask(model) }
        #expect(failure?.reason == reason)
    }

    @Test func neverRetriesOnceTheCallerHasSeenText() async throws {
        let seen = Seen<String>()
        let scripted = ScriptedModel("a", [.failure(.unreachable, after: "Hel")])
        let model = Retrying(scripted, provider: "p", sleep: { _ in Issue.record("waits") })
        await #expect(throws: ModelFailure.self) { try await ask(model, onDelta: Watcher { seen.append($0.text) }) }
        #expect(seen.all == ["Hel"])
    }

    @Test func retriesATryWhoseTextNobodySaw() async throws {
        let scripted = ScriptedModel("a", [.failure(.unreachable, after: "Hel"), .answer("Hello")])
        #expect(try await ask(Retrying(scripted, provider: "p", sleep: { _ in })).text == "Hello")
    }

    @Test func doesNotWaitForAProviderThatIsLeftAlone() async throws {
        let scripted = ScriptedModel("a", [.failure(.unreachable)])
        let model = Retrying(scripted, provider: "p", mayRetry: { false }, sleep: { _ in Issue.record("waits") })
        let failure = await #expect(throws: ModelFailure.self) { try await ask(model) }
        #expect(failure?.reason == .unreachable)
    }

    @Test func doesNotAskAProviderThatWasLeftAloneWhileItWaited() async throws {
        let waits = Seen<Duration>()
        let model = Retrying(
            ScriptedModel("a", [.failure(.unreachable)]), provider: "p", mayRetry: { waits.all.isEmpty },
            sleep: { waits.append($0) })
        let failure = await #expect(throws: ModelFailure.self) { try await ask(model) }
        #expect(failure?.reason == .unreachable)
    }

    @Test func stopsWhenTheWaitIsCancelled() async throws {
        let scripted = ScriptedModel("a", [.failure(.unreachable)])
        let model = Retrying(scripted, provider: "p", sleep: { _ in throw CancellationError() })
        await #expect(throws: CancellationError.self) { try await ask(model) }
    }

    @Test func reportsACancelledTryAsAbandoned() async throws {
        let attempts = Seen<Attempt>()
        let model = Retrying(ScriptedModel("a", [.cancelled]), provider: "p", observer: { attempts.append($0) })
        await #expect(throws: CancellationError.self) { try await ask(model) }
        #expect(attempts.all.map(\.outcome) == [.abandoned])
    }
}
