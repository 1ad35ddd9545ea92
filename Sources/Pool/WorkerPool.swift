import Glibc

/// The workers of a pool.
///
/// Each slot has a worker that serves, or a time at which it gets one. While a slot's worker is to be replaced it has a
/// successor too; once that serves, the old one retires: it finishes what it has and ends. One successor starts at a
/// time, so that a reload does not take the machine from those who serve.
struct WorkerPool {
    struct Slot {
        var worker: Worker?
        var successor: Worker?
        var backoff: Backoff
        /// When it may get its next worker or successor.
        var due: ContinuousClock.Instant = .now
        var isToBeRecycled = false
        /// Requests after which its worker is.
        var requestLimit: Int?
    }

    let configuration: PoolConfiguration
    let generation: Int
    var slots: [Slot]
    /// Those that finish what they have.
    var retired: [Worker]
    var crashLoop: CrashLoop
    /// When the next worker starts although its slot would wait, and all others too: somebody must serve.
    var lastResort: Backoff
    private var lastResortDue = ContinuousClock.now
    /// Whether nobody gets a successor for now.
    var isHoldingSuccessors = false
    let board: Scoreboard
    let onEvent: @Sendable (PoolEvent) -> Void
    private let descriptors: Worker.Descriptors
    private let supervisor = pthread_self()

    /// The calling thread becomes the one that is told of ended workers, by SIGCHLD.
    init(
        _ configuration: PoolConfiguration, _ descriptors: Worker.Descriptors, board: Scoreboard,
        inherited: Inheritance?, onEvent: @escaping @Sendable (PoolEvent) -> Void
    ) throws(PoolError) {
        self.configuration = configuration
        self.descriptors = descriptors
        self.board = board
        self.onEvent = onEvent
        generation = inherited.map { $0.generation + 1 } ?? 0
        let count = max(1, configuration.workers)
        slots = Array(repeating: Slot(backoff: configuration.backoff), count: count)
        crashLoop = CrashLoop(workers: count)
        lastResort = configuration.backoff.ofLastResort
        retired = []
        for former in inherited?.workers ?? [] {
            let worker = try Worker(former, on: board, supervisor: supervisor)
            if former.patience == nil, slots.indices.contains(former.slot), slots[former.slot].worker == nil {
                slots[former.slot].worker = worker
            } else {
                retired.append(worker)
            }
        }
    }

    private var all: [Worker] { slots.flatMap { [$0.worker, $0.successor].compactMap(\.self) } + retired }

    var isEmpty: Bool { all.isEmpty }
    /// Whether a worker is there that does not serve yet.
    var isStarting: Bool { slots.contains { $0.worker?.isReady == false || $0.successor != nil } }
    /// Whether every slot has a worker of this generation that serves.
    var isWhole: Bool { slots.allSatisfy { $0.worker?.isReady == true && $0.worker?.generation == generation } }

    /// Whether there is nobody, not even a worker that starts.
    private var isDeserted: Bool { slots.allSatisfy { $0.worker == nil } }

    /// When the slot gets its worker or successor, if there is nothing else against it.
    private func due(_ slot: Slot) -> ContinuousClock.Instant {
        let due = max(slot.due, crashLoop.pause(at: .now) ?? slot.due)
        return isDeserted ? min(due, lastResortDue) : due
    }

    /// When something is due; nil when nothing is.
    var nextDue: ContinuousClock.Instant? {
        let isStarting = isStarting
        let starts = slots.filter { slot in
            slot.worker == nil ? !(crashLoop.isOn && isStarting) : wantsSuccessor(slot) && !isStarting
        }
        return (starts.map(due) + retired.compactMap(\.killAt)).min()
    }

    private func wantsSuccessor(_ slot: Slot) -> Bool {
        guard !isHoldingSuccessors, let worker = slot.worker, slot.successor == nil else { return false }
        return worker.generation < generation || slot.isToBeRecycled
    }

    // MARK: Starting

    /// Starts the first worker. A program that cannot be started at all is an error, not a reason to try again.
    mutating func startFirst() throws(PoolError) { slots[0].worker = try start(0) }

    /// Starts the workers and the successor whose time has come.
    mutating func startDue() {
        let now = ContinuousClock.now
        for number in slots.indices where due(slots[number]) <= now {
            let isReplaced = wantsSuccessor(slots[number])
            guard isReplaced || slots[number].worker == nil else { continue }
            if (isReplaced || crashLoop.isOn) && isStarting { continue }
            do throws(PoolError) {
                let worker = try start(number)
                if isReplaced { slots[number].successor = worker } else { slots[number].worker = worker }
            } catch {
                if case .system(_, _, let code) = error { onEvent(.workerFailedToStart(slot: number, errno: code)) }
                noteDeath(number, served: nil)
            }
        }
    }

    private mutating func start(_ number: Int) throws(PoolError) -> Worker {
        let worker = try Worker(
            configuration, slot: number, generation: generation, row: board.freeRow(), descriptors,
            supervisor: supervisor)
        onEvent(.workerStarted(slot: number, pid: worker.pid))
        return worker
    }

    /// Notes that the worker with that process id serves now.
    ///
    /// - Returns: that worker; nil when there is none.
    mutating func welcome(_ pid: pid_t) -> Worker? {
        for number in slots.indices {
            if slots[number].worker?.pid == pid {
                slots[number].worker?.becomeReady()
            } else if slots[number].successor?.pid == pid {
                slots[number].successor?.becomeReady()
                if let old = slots[number].worker { retire(old) }
                slots[number].worker = slots[number].successor
                slots[number].successor = nil
            } else {
                continue
            }
            slots[number].isToBeRecycled = false
            slots[number].requestLimit = configuration.maxRequests.map {
                max(1, Int((Double($0) * .random(in: 0.9...1.1)).rounded()))
            }
            let seconds = slots[number].worker.map { (.now - $0.started) / .seconds(1) } ?? 0
            onEvent(.workerReady(slot: number, pid: pid, seconds: seconds))
            return slots[number].worker
        }
        return nil
    }

    // MARK: Ending

    mutating func retire(_ worker: Worker) {
        var worker = worker
        worker.retire(patience: configuration.drainDeadline)
        retired.append(worker)
    }

    /// Retires what a former generation had and this one has no slot for.
    mutating func retireSurplus() {
        for number in retired.indices where !retired[number].isDraining {
            retired[number].retire(patience: configuration.drainDeadline)
        }
    }

    /// Kills what was to have ended by now.
    mutating func killOverdue() {
        let now = ContinuousClock.now
        for number in retired.indices {
            guard let killAt = retired[number].killAt, killAt <= now else { continue }
            retired[number].end()
            onEvent(.killed(slot: retired[number].slot, pid: retired[number].pid))
        }
    }

    /// Notes the workers that have ended.
    ///
    /// - Returns: how those ended that were to succeed another.
    mutating func reap(thenReplace: Bool) -> [PoolEvent.Ending] {
        var failures: [PoolEvent.Ending] = []
        for number in slots.indices {
            if let worker = slots[number].worker, let how = worker.reap() {
                onEvent(.workerEnded(slot: number, pid: worker.pid, how: how))
                slots[number].worker = slots[number].successor
                slots[number].successor = nil
                if thenReplace, slots[number].worker == nil {
                    noteDeath(number, served: worker.served, isKilled: worker.wasKilled(how))
                }
            }
            if let successor = slots[number].successor, let how = successor.reap() {
                slots[number].successor = nil
                onEvent(.workerEnded(slot: number, pid: successor.pid, how: how))
                if thenReplace { noteDeath(number, served: nil, isKilled: successor.wasKilled(how)) }
                failures.append(how)
            }
        }
        retired = retired.filter { worker in
            guard let how = worker.reap() else { return true }
            onEvent(.workerEnded(slot: worker.slot, pid: worker.pid, how: how))
            return false
        }
        return failures
    }

    /// - Parameter isKilled: whether somebody outside the pool ended it.
    private mutating func noteDeath(_ number: Int, served: Double?, isKilled: Bool = false) {
        var delay = slots[number].backoff.delay(afterServing: served, isKilled: isKilled)
        slots[number].due = .now + .seconds(delay)
        if isDeserted {
            let last = lastResort.delay(afterServing: served, isKilled: isKilled)
            lastResortDue = .now + .seconds(last)
            delay = min(delay, last)
        }
        onEvent(.respawning(slot: number, seconds: delay))
        guard configuration.backoff.isYoung(served), !isKilled else { return }
        board.set(.earlyDeaths, board.header(.earlyDeaths) + 1)
        if crashLoop.noteEarlyDeath(at: .now) {
            board.set(.crashLoop, 1)
            onEvent(.crashLoop(deaths: crashLoop.limit, pause: crashLoop.pause))
        }
    }

    /// Sends `signal` to every worker there is, or to those that serve.
    func send(_ signal: Int32, onlyReady: Bool = false) {
        for worker in all where worker.isReady || !onlyReady {
            kill(worker.pid, signal)
            if signal == SIGKILL { onEvent(.killed(slot: worker.slot, pid: worker.pid)) }
        }
    }

    /// What a process of the next generation goes on with.
    var legacy: [Inheritance.Worker] { all.filter(\.isReady).map(\.legacy) }
}
