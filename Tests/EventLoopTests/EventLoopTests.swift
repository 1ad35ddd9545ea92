import EventLoop
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    private nonisolated func isOnLoop() async -> Bool { EventLoop.shared.isCurrent }

    @Test func runsIsolatedCodeAndWhatTasksWithItsPreferenceDo() async {
        #expect(!EventLoop.shared.isCurrent)
        let places = await Task(executorPreference: EventLoop.shared) {
            async let child = isOnLoop()
            let before = await isOnLoop()
            await withCheckedContinuation { continuation in
                _ = Task.detached { continuation.resume() }
            }
            return await [before, child, isOnLoop()]
        }.value
        #expect(places == [true, true, true])
        #expect(await LoopActor.run { EventLoop.shared.isCurrent })
    }

    @Test func losesNoJobOfManyThreads() async {
        let count = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var sum = 0
                    for _ in 0..<5_000 { sum += await LoopActor.run { 1 } }
                    return sum
                }
            }
            return await group.reduce(0, +)
        }
        #expect(count == 40_000)
    }

    @Test func looksAtSocketsWhileATaskYieldsForEver() async throws {
        let isOver = Atomic(false)
        let spinner = Task(executorPreference: EventLoop.shared) {
            while !isOver.load(ordering: .relaxed) { await Task.yield() }
        }
        try await Pipe().untilReadable { $0.write() }
        isOver.store(true, ordering: .relaxed)
        await spinner.value
    }

    @Test func tellsOnlyTheHandlerOfThisUseOfADescriptor() async throws {
        for _ in 0..<100 { try await Pipe().untilReadable { $0.write() } }
    }
}

@Suite(.timeLimit(.minutes(1))) struct TimerTests {
    @Test func firesInTheOrderOfTheInstants() async {
        let order = await withCheckedContinuation { continuation in
            Task { @LoopActor in
                let start = ContinuousClock.now
                var order: [Int] = []
                for number in [5, 2, 8, 1, 9, 3, 7, 4, 6, 0] {
                    _ = LoopTimer(at: start + .milliseconds(number * 3)) {
                        order.append(number)
                        if order.count == 10 { continuation.resume(returning: order) }
                    }
                }
            }
        }
        #expect(order == Array(0..<10))
    }

    @Test func firesNoCancelledTimer() async throws {
        let fired = await withCheckedContinuation { continuation in
            Task { @LoopActor in
                var fired = 0
                let timers = (0..<1_000).map { number in
                    LoopTimer(at: .now + .milliseconds(number % 10)) { fired += 1 }
                }
                for (number, timer) in timers.enumerated() where number % 100 != 0 { timer.cancel() }
                _ = LoopTimer(at: .now + .milliseconds(30)) { continuation.resume(returning: fired) }
            }
        }
        #expect(fired == 10)
    }

    @Test func aTimerMayCancelAnotherThatIsDue() async {
        let fired = await withCheckedContinuation { continuation in
            Task { @LoopActor in
                let instant = ContinuousClock.now
                var second: LoopTimer?
                var hasFired = false
                _ = LoopTimer(at: instant) { second?.cancel() }
                second = LoopTimer(at: instant + .microseconds(1)) { hasFired = true }
                _ = LoopTimer(at: instant + .milliseconds(5)) { continuation.resume(returning: hasFired) }
            }
        }
        #expect(!fired)
    }

    @Test func sleepsAsLongAsAsked() async throws {
        let start = ContinuousClock.now
        try await LoopClock().sleep(until: start + .milliseconds(20), tolerance: nil)
        #expect(ContinuousClock.now >= start + .milliseconds(20))
    }

    @Test func wakesASleeperThatIsCancelled() async {
        let task = Task { try await LoopClock().sleep(for: .seconds(3_600)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let late = Task { try await LoopClock().sleep(for: .seconds(3_600)) }
        _ = await LoopActor.run { EventLoop.shared.isCurrent }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
    }
}

extension LoopActor {
    fileprivate static func run<Value: Sendable>(_ body: @LoopActor () -> Value) async -> Value { await body() }
}

/// A pipe whose reading end is registered with the loop.
private struct Pipe {
    let (reading, writing): (Int32, Int32)

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        (reading, writing) = (ends[0], ends[1])
    }

    func write() { _ = Glibc.write(writing, [1], 1) }

    /// Returns when the loop has told of what `body` wrote.
    func untilReadable(_ body: @escaping @Sendable (Pipe) -> Void) async throws {
        let events = await withCheckedContinuation { continuation in
            Task { @LoopActor in
                let once = Once(continuation)
                once.registration = Registration(reading, for: .readable, once)
                body(self)
            }
        }
        #expect(events.contains(.readable))
        close(reading)
        close(writing)
    }

    private final class Once: DescriptorHandler {
        var registration: Registration?
        let continuation: CheckedContinuation<Readiness, Never>
        init(_ continuation: CheckedContinuation<Readiness, Never>) { self.continuation = continuation }
        func ready(_ events: Readiness) {
            registration?.cancel()
            continuation.resume(returning: events)
        }
    }
}
