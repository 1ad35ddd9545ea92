import Chat
import SharedMemory
import Support
import Synchronization
import Testing

@testable import Models

/// Each try at a provider is a call of the day.
@Suite(.timeLimit(.minutes(1))) struct CallCeilingTests {
    private final class Counter: CallCounter {
        private let calls = Mutex(0)

        func countCall(ceiling: Int) async throws -> DailyCalls {
            calls.withLock { calls in
                let isAdmitted = calls < ceiling
                calls += isAdmitted ? 1 : 0
                return DailyCalls(
                    day: 20_000, calls: calls, ceiling: ceiling, isAdmitted: isAdmitted, remaining: .seconds(3_600),
                    news: DailyCalls.News(calls: calls, of: ceiling))
            }
        }
    }

    private let board: Board
    private let model: ScriptedModel
    private let told = Seen<DailyCalls.News>()

    init() throws {
        board = try Board([CallCeiling.section, CircuitBoard.section])
        model = ScriptedModel("a", [.failure(.unreachable), .failure(.unreachable), .answer("ok"), .answer("ok")])
    }

    private func ceiling(_ calls: Int) -> CallCeiling {
        CallCeiling(calls, counter: Counter(), on: board) { [told] in told.append($1) }
    }

    @Test func triesAreCalls() async throws {
        let ceiling = ceiling(2)
        let capped = CappedCalls(model, provider: "a", ceiling: ceiling)
        let patient = Retrying(capped, provider: "a", sleep: { _ in })
        let failure = await #expect(throws: ModelFailure.self) {
            try await patient.answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
        }
        #expect(failure?.reason == .dailyCallsSpent(for: .seconds(3_600)) && failure?.isOutage == true)
        #expect(model.calls == 2 && told.all == [.spent, .spent])
        #expect(ceiling.summary(on: 20_000) == "2 of 2 calls today")
        #expect(ceiling.summary(on: 20_001) == "0 of 2 calls today")
    }

    @Test func theCircuitLearnsNothingOfIt() async throws {
        let circuit = Circuit(
            on: CircuitBoard(on: board), identity: "a",
            Circuit.Cooldowns(outage: .seconds(20), key: .seconds(20), probe: .seconds(20)))
        let breaking = CircuitBreaking(
            CappedCalls(model, provider: "a", ceiling: ceiling(1)), provider: "a", circuit: circuit
        ) { _, _ in }
        for _ in 0..<20 {
            _ = try? await breaking.answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
        }
        #expect(model.calls == 1 && circuit.isClosed)
    }

    @Test func anotherThatCostsNothingAnswers() async throws {
        let capped = CappedCalls(model, provider: "a", ceiling: ceiling(1))
        let fallback = Fallback([capped, ScriptedModel("echo", [.answer("one"), .answer("two")])])
        for _ in 0..<2 {
            let answer = try await fallback.answer(
                try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
            #expect(answer.provider == "echo")
        }
        #expect(model.calls == 1)
    }
}
