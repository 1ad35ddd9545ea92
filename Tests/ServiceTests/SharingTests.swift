import Chat
import Foundation
import Sessions
import Support
import Synchronization
import Testing

/// One question, one call: within a worker, and between workers of a pool on one database.
@Suite(.timeLimit(.minutes(2))) struct SharingTests {
    /// The first worker asks and is held, the second one waits for its answer.
    private func twoWorkersOnOneQuestion() async throws -> (
        first: PipelineFixture, second: PipelineFixture, token: String, gate: Gate, asking: Task<Exchange, any Error>,
        elsewhere: Task<Exchange, any Error>
    ) {
        let first = try await PipelineFixture()
        let second = try await PipelineFixture(besides: first)
        let token = try await first.logIn()
        let gate = first.hold()
        let asking = Task { try await first.ask("hello", token) }
        await first.model.waitForCall()
        let elsewhere = Task { try await second.ask("hello", token) }
        try await first.untilAwaited("hello", token)
        return (first, second, token, gate, asking, elsewhere)
    }

    private func askAll(_ count: Int, _ benches: [PipelineFixture], _ token: String) async throws -> [Exchange] {
        try await withThrowingTaskGroup(of: Exchange.self) { group in
            for number in 0..<count {
                group.addTask { try await benches[number % benches.count].ask("What is HTTP?", token) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func equalQuestionsAtOnceAreOneCallOverAllWorkers() async throws {
        let first = try await PipelineFixture(messageLimit: 1_000)
        var benches = [first]
        for _ in 1..<4 { benches.append(try await PipelineFixture(besides: first, messageLimit: 1_000)) }
        let token = try await first.logIn()
        let exchanges = try await askAll(200, benches, token)
        #expect(benches.reduce(0) { $0 + $1.model.calls } == 1)
        #expect(Set(exchanges.map(\.answer.text)) == ["answer 1"])
        #expect(exchanges.filter { !$0.answer.isCached }.count == 1)
        #expect(try await first.authenticator.admit(token).messagesUsed == 200, "each is a message")
    }

    @Test func anAnswerThatWasCutByLengthIsSharedWithThoseWhoWaitAndNotKept() async throws {
        let (first, second, token, gate, asking, elsewhere) = try await twoWorkersOnOneQuestion()
        first.model.finishReason.withLock { $0 = .length }
        let beside = Task { try await first.ask("hello", token) }
        try await until("both ask") { first.asking == 2 }
        gate.open()
        #expect(try await asking.value.answer.isCached == false)
        for task in [beside, elsewhere] {
            let answer = try await task.value.answer
            #expect(answer.isCached && answer.finishReason == .length)
        }
        #expect(first.model.calls == 1 && second.model.calls == 0)
        // It lasts for the moment that those who wait need, and not for the 60 s of others.
        let stored = try #require(try await first.stored("hello", token))
        #expect(stored.expires < Date() + 10)
        // Nobody else is given it, not even in place of none.
        for bench in [first, second] {
            bench.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .unreachable, detail: "down") }
            await #expect(throws: ChatError.self) { try await bench.ask("hello", token) }
            bench.model.failure.withLock { $0 = nil }
            #expect(try await bench.ask("hello", token, .noStore).answer.isCached == false)
        }
    }

    @Test func aFailureIsSharedWithThoseWhoWaitAndNeverCached() async throws {
        let first = try await PipelineFixture()
        let second = try await PipelineFixture(besides: first)
        let token = try await first.logIn()
        let gate = first.hold()
        first.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .unreachable, detail: "down") }
        let one = Task { try await first.ask("hello", token) }
        await first.model.waitForCall()
        let elsewhere = Task { try await second.ask("hello", token) }
        try await first.untilAwaited("hello", token)
        gate.open()
        for task in [one, elsewhere] {
            let error = await #expect(throws: ChatError.self) { try await task.value }
            #expect(error?.code == .unavailable)
        }
        #expect(first.model.calls == 1 && second.model.calls == 0)
        #expect(try await second.ask("hello", token).answer.isCached == false)
        #expect(try await first.authenticator.admit(token).messagesUsed == 1)
    }

    @Test func equalStreamsThatAreRefusedAreOneCall() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let gate = bench.hold()
        bench.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .filtered(reason: "X"), detail: "") }
        let asking = (0..<10).map { _ in Task { try await bench.ask("hello", token) { _ in } } }
        try await until("all ask") { bench.asking == 10 }
        gate.open()
        for task in asking {
            let error = await #expect(throws: ChatError.self) { try await task.value }
            #expect(error?.code == .filtered)
        }
        #expect(bench.model.calls == 1)
    }

    @Test(arguments: [false, true]) func theCallEndsWhenNobodyWaitsInAnyWorker(askerFirst: Bool) async throws {
        let (first, second, token, gate, asking, elsewhere) = try await twoWorkersOnOneQuestion()
        for task in askerFirst ? [asking, elsewhere] : [elsewhere, asking] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // The waiting worker takes its mark back before the other one leaves.
            if task == elsewhere { try await until("nobody waits") { try await !first.isAwaited("hello", token) } }
        }
        try await until("the message counts") { try await first.authenticator.admit(token).messagesUsed > 0 }
        gate.open()
        #expect(try await first.history(token).isEmpty && second.model.calls == 0)
    }

    @Test func theCallEndsWithItsLastCallerAndIsForfeited() async throws {
        let bench = try await PipelineFixture(messageLimit: 1)
        let token = try await bench.logIn()
        let gate = bench.hold()
        let asking = Task { try await bench.ask("hello", token) }
        await bench.model.waitForCall()
        asking.cancel()
        await #expect(throws: CancellationError.self) { try await asking.value }
        // The model's wait ends by cancellation alone: the gate stays shut until the message is counted.
        try await until("the message counts") { try await bench.authenticator.admit(token).messagesUsed > 0 }
        gate.open()
        #expect(try await bench.history(token).isEmpty)
    }

    @Test func theCallGoesOnForThoseWhoStillWait() async throws {
        let (first, second, token, gate, asking, elsewhere) = try await twoWorkersOnOneQuestion()
        asking.cancel()
        await #expect(throws: CancellationError.self) { try await asking.value }
        gate.open()
        let exchange = try await elsewhere.value
        #expect(exchange.answer.text == "answer 1" && exchange.answer.isCached && second.model.calls == 0)
        #expect(try await first.history(token).count == 2, "the answer that nobody stayed for is kept too")
    }

    @Test func oneWithoutMessagesLeftDoesNotRefuseTheOthers() async throws {
        let bench = try await PipelineFixture(messageLimit: 2)
        let token = try await bench.logIn()
        _ = try await bench.ask("first", token)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<10 { group.addTask { (try? await bench.ask("hello", token)) != nil } }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 }.count == 1)
        #expect(try await bench.authenticator.admit(token).messagesUsed == 2)
    }

    @Test func withoutACacheNothingIsShared() async throws {
        let bench = try await PipelineFixture(lifetimes: CacheLifetimes(0))
        let token = try await bench.logIn()
        let exchanges = try await askAll(5, [bench], token)
        #expect(bench.model.calls == 5 && exchanges.allSatisfy { !$0.answer.isCached })
    }

    @Test func aPlainCallerDoesNotShareAStreamThatBroke() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let gate = bench.breakOff()
        let (pieces, heard) = AsyncStream.makeStream(of: Void.self)
        let streaming = Task { try await bench.ask("hello", token) { _ in heard.yield() } }
        for await _ in pieces { break }
        bench.model.pause.withLock { $0 = nil }
        let plain = Task { try await bench.ask("hello", token) }
        try await until("both ask") { bench.asking == 2 }
        gate.open()
        await #expect(throws: ChatError.self) { try await streaming.value }
        #expect(try await plain.value.answer.text == "answer 2")
    }
}

/// What is answered when the model cannot be asked, or not by so many.
@Suite(.timeLimit(.minutes(2))) struct ScarcityTests {
    @Test func anExpiredAnswerIsBetterThanNone() async throws {
        let bench = try await PipelineFixture(lifetimes: CacheLifetimes(0.001))
        let token = try await bench.logIn()
        let first = try await bench.ask("hello", token)
        bench.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .timedOut, detail: "") }
        let stale = try await bench.ask("hello", token)
        #expect(stale.answer.text == first.answer.text && stale.answer.isStale && stale.answer.isCached)
        #expect(try await bench.history(token).map(\.answer.isStale) == [false, true])
        await #expect(throws: ChatError.self) { try await bench.ask("another", token) }
    }

    @Test(arguments: [ModelFailure.Reason.filtered(reason: "SAFETY"), .tooLong, .refused(status: 400)])
    func aVerdictIsNotReplacedByAnOldAnswer(reason: ModelFailure.Reason) async throws {
        let bench = try await PipelineFixture(lifetimes: CacheLifetimes(0.001))
        let token = try await bench.logIn()
        _ = try await bench.ask("hello", token)
        bench.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: reason, detail: "") }
        await #expect(throws: ChatError.self) { try await bench.ask("hello", token) }
    }

    @Test func theLaneForCachedAnswersStaysFree() async throws {
        let bench = try await PipelineFixture(maxInFlight: 2)
        let token = try await bench.logIn()
        _ = try await bench.ask("known", token)
        let (held, release) = AsyncStream.makeStream(of: Void.self)
        bench.model.pause.withLock { $0 = { for await _ in held {} } }
        let waiting = (0..<2).map { number in Task { try await bench.ask("question \(number)", token) } }
        try await until("both ask") { bench.load.current == 2 }
        let error = await #expect(throws: ChatError.self) { try await bench.ask("one more", token) }
        #expect(error?.code == .overloaded && error?.retryAfter == 1)
        #expect(try await bench.ask("known", token).answer.isCached)
        release.finish()
        for task in waiting { _ = try await task.value }
        #expect(bench.load.current == 0)
        #expect(try await bench.ask("one more", token).answer.isCached == false)
    }
}
