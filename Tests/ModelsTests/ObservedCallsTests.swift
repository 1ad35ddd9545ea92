import Chat
import SharedMemory
import Support
import Testing

@testable import Models

/// Whoever counts and traces hears of each call of a provider, once.
@Suite(.timeLimit(.minutes(1))) struct ObservedCallsTests {
    private struct Observer: ModelAttemptObserver {
        let seen = Seen<ModelAttempt>()

        func record(_ attempt: ModelAttempt) { seen.append(attempt) }
    }

    private let observer = Observer()
    private var attempts: [ModelAttempt] { observer.seen.all }

    private func observed(_ model: some LanguageModel, price: ModelPrice? = nil) -> ObservedCalls {
        ObservedCalls(model, name: "a", model: "large", at: nil, price: price, observers: [observer, observer])
    }

    @Test func eachTryIsTold() async throws {
        let model = ScriptedModel("a", [.failure(.rateLimited(retryAfter: nil)), .answer("ok")])
        let price = ModelPrice(ModelPrice.Rates(input: Money(picodollars: 3), output: Money(picodollars: 4)))
        let patient = Retrying(observed(model, price: price), provider: "a", sleep: { _ in })
        _ = try await patient.answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)

        #expect(attempts.map(\.outcome) == [.rateLimited, .rateLimited, .answered, .answered])
        #expect(attempts.allSatisfy { $0.provider == "a" && $0.model == "large" && $0.start <= $0.end })
        #expect(attempts[0].usage == nil && attempts[0].cost == nil && attempts[0].firstPiece == nil)
        let answered = attempts[2]
        #expect(answered.answeringModel == "m" && answered.usage?.completion == 1 && answered.finishReason == .stop)
        #expect(answered.cost == Money(picodollars: 7))
        let first = try #require(answered.firstPiece)
        #expect(answered.start <= first && first <= answered.end)
    }

    @Test func oneThatWasNotAskedIsNotTold() async throws {
        let model = ScriptedModel(
            "a", [.failure(.circuitOpen(for: .seconds(1))), .failure(.dailyCallsSpent(for: .zero))])
        for _ in 0..<2 {
            _ = try? await observed(model).answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
        }
        #expect(attempts.isEmpty && model.calls == 2)
    }

    @Test func oneWhoHangsUpAbandons() async throws {
        let model = ScriptedModel("a", [.cancelled])
        _ = try? await observed(model).answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
        #expect(attempts.map(\.outcome) == [.abandoned, .abandoned])
    }
}
