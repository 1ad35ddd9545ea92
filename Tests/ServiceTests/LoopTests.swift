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
    /// The review of a long text takes long: the loop has others to serve meanwhile.
    @Test(arguments: [(100, true), (9_000, false)])
    func aLongTextIsReviewedElsewhere(characters: Int, isOnLoop: Bool) async throws {
        let sanitizer = PlaceOfReview()
        let bench = try await PipelineFixture(
            background: Background(clock: LoopClock()) { work in LoopActor.start { await work() } },
            sanitizer: sanitizer)
        let token = try await bench.logIn()
        let asking = Task { @LoopActor in
            _ = try await bench.ask(String(repeating: "é", count: characters), token)
            return EventLoop.isCurrent
        }
        #expect(try await asking.value)
        #expect(sanitizer.wasOnLoop.withLock { $0 } == [isOnLoop])
    }
}

private final class PlaceOfReview: Sanitizer {
    let wasOnLoop = Mutex<[Bool]>([])

    func review(_ raw: String) -> Review {
        wasOnLoop.withLock { $0.append(EventLoop.isCurrent) }
        return Review(text: raw, danger: nil)
    }
}
