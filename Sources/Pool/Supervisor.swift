import Glibc

// The pool's supervisor: has the listening socket, keeps a number of workers running that all accept from it, replaces
// those that die, are stuck or to be recycled, and stops them in an orderly way.
//
//     SIGTERM, SIGINT ─▶ supervisor ──posix_spawn──▶ worker   descriptor 0: the listening socket
//     SIGHUP, SIGUSR1    │   ▲                       worker   descriptor 3: the lifeline
//                        │   └─ready (pipe)───────── worker   descriptor 4: the readiness pipe
//                        └──lifeline (pipe)────────▶ worker
//                           scoreboard (mapped file beside the socket): what each worker does
//
// It never forks itself: a worker is a program started anew, exactly as spawn-fcgi and systemd would start it, so that
// one worker mode serves all three. It never accepts, and keeps listening while no worker is there: connections wait.
//
// A reload tests the program that is at its path now and then executes it in place of this process, which so gets new
// code and new settings without losing its process id, its socket or its workers (Inheritance). The workers of the
// former generation go on until each has a successor that serves. Between reloads nothing depends on what is at that path.
//
// It refuses to take over a socket that somebody answers on, or a path that is not a socket. It leaves no worker behind:
// a stop ends with SIGKILL, and a worker whose supervisor vanishes learns of it from its lifeline.

/// Runs a pool of workers.
public struct Supervisor {
    private let configuration: PoolConfiguration
    private let onEvent: @Sendable (PoolEvent) -> Void
    private let onReopen: @Sendable () -> Bool
    private let onStart: @Sendable (_ isReload: Bool) -> Void

    /// - Parameters:
    ///   - onStart: prepares what workers need, once it is sure that no other supervisor has the socket. Connections wait
    ///     meanwhile.
    ///   - onReopen: reopens this process's log and says whether it has one; the workers are told by SIGUSR1.
    ///   - onEvent: hears what happens, on the thread that runs the supervisor. It must not block for long.
    public init(
        _ configuration: PoolConfiguration, onStart: @escaping @Sendable (_ isReload: Bool) -> Void = { _ in },
        onReopen: @escaping @Sendable () -> Bool = { false },
        onEvent: @escaping @Sendable (PoolEvent) -> Void
    ) {
        self.configuration = configuration
        self.onStart = onStart
        self.onReopen = onReopen
        self.onEvent = onEvent
    }

    /// Runs the pool on the calling thread until SIGTERM or SIGINT, and until the workers have then ended. A second
    /// SIGTERM or SIGINT kills them at once.
    ///
    /// It handles SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGIO for the whole process meanwhile. One supervisor runs in a
    /// process.
    /// - Returns: the process's exit code.
    /// - Throws: ``PoolError`` when the socket cannot be bound or the first worker cannot be started.
    public func run() throws -> Int32 {
        let signals = SignalQueue([SIGCHLD, SIGIO, SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        defer { signals.restore() }
        let inherited = try Inheritance.take()
        let resources = try PoolResources(configuration, inherited)
        defer { resources.close() }
        let manager = ServiceManager { name in getenv(name).map { String(cString: $0) } }
        if resources.isSocketNew { onEvent(.listening(path: configuration.socketPath)) }
        if let error = resources.notGiven { onEvent(.socketNotGiven(error)) }
        onStart(inherited != nil)

        var pool: WorkerPool
        do {
            pool = try WorkerPool(
                configuration, resources.forWorkers, board: resources.board, inherited: inherited, onEvent: onEvent)
            if inherited == nil { try pool.startFirst() }
        } catch {
            resources.remove()
            throw error
        }
        if inherited == nil { resources.board.set(.generation, UInt64(pool.generation)) }
        resources.board.set(.workers, UInt64(pool.slots.count))
        resources.board.set(.crashLoop, 0)
        var watch = Watch(signals: signals, manager: manager, isReloading: inherited != nil)
        let reason = keep(&pool, resources, &watch)
        // From here on connections are refused at once instead of waiting for workers that will not come, but for a
        // service manager's socket, in which they wait for the next pool.
        resources.vacate()
        manager?.stopping()
        onEvent(.draining(signal: reason))
        stop(&pool, &watch)
        resources.board.remove()
        onEvent(.stopped)
        return 0
    }

    /// What the loop keeps in mind.
    private struct Watch {
        let signals: SignalQueue
        let manager: ServiceManager?
        /// Until every worker is of this generation.
        var isReloading: Bool
        var wantsReload = false
        var isAnnounced = false
        /// When the logs were last opened anew.
        var reopened: ContinuousClock.Instant?
        private var lastLook = ContinuousClock.now
        /// When the supervisor last went on after it had stood still.
        private(set) var awakeSince = ContinuousClock.now

        init(signals: SignalQueue, manager: ServiceManager?, isReloading: Bool) {
            (self.signals, self.manager, self.isReloading) = (signals, manager, isReloading)
        }

        var nextLook: ContinuousClock.Instant { lastLook + Rhythm.look }

        /// - Returns: whether it is time to look around again, which then counts as done.
        mutating func isLookDue() -> Bool {
            let now = ContinuousClock.now
            guard now >= nextLook else { return false }
            if now - lastLook > Rhythm.standstill { awakeSince = now }
            lastLook = now
            return true
        }
    }

    /// Returns the signal that asks to stop.
    private func keep(_ pool: inout WorkerPool, _ resources: PoolResources, _ watch: inout Watch) -> Int32 {
        while true {
            for pid in resources.readiness.hear() { welcome(pid, &pool, &watch) }
            // A reload waits until nobody is starting: no successor of this generation may keep it waiting.
            pool.isHoldingSuccessors = watch.wantsReload
            pool.startDue()
            pool.killOverdue()
            lookAround(&pool, &watch)
            finishReload(&pool, &watch)
            if watch.wantsReload, !pool.isStarting {
                watch.wantsReload = false
                if let signal = reload(pool, resources, watch) { return signal }
            }
            switch watch.signals.next(before: min(watch.nextLook, pool.nextDue ?? watch.nextLook)) {
            case SIGTERM?: return SIGTERM
            case SIGINT?: return SIGINT
            case SIGHUP?: watch.wantsReload = configuration.relaunch != nil
            case SIGUSR1?:
                if onReopen() { onEvent(.reopenedLogs) }
                watch.reopened = .now
                pool.send(SIGUSR1, onlyReady: true)
            default: break
            }
            if let how = pool.reap(thenReplace: true).first, watch.isReloading {
                onEvent(.reloadFailed(.newWorkerDied(how)))
            }
        }
    }

    private func welcome(_ pid: pid_t, _ pool: inout WorkerPool, _ watch: inout Watch) {
        guard let worker = pool.welcome(pid) else { return }
        // It may have opened its log before the last SIGUSR1, and did not get that.
        if let reopened = watch.reopened, worker.started < reopened { kill(pid, SIGUSR1) }
        if !watch.isAnnounced, !watch.isReloading {
            watch.isAnnounced = true
            watch.manager?.ready("serving on \(configuration.socketPath)")
        }
    }

    private func lookAround(_ pool: inout WorkerPool, _ watch: inout Watch) {
        guard watch.isLookDue() else { return }
        pool.board.beat()
        watch.manager?.isAlive()
        pool.checkLiveness(since: watch.awakeSince)
    }

    // MARK: Reloading

    private func finishReload(_ pool: inout WorkerPool, _ watch: inout Watch) {
        guard watch.isReloading, pool.isWhole else { return }
        watch.isReloading = false
        watch.isAnnounced = true
        pool.retireSurplus()
        pool.board.set(.generation, UInt64(pool.generation))
        onEvent(.reloaded(generation: pool.generation))
        watch.manager?.ready("serving on \(configuration.socketPath), reloaded")
    }

    /// Returns when the reload failed: a signal if one asks to stop.
    private func reload(_ pool: WorkerPool, _ resources: PoolResources, _ watch: Watch) -> Int32? {
        guard let relaunch = configuration.relaunch else { return nil }
        onEvent(.reloading)
        watch.manager?.reloading()
        var stop: Int32?
        do throws(PoolEvent.ReloadFailure) {
            try ConfigTest.run(relaunch, watch.signals, stop: &stop) { resources.board.beat() }
            let legacy = Inheritance(
                socket: resources.socket.descriptor, isSocketOurs: resources.socket.isOurs,
                socketIdentity: resources.socket.identity,
                lifeline: [resources.lifeline.reading, resources.lifeline.writing],
                readiness: [resources.readiness.pipe.reading, resources.readiness.pipe.writing],
                board: resources.board.descriptor, generation: pool.generation, workers: pool.legacy)
            throw .system(legacy.execute(relaunch))
        } catch {
            if stop == nil {
                onEvent(.reloadFailed(error))
                watch.manager?.ready("serving on \(configuration.socketPath); the last reload failed, see the log")
            }
        }
        return stop
    }

    // MARK: Stopping

    /// One that is stuck is not waited for as long as one that finishes what it has.
    private func stop(_ pool: inout WorkerPool, _ watch: inout Watch) {
        let start = ContinuousClock.now
        var ladder = ShutdownLadder(drainDeadline: configuration.drainDeadline)
        while true {
            _ = pool.reap(thenReplace: false)
            for signal in ladder.climb(to: (ContinuousClock.now - start) / .seconds(1)) { pool.send(signal) }
            if pool.isEmpty { return }
            if watch.isLookDue() {
                pool.board.beat()
                pool.endStuck(since: watch.awakeSince)
            }
            let due = ladder.next.map { start + .seconds($0) } ?? watch.nextLook
            let signal = watch.signals.next(before: min(due, watch.nextLook))
            if signal == SIGTERM || signal == SIGINT { ladder.hurry() }
        }
    }
}
