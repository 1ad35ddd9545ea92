import EventLoop
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    private nonisolated func isOnLoop() async -> Bool { EventLoop.isCurrent }

    @Test func runsIsolatedCodeAndWhatThatCalls() async {
        #expect(!EventLoop.isCurrent)
        let places = await Task { @LoopActor in
            let child = Task { await isOnLoop() }
            let before = await isOnLoop()
            await withCheckedContinuation { continuation in
                _ = Task.detached { continuation.resume() }
            }
            return await [before, child.value, isOnLoop()]
        }.value
        #expect(places == [true, true, true])
        #expect(await LoopActor.run { EventLoop.isCurrent })
    }

    /// By way of Swift's own pool it would come after what the loop has to do by then.
    @Test func aTaskThatIsResumedGoesOnAtOnce() async {
        for _ in 0..<100 {
            let waiter = Waiter()
            let waiting = LoopActor.start { await waiter.wait() }
            while await !waiter.isWaiting {}
            await waiter.resume()?.value
            await waiting.value
            #expect(await waiter.order == ["resumed", "next"])
        }
    }

    @LoopActor private final class Waiter {
        private var continuation: CheckedContinuation<Void, Never>?
        private(set) var order: [String] = []

        var isWaiting: Bool { continuation != nil }

        func wait() async {
            await withCheckedContinuation { continuation = $0 }
            order.append("resumed")
        }

        /// - Returns: what the loop has to do after it.
        func resume() -> Task<Void, Never>? {
            continuation?.resume()
            return Task { order.append("next") }
        }
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
        let spinner = Task { @LoopActor in
            while !isOver.load(ordering: .relaxed) { await Task.yield() }
        }
        try await Pipe().untilReadable { $0.write() }
        isOver.store(true, ordering: .relaxed)
        await spinner.value
    }

    @Test func tellsOnlyTheHandlerOfThisUseOfADescriptor() async throws {
        for _ in 0..<100 { try await Pipe().untilReadable { $0.write() } }
    }

    /// A library may close a descriptor before it says that it watches it no longer, and the kernel gives the number to the
    /// next one who asks.
    @Test(arguments: [true, false])
    func aRegistrationOfAClosedDescriptorLeavesItsSuccessorAlone(isCancelled: Bool) async throws {
        let former = try Pipe()
        let registration = await former.registered()
        #expect(registration != nil)
        let successor = try Pipe()
        // What the kernel does with a number that is free.
        #expect(dup2(successor.reading, former.reading) == former.reading)
        try await Pipe(reading: former.reading, writing: successor.writing).untilReadable { pipe in
            if isCancelled { registration?.cancel() } else { registration?.change(to: .readable) }
            pipe.write()
        }
        close(former.writing)
        close(successor.reading)
    }

    @Test func haltsForGoodWhateverItsTasksDo() async {
        await #expect(processExitsWith: .success) {
            let rounds = Rounds()
            Task { @LoopActor in
                while true {
                    rounds.count.add(1, ordering: .relaxed)
                    await Task.yield()
                }
            }
            while rounds.count.load(ordering: .relaxed) == 0 { await Task.yield() }
            let hasHalted = EventLoop.stop(within: .seconds(20))
            let atHalt = rounds.count.load(ordering: .relaxed)
            for _ in 0..<10_000 { sched_yield() }
            exit(hasHalted && rounds.count.load(ordering: .relaxed) == atHalt ? 0 : 1)
        }
    }

    @Test func isNotWaitedForWhenItsTurnDoesNotEnd() async {
        await #expect(processExitsWith: .success) {
            let rounds = Rounds()
            Task { @LoopActor in while true { rounds.count.add(1, ordering: .relaxed) } }
            while rounds.count.load(ordering: .relaxed) == 0 { await Task.yield() }
            _exit(EventLoop.stop(within: .milliseconds(20)) ? 1 : 0)
        }
    }

    private final class Rounds: Sendable { let count = Atomic(0) }
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

    @Test func aTimerThatIsAlwaysDueLeavesTheSocketsTheirTurn() async throws {
        let isOver = Atomic(false)
        @LoopActor func again() {
            guard !isOver.load(ordering: .relaxed) else { return }
            _ = LoopTimer(at: .now - .seconds(1)) { again() }
        }
        await again()
        try await Pipe().untilReadable { $0.write() }
        isOver.store(true, ordering: .relaxed)
    }

    @Test func takesInstantsOfAnyDistance() async {
        let past = await withCheckedContinuation { continuation in
            Task { @LoopActor in
                let longest = Duration.seconds(Int64.max)
                let never = LoopTimer(at: .now + longest) { Issue.record("the end of time") }
                _ = LoopTimer(at: .now - longest) {
                    never.cancel()
                    continuation.resume(returning: true)
                }
            }
        }
        #expect(past)
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
        _ = await LoopActor.run { EventLoop.isCurrent }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
    }
}

extension LoopActor {
    fileprivate static func run<Value: Sendable>(_ body: @LoopActor () -> Value) async -> Value { await body() }
}

/// A pipe whose reading end is registered with the loop.
private struct Pipe {
    let reading: Int32
    let writing: Int32

    init(reading: Int32, writing: Int32) { (self.reading, self.writing) = (reading, writing) }

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        (reading, writing) = (ends[0], ends[1])
    }

    /// Registered for nobody who would want to know.
    @LoopActor func registered() -> Registration? { Registration(reading, for: .readable, Nobody()) }

    private final class Nobody: DescriptorHandler {
        func ready(_ events: Readiness) { Issue.record("an event of another's descriptor") }
    }

    func write() { _ = Glibc.write(writing, [1], 1) }

    /// Returns when the loop has told of what `body` wrote.
    func untilReadable(_ body: @escaping @LoopActor @Sendable (Pipe) -> Void) async throws {
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
