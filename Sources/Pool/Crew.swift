import Glibc

/// The workers of a pool: a fixed number of slots, each with a worker or with a time at which it gets one.
struct Crew {
    private struct Slot {
        var worker: Worker?
        var backoff: Backoff
        var start: ContinuousClock.Instant?
    }

    private let configuration: PoolConfiguration
    private let socket: Int32
    private let lifeline: Int32
    private let supervisor = pthread_self()
    private let onEvent: @Sendable (PoolEvent) -> Void
    private var slots: [Slot]

    /// The calling thread becomes the one that is told of ended workers, by SIGCHLD.
    init(
        _ configuration: PoolConfiguration, socket: Int32, lifeline: Int32,
        onEvent: @escaping @Sendable (PoolEvent) -> Void
    ) {
        self.configuration = configuration
        self.socket = socket
        self.lifeline = lifeline
        self.onEvent = onEvent
        slots = Array(
            repeating: Slot(worker: nil, backoff: configuration.backoff, start: .now),
            count: max(1, configuration.workers))
    }

    var isEmpty: Bool { slots.allSatisfy { $0.worker == nil } }

    /// When the next slot gets its worker; nil when none is waiting.
    var nextStart: ContinuousClock.Instant? { slots.compactMap(\.start).min() }

    /// Starts the first worker. A program that cannot be started at all is an error, not a reason to try again.
    mutating func startFirst() throws(PoolError) {
        try start(0)
    }

    /// Starts the workers whose time has come.
    mutating func startDue() {
        let now = ContinuousClock.now
        for number in slots.indices {
            guard let due = slots[number].start, due <= now else { continue }
            do throws(PoolError) {
                try start(number)
            } catch {
                if case .system(_, _, let code) = error { onEvent(.workerFailedToStart(slot: number, errno: code)) }
                replace(number, afterLife: 0)
            }
        }
    }

    /// Notes the workers that have ended.
    mutating func reap(thenReplace: Bool) {
        for number in slots.indices {
            guard let worker = slots[number].worker, let how = worker.reap() else { continue }
            slots[number].worker = nil
            onEvent(.workerEnded(slot: number, pid: worker.pid, how: how))
            if thenReplace { replace(number, afterLife: (ContinuousClock.now - worker.started) / .seconds(1)) }
        }
    }

    /// Sends `signal` to every worker there is.
    func send(_ signal: Int32) {
        for (number, slot) in slots.enumerated() {
            guard let worker = slot.worker else { continue }
            kill(worker.pid, signal)
            if signal == SIGKILL { onEvent(.killed(slot: number, pid: worker.pid)) }
        }
    }

    private mutating func start(_ number: Int) throws(PoolError) {
        let worker = try Worker(configuration, socket: socket, lifeline: lifeline, supervisor: supervisor)
        slots[number].worker = worker
        slots[number].start = nil
        onEvent(.workerStarted(slot: number, pid: worker.pid))
    }

    private mutating func replace(_ number: Int, afterLife lived: Double) {
        let delay = slots[number].backoff.delay(afterLife: lived)
        slots[number].start = .now + .seconds(delay)
        onEvent(.respawning(slot: number, seconds: delay))
    }
}
