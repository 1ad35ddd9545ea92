import Chat
import EventLoop
import Support
import Synchronization
import Testing

/// What Swift's own pool does instead of the event loop costs two crossings between threads each time, and says so nowhere.
@Suite(.timeLimit(.minutes(1))) struct LoopTests {
    @Test(arguments: [false, true])
    func aQuestionStaysOnTheLoop(isStreamed: Bool) async throws {
        let bench = try await PipelineFixture(
            background: Background(clock: LoopClock()) { work in LoopActor.start { await work() } })
        let token = try await bench.logIn()
        let places = Mutex<[Bool]>([])
        @Sendable func look() { places.withLock { $0.append(EventLoop.isCurrent) } }
        bench.model.pause.withLock {
            $0 = {
                look()
                // Another thread resumes it.
                await withCheckedContinuation { rest in Task.detached { rest.resume() } }
                look()
            }
        }
        let asking = Task { @LoopActor in
            let onDelta: PipelineFixture.Hearer = { _ in look() }
            _ = try await bench.ask("hello", token, onDelta: isStreamed ? onDelta : nil)
            look()
        }
        try await asking.value
        let seen = places.withLock { $0 }
        #expect(seen.count == (isStreamed ? 5 : 3) && seen.allSatisfy { $0 })
    }
}
