import Chat
import Foundation
import SharedMemory
import Support
import Testing

@testable import Models

@Suite(.timeLimit(.minutes(2))) struct CircuitTests {
    private static let cooldowns = Circuit.Cooldowns(
        outage: .seconds(20), key: .seconds(600), probe: .seconds(30))

    private func path() -> String { FileManager.default.temporaryDirectory.path + "/circuits-\(UUID().uuidString)" }

    private func ask(_ model: any LanguageModel) async throws -> ModelAnswer {
        try await model.answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
    }

    @Test func whatOneWorkerFindsOutSparesTheOthers() async throws {
        let path = path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let changes = Seen<CircuitChange>()
        func worker(_ turns: [ScriptedModel.Turn]) throws -> CircuitBreaking {
            let board = CircuitBoard(on: try Board.open(path, [CircuitBoard.section]))
            let circuit = Circuit(on: board, identity: "p", Self.cooldowns)
            return CircuitBreaking(ScriptedModel("p", turns), provider: "p", circuit: circuit) { change, _ in
                changes.append(change)
            }
        }
        let first = try worker([.failure(.unauthorized(status: 402))])
        await #expect(throws: ModelFailure.self) { try await ask(first) }
        let second = try worker([])
        let failure = await #expect(throws: ModelFailure.self) { try await ask(second) }
        guard case .circuitOpen(let wait)? = failure?.reason else { return #expect(Bool(false), "\(failure as Any)") }
        #expect(wait > .seconds(590) && failure?.detail.contains("402") == true)
        #expect(changes.all.count == 1, "one worker says so, once")
    }

    @Test func anotherConfigurationIsAnotherCircuit() throws {
        let board = try CircuitBoard.ofThisProcess
        let old = Circuit(on: board, identity: "p key-1", Self.cooldowns)
        _ = old.report(.keyRefused(CircuitCause(code: 401)), start: Circuit.now(), isProbe: false)
        #expect(old.status.state == "open" && old.status.cause?.contains("401") == true)
        #expect(Circuit(on: board, identity: "p key-2", Self.cooldowns).status.state == "closed")
        board.reset()
        #expect(old.status.state == "closed")
    }

    @Test func theTriesOfOneQuestionCountOnce() async throws {
        let circuit = Circuit(on: try CircuitBoard.ofThisProcess, identity: "p", Self.cooldowns)
        func model(_ turns: [ScriptedModel.Turn]) -> CircuitBreaking {
            let patient = Retrying(
                ScriptedModel("p", turns), provider: "p", policy: RetryPolicy(retries: 2),
                mayRetry: { circuit.isClosed }, sleep: { _ in })
            return CircuitBreaking(patient, provider: "p", circuit: circuit) { _, _ in }
        }
        let failing = [ScriptedModel.Turn](repeating: .failure(.unreachable), count: 3)
        for _ in 1...4 {
            await #expect(throws: ModelFailure.self) { try await ask(model(failing)) }
            #expect(circuit.isClosed)
        }
        await #expect(throws: ModelFailure.self) { try await ask(model(failing)) }
        #expect(!circuit.isClosed)
    }

    @Test func oneOfManyGetsTheProbe() async throws {
        let board = try CircuitBoard.ofThisProcess
        let circuit = Circuit(on: board, identity: "p", Self.cooldowns)
        _ = board.update(circuit.slot) { _ in ((), CircuitState(phase: .open, time: 1)) }
        let probes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 { group.addTask { circuit.admit() == .probe } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(probes == 1)
    }

    @Test func aFullBoardStillHasAPlace() throws {
        let board = try CircuitBoard.ofThisProcess
        for identity in 1...200 as ClosedRange<UInt64> { #expect((0..<64).contains(board.slot(for: identity))) }
    }

    @Test func comesBackWithTheProvider() async throws {
        let board = try CircuitBoard.ofThisProcess
        let circuit = Circuit(on: board, identity: "p", Self.cooldowns)
        let changes = Seen<CircuitChange>()
        let turns = [ScriptedModel.Turn](repeating: .failure(.unreachable), count: 5) + [.answer("back")]
        let model = CircuitBreaking(ScriptedModel("p", turns), provider: "p", circuit: circuit) { change, _ in
            changes.append(change)
        }
        for _ in 0..<5 { await #expect(throws: ModelFailure.self) { try await ask(model) } }
        #expect(circuit.status.state == "open")
        _ = board.update(circuit.slot) { state in ((), CircuitState(phase: .open, time: 1, cause: state.cause)) }
        #expect(try await ask(model).text == "back")
        #expect(circuit.status == Circuit.Status(state: "closed", cause: nil, retryIn: nil))
        #expect(changes.all.count == 2 && changes.all.last == .closed)
    }

    @Test(arguments: [false, true])
    func theFirstTextOfAProbeLetsTheOthersIn(isWatched: Bool) async throws {
        let board = try CircuitBoard.ofThisProcess
        let circuit = Circuit(on: board, identity: "p", Self.cooldowns)
        _ = board.update(circuit.slot) { _ in ((), CircuitState(phase: .open, time: 1)) }
        let changes = Seen<CircuitChange>()
        let (texts, hasText) = AsyncStream<Void>.makeStream()
        let (ends, mayEnd) = AsyncStream<Void>.makeStream()
        let streaming = StreamingModel(
            text: "Hel",
            pause: {
                hasText.finish()
                for await _ in ends {}
            })
        @Sendable func guarding(_ model: any LanguageModel) -> CircuitBreaking {
            CircuitBreaking(model, provider: "p", circuit: circuit) { change, _ in changes.append(change) }
        }
        let probe = Task {
            try await guarding(streaming).answer(
                try ProviderFixture.request(), by: .now + .seconds(60), onDelta: isWatched ? Watcher() : nil)
        }
        for await _ in texts {}
        #expect(try await ask(guarding(ScriptedModel("p", [.answer("ok")]))).text == "ok")
        mayEnd.finish()
        #expect(try await probe.value.text == "Hel")
        #expect(changes.all == [.closed])
    }
}

extension CircuitBoard {
    static var ofThisProcess: CircuitBoard { get throws { CircuitBoard(on: try Board([section])) } }
}
