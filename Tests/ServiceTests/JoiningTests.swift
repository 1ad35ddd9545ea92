import Chat
import Sessions
import Support
import Synchronization
import Testing

/// Who waits for another's answer: he is let in before he is given any of it, and is answered then.
@Suite(.timeLimit(.minutes(2))) struct JoiningTests {
    /// Of one user's sessions, the second one joins the first one's call, in the same worker and in another.
    @Test(arguments: [false, true]) func whoMayNotAskIsGivenNothingOfAnothersAnswer(isElsewhere: Bool) async throws {
        let first = try await PipelineFixture(messageLimit: 1)
        let second = isElsewhere ? try await PipelineFixture(besides: first, messageLimit: 1) : first
        let (token, ended, spent) = (try await first.logIn(), try await first.logIn(), try await first.logIn())
        _ = try await first.ask("another", spent)
        _ = try await first.authenticator.end(first.authenticator.identify(ended))
        let calls = first.model.calls
        let gate = first.hold()
        let (pieces, heard) = AsyncStream.makeStream(of: Void.self)
        let asking = Task { try await first.ask("hello", token) { _ in heard.yield() } }
        for await _ in pieces { break }
        for (token, code) in [(ended, ChatError.Code.unauthorized), (spent, .quotaExceeded)] {
            let (given, give) = AsyncStream.makeStream(of: AnswerDelta.self)
            let error = await #expect(throws: ChatError.self) {
                try await second.ask("hello", token) { give.yield($0) }
            }
            give.finish()
            #expect(error?.code == code)
            for await piece in given { Issue.record("\(piece) was given") }
        }
        gate.open()
        #expect(try await asking.value.answer.text == "answer \(calls + 1)")
        #expect(first.model.calls == calls + 1 && (!isElsewhere || second.model.calls == 0))
    }

    @Test(arguments: [false, true]) func whoWaitsIsAnsweredThoughHisSessionEnds(isElsewhere: Bool) async throws {
        let first = try await PipelineFixture()
        let second = isElsewhere ? try await PipelineFixture(besides: first) : first
        let (token, other) = (try await first.logIn(), try await first.logIn())
        let gate = first.hold()
        let asking = Task { try await first.ask("hello", token) }
        await first.model.waitForCall()
        let (pieces, heard) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task { try await second.ask("hello", other) { _ in heard.yield() } }
        if isElsewhere {
            try await first.untilAwaited("hello", token)
        } else {
            for await _ in pieces { break }
        }
        _ = try await first.authenticator.end(first.authenticator.identify(other))
        gate.open()
        #expect(try await asking.value.answer.isCached == false)
        let exchange = try await waiting.value
        #expect(exchange.answer.isCached && exchange.answer.text == "answer 1")
        // What was reserved for him is over: another message of the limit is not held.
        let third = try await first.logIn()
        #expect(try await first.ask("hello", third).answer.isCached)
    }

    @Test func whoLeavesWhileHeWaitsHasHisMessageBack() async throws {
        let bench = try await PipelineFixture(messageLimit: 1)
        let (token, other) = (try await bench.logIn(), try await bench.logIn())
        let gate = bench.hold()
        let asking = Task { try await bench.ask("hello", token) }
        await bench.model.waitForCall()
        let (pieces, heard) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task { try await bench.ask("hello", other) { _ in heard.yield() } }
        for await _ in pieces { break }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        gate.open()
        _ = try await asking.value
        #expect(try await bench.ask("another", other).answer.isCached == false, "his only message")
    }

    /// Another's stream is no reason to fail: who has seen nothing is asked for anew, also the one who began the call.
    @Test func aPlainAskerIsNotRefusedBecauseAnotherSawTextOfACallThatBroke() async throws {
        let bench = try await PipelineFixture()
        let (token, other) = (try await bench.logIn(), try await bench.logIn())
        let gate = bench.breakOff()
        let plain = Task { try await bench.ask("hello", token) }
        await bench.model.waitForCall()
        let (pieces, heard) = AsyncStream.makeStream(of: Void.self)
        let streaming = Task { try await bench.ask("hello", other) { _ in heard.yield() } }
        for await _ in pieces { break }
        bench.model.pause.withLock { $0 = nil }
        gate.open()
        await #expect(throws: ChatError.self) { try await streaming.value }
        #expect(try await plain.value.answer.text == "answer 2")
        #expect(try await bench.authenticator.admit(token).messagesUsed == 1)
    }

    /// He waited first, and then asked himself: the call that goes on for others is still his.
    @Test func whoLeavesTheCallThatHeCameToAskHoldsItsMessage() async throws {
        let bench = try await PipelineFixture(messageLimit: 1)
        let (first, token, other) = (try await bench.logIn(), try await bench.logIn(), try await bench.logIn())
        let broken = bench.breakOff()
        let (pieces, heard) = AsyncStream.makeStream(of: Void.self)
        let streaming = Task { try await bench.ask("hello", first) { _ in heard.yield() } }
        for await _ in pieces { break }
        let gate = bench.hold()
        let waiting = [token, other].map { token in Task { try await bench.ask("hello", token) } }
        try await until("all ask") { bench.asking == 3 }
        broken.open()
        await #expect(throws: ChatError.self) { try await streaming.value }
        await bench.model.waitForCall()
        await bench.model.waitForCall()
        try await until("the other waits for that one") { bench.takingPart == [2] }
        // Either may have become the one who asks; the one who did not is let in anew.
        for (task, token) in zip(waiting, [token, other]) {
            let error = await #expect(throws: ChatError.self, "his only message") {
                try await bench.ask("another", token)
            }
            #expect(error?.code == .quotaExceeded)
            if token == other { continue }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        gate.open()
        #expect(try await waiting[1].value.answer.text == "answer 2")
        #expect(bench.model.calls == 2)
    }

    /// The first one of his worker waits in the pool's name for both.
    @Test func whoLeavesBeforeOthersOfHisWorkerHasHisMessageBack() async throws {
        let first = try await PipelineFixture(messageLimit: 1)
        let second = try await PipelineFixture(besides: first, messageLimit: 1)
        let (token, leaver, other) = (try await first.logIn(), try await first.logIn(), try await first.logIn())
        let gate = first.hold()
        let asking = Task { try await first.ask("hello", token) }
        await first.model.waitForCall()
        let leaving = Task { try await second.ask("hello", leaver) }
        try await first.untilAwaited("hello", token)
        let staying = Task { try await second.ask("hello", other) }
        try await until("both wait") { second.asking == 2 }
        leaving.cancel()
        await #expect(throws: CancellationError.self) { try await leaving.value }
        gate.open()
        #expect(try await asking.value.answer.isCached == false)
        #expect(try await staying.value.answer.isCached)
        #expect(try await second.ask("another", leaver).answer.isCached == false, "his only message")
    }
}
