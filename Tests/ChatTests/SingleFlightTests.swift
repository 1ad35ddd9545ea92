import Synchronization
import Testing

@testable import Chat

/// Opens once; whoever waits goes on.
final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    init() { (stream, continuation) = AsyncStream.makeStream(of: Void.self) }
    func open() { continuation.finish() }
    func wait() async { for await _ in stream {} }
}

@Suite(.timeLimit(.minutes(1))) struct SingleFlightTests {
    private let calls = SingleFlight<Int>()
    private let gate = Gate()
    private let key = CacheKey(
        ModelRequest(messages: [.user("q")], temperature: 0, maxTokens: 1), scope: "s",
        models: "m")

    private func join(_ count: Counter, mayAbandon: Bool = true) -> SingleFlight<Int>.Part {
        calls.join(key) {
            mayAbandon
        } work: { [gate] _ in
            await gate.wait()
            if Task.isCancelled { count.cancelled() }
            return count.next()
        }
    }

    private func outcome(of part: SingleFlight<Int>.Part) async throws -> Int? {
        try await calls.outcome(of: part, by: .now + .seconds(60))
    }

    @Test func whoJoinedLeavesAtItsOwnDeadline() async throws {
        let count = Counter()
        let (first, late, tooLate) = (join(count), join(count), join(count))
        #expect(try await calls.outcome(of: late, by: .now + .milliseconds(20)) == nil)
        #expect(try await calls.outcome(of: tooLate, by: .now - .seconds(1)) == nil)
        gate.open()
        #expect(try await calls.outcome(of: first, by: .now - .seconds(1)) == 1, "whoever began it waits to its end")
    }

    @Test func everybodyGetsTheOneOutcome() async throws {
        let count = Counter()
        let parts = (0..<50).map { _ in join(count) }
        #expect(parts.filter(\.isFirst).count == 1)
        gate.open()
        for part in parts { #expect(try await outcome(of: part) == 1) }
    }

    @Test func anOutcomeIsForThoseWhoWaitedAndNobodyElse() async throws {
        let count = Counter()
        let first = join(count)
        gate.open()
        #expect(try await outcome(of: first) == 1)
        let second = join(count)
        #expect(second.isFirst)
        #expect(try await outcome(of: second) == 2)
    }

    @Test func goesOnWhileSomebodyWaits() async throws {
        let count = Counter()
        let (first, second) = (join(count), join(count))
        calls.leave(first)
        gate.open()
        #expect(try await outcome(of: second) == 1)
        #expect(count.wasCancelled == false)
    }

    @Test func isCancelledWhenTheLastOneLeaves() async throws {
        let count = Counter()
        let waiting = Task { try await outcome(of: join(count)) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        // A cancelled stream ends, and with it the work.
        await count.waitForNext()
        #expect(count.wasCancelled)
        gate.open()
        #expect(join(count).isFirst, "nobody joins what was cancelled")
    }

    @Test func goesOnForSomebodyElsewhere() async throws {
        let count = Counter()
        calls.leave(join(count, mayAbandon: false))
        gate.open()
        await count.waitForNext()
        #expect(count.wasCancelled == false)
    }

    @Test func withoutAKeyNothingIsShared() async throws {
        let count = Counter()
        gate.open()
        let parts = (0..<3).map { _ in
            calls.join(nil) {
                true
            } work: { _ in
                count.next()
            }
        }
        var outcomes: Set<Int> = []
        for part in parts { outcomes.insert(try #require(try await outcome(of: part))) }
        #expect(parts.allSatisfy(\.isFirst) && outcomes == [1, 2, 3])
    }
}

final class Counter: Sendable {
    private let count = Mutex(0)
    private let cancellation = Mutex(false)
    private let (numbers, continuation) = AsyncStream.makeStream(of: Int.self)

    func next() -> Int {
        let number = count.withLock { count in
            count += 1
            return count
        }
        continuation.yield(number)
        return number
    }
    func cancelled() { cancellation.withLock { $0 = true } }
    var wasCancelled: Bool { cancellation.withLock { $0 } }
    func waitForNext() async { for await _ in numbers { return } }
}
