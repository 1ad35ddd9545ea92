import Chat
import Foundation
import Sessions
import Storage
import Synchronization
import Testing

/// Deleting while others ask, in one worker and in another.
@Suite(.timeLimit(.minutes(2))) struct DeletionTests {
    private func delete(_ deletion: Deletion, _ token: String, _ bench: PipelineFixture) async throws -> Int? {
        let principal = try await bench.authenticator.identify(token)
        return try await bench.database.delete(deletion, for: principal).admitted()
    }

    @Test func aDeletedAnswerIsInNoWorkersMemory() async throws {
        let first = try await PipelineFixture()
        let second = try await PipelineFixture(besides: first)
        let token = try await first.logIn()
        let asked = try await first.ask("What is HTTP?", token)
        #expect(try await second.ask("What is HTTP?", token).answer.isCached)
        #expect(first.memory.bytes > 0 && second.memory.bytes > 0)
        #expect(try await delete(.conversation(asked.conversation), token, first) == 1)
        second.memory.forgetPurged()
        #expect(second.memory.bytes == 0, "also of a worker that nobody asks")
        #expect(try await !second.ask("What is HTTP?", token).answer.isCached)
        #expect(first.model.calls == 1 && second.model.calls == 1)
        #expect(try await first.ask("What is HTTP?", token).answer.isCached, "the new one is shared")
    }

    @Test func aQuestionThatIsDeletedWhileItIsAskedIsAnsweredAndForgotten() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        bench.model.pause.withLock { $0 = { for await _ in gate { return } } }
        async let asked = bench.ask("What is HTTP?", token)
        await bench.model.waitForCall()
        #expect(try await delete(.everything, token, bench) == 0)
        open.finish()
        let answer = try await asked
        #expect(answer.answer.text == "answer 1" && answer.isForgotten)
        #expect(try await bench.history(token).isEmpty)
        #expect(bench.memory.bytes == 0)
        #expect(try await bench.stored("What is HTTP?", token) == nil)
        bench.model.pause.withLock { $0 = nil }
        #expect(try await !bench.ask("What is HTTP?", token).answer.isCached)
    }
}
