import Chat
import Support
import Testing

@testable import Models

@Suite(.timeLimit(.minutes(1))) struct FallbackTests {
    func ask(_ models: [ScriptedModel], onDelta: (any DeltaHandler)? = nil, within limit: Duration = .seconds(60))
        async throws
        -> ModelAnswer
    {
        try await Fallback(models).answer(try ProviderFixture.request(), by: .now + limit, onDelta: onDelta)
    }

    @Test(arguments: [
        ModelFailure.Reason.unreachable, .timedOut, .rateLimited(retryAfter: nil), .malformed, .empty,
        .unauthorized(status: 401), .refused(status: 400), .serverError(status: 500, retryAfter: nil), .outOfTokens,
        .wordless,
        .unfinished,
    ])
    func asksTheNextProvider(reason: ModelFailure.Reason) async throws {
        let answer = try await ask([ScriptedModel("a", [.failure(reason)]), ScriptedModel("b", [.answer("ok")])])
        #expect(answer.provider == "b")
    }

    @Test func asksOnlyWhatMayAnswer() async throws {
        func request(_ wanted: String?, _ models: [String]) -> ModelRequest {
            ModelRequest(messages: [.user("q")], model: wanted, models: models, temperature: nil, maxTokens: 5)
        }
        let (first, second, third) = (
            ScriptedModel("a", []), ScriptedModel("b", [.answer("ok"), .failure(.unreachable)]),
            ScriptedModel("c", [.failure(.unreachable), .failure(.timedOut)])
        )
        let fallback = Fallback([first, second, third], names: ["one", "two", "three"])
        let answer = try await fallback.answer(
            request("three", ["two", "three"]), by: .now + .seconds(60), onDelta: nil)
        #expect(answer.provider == "b" && third.calls == 1)
        let failure = await #expect(throws: ModelFailure.self) {
            try await fallback.answer(request(nil, ["two", "three"]), by: .now + .seconds(60), onDelta: nil)
        }
        #expect(failure?.reason == .timedOut && first.calls == 0)
        #expect(!fallback.supports(request(nil, ["four"])))
    }

    @Test func doesNotAskAnotherWhatAFilterRefused() async throws {
        let second = ScriptedModel("b", [])
        let failure = await #expect(throws: ModelFailure.self) {
            try await ask([ScriptedModel("a", [.failure(.filtered(reason: "SAFETY"))]), second])
        }
        #expect(failure?.reason == .filtered(reason: "SAFETY"))
        #expect(second.calls == 0)
    }

    @Test func doesNotStartOverOnceTheCallerHasSeenText() async throws {
        let seen = Seen<String>()
        let second = ScriptedModel("b", [])
        await #expect(throws: ModelFailure.self) {
            try await ask(
                [ScriptedModel("a", [.failure(.timedOut, after: "Hel")]), second],
                onDelta: Watcher { seen.append($0.text) })
        }
        #expect(second.calls == 0)
        #expect(seen.all == ["Hel"])
    }

    @Test func startsOverWhenNobodyWatches() async throws {
        let models = [ScriptedModel("a", [.failure(.timedOut, after: "Hel")]), ScriptedModel("b", [.answer("ok")])]
        #expect(try await ask(models).text == "ok")
    }

    @Test func asksNobodyAfterTheDeadline() async throws {
        let second = ScriptedModel("b", [])
        await #expect(throws: ModelFailure.self) {
            try await ask([ScriptedModel("a", [.failure(.timedOut)]), second], within: .zero)
        }
        #expect(second.calls == 0)
    }

    @Test func passesCancellationOn() async throws {
        let second = ScriptedModel("b", [])
        await #expect(throws: CancellationError.self) { try await ask([ScriptedModel("a", [.cancelled]), second]) }
        #expect(second.calls == 0)
    }

    static let summaries: [([ModelFailure.Reason], Int)] = [
        ([.rateLimited(retryAfter: .seconds(9)), .unauthorized(status: 401)], 0),
        ([.unauthorized(status: 401), .unreachable], 1),
        ([.timedOut, .unreachable, .empty], 0),
        ([.unreachable, .unreachable], 1),
        ([.refused(status: 400)], 0),
    ]

    @Test(arguments: summaries)
    func throwsTheMostTellingFailure(reasons: [ModelFailure.Reason], telling: Int) async throws {
        let models = reasons.enumerated().map { ScriptedModel("p\($0)", [.failure($1)]) }
        let failure = await #expect(throws: ModelFailure.self) { try await ask(models) }
        #expect(failure?.provider == "p\(telling)")
        #expect(failure?.reason == reasons[telling])
        for (index, reason) in reasons.enumerated() where reasons.count > 1 {
            #expect(failure?.detail.contains("p\(index): \(reason)") == true)
        }
    }
}
