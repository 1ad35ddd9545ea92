/// The continuous clock, with sleeps that are timers of the loop: `Task.sleep` would start libdispatch's threads, and its
/// timers stay until their time even when the task is cancelled.
public struct LoopClock: Clock {
    public typealias Instant = ContinuousClock.Instant

    public init() {}

    public var now: Instant { .now }
    public var minimumResolution: Duration { .milliseconds(1) }

    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await sleeper.sleep(until: deadline)
        } onCancel: {
            Task { @LoopActor in sleeper.cancel() }
        }
    }
}

@LoopActor private final class Sleeper {
    private var continuation: CheckedContinuation<Void, any Error>?
    private var timer: LoopTimer?
    private var isCancelled = false

    func sleep(until deadline: ContinuousClock.Instant) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            if isCancelled { return continuation.resume(throwing: CancellationError()) }
            self.continuation = continuation
            timer = LoopTimer(at: deadline) { [self] in end(.success(())) }
        }
    }

    func cancel() {
        isCancelled = true
        timer?.cancel()
        end(.failure(CancellationError()))
    }

    private func end(_ result: Result<Void, any Error>) {
        continuation?.resume(with: result)
        continuation = nil
        timer = nil
    }
}
