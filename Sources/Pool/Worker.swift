import Glibc
import Threads

/// One running worker process.
///
/// A thread of its own waits for its end and then sends SIGCHLD to the supervisor's thread. The kernel's own SIGCHLD is
/// for the whole process: with a thread anywhere that does not block it, it is thrown away.
struct Worker {
    let pid: pid_t
    let slot: Int
    let generation: Int
    let row: ScoreboardRow?
    let started: ContinuousClock.Instant
    /// When it said that it serves.
    private(set) var ready: ContinuousClock.Instant?
    /// Whether it was asked to finish what it has.
    private(set) var isDraining = false
    /// When it is killed if it is still there.
    private(set) var killAt: ContinuousClock.Instant?
    /// Whether it was killed, and is to be reaped.
    private(set) var isEnded = false
    private let waiter: BlockingThread

    /// Descriptors that a worker is started with.
    struct Descriptors {
        let socket: Int32
        let lifeline: Int32
        let readiness: Int32
    }

    /// Starts the program with the descriptors of ``Handover``, standard output and error inherited, no signal blocked,
    /// none ignored or handled, in a process group of its own: a terminal's Ctrl-C reaches the supervisor alone, which then
    /// drains.
    ///
    /// - Parameter supervisor: the thread that waits for SIGCHLD, which must have it blocked.
    init(
        _ configuration: PoolConfiguration, slot: Int, generation: Int, row: ScoreboardRow?, _ descriptors: Descriptors,
        supervisor: pthread_t
    ) throws(PoolError) {
        var environment = configuration.environment
        for name in Handover.variables { environment[name] = nil }
        var places = [(descriptors.socket, STDIN_FILENO)]
        func hand(_ descriptor: Int32, as place: (descriptor: Int32, variable: String)) {
            environment[place.variable] = "\(place.descriptor)"
            places.append((descriptor, place.descriptor))
        }
        hand(descriptors.lifeline, as: Handover.lifeline)
        hand(descriptors.readiness, as: Handover.readiness)
        if let row {
            hand(row.board.forWorkers, as: Handover.board)
            environment[Handover.rowVariable] = "\(row.number)"
        }
        pid = try spawn(
            configuration.executable, name: configuration.workerName, configuration.arguments, environment, places)
        waiter = try Self.wait(for: pid, telling: supervisor)
        self.slot = slot
        self.generation = generation
        self.row = row
        started = .now
        row?[.slot] = UInt64(slot)
        row?[.generation] = UInt64(generation)
        row?[.started] = sharedMilliseconds()
        // Last: the worker writes into the row once it finds itself there.
        row?[.pid] = UInt64(pid)
    }

    /// Goes on with a worker that this process had before it was executed anew.
    init(_ former: Inheritance.Worker, on board: Scoreboard, supervisor: pthread_t) throws(PoolError) {
        pid = former.pid
        slot = former.slot
        generation = former.generation
        row = former.row.map(board.row).flatMap { $0[.pid] == UInt64(former.pid) ? $0 : nil }
        started = .now - .seconds(former.age)
        ready = .now - .seconds(former.servedFor)
        isDraining = former.patience != nil
        killAt = former.patience.map { .now + .seconds($0) }
        waiter = try Self.wait(for: former.pid, telling: supervisor)
    }

    /// For how long it has been serving, in seconds; nil for one that never did.
    var served: Double? { ready.map { (.now - $0) / .seconds(1) } }

    var isReady: Bool { ready != nil }

    func isYoung(_ backoff: Backoff) -> Bool { backoff.isYoung(served) }

    /// Whether it has given a sign of life of its own. From then on it gives more, also before it serves.
    var hasReported: Bool { row.map { $0[.beat] != 0 } ?? false }

    /// Whether it serves no longer although nobody here has asked it to end.
    var isLeaving: Bool {
        isReady && !isDraining && row.map { $0[.state] == UInt64(PoolStatus.Worker.State.draining.rawValue) } ?? false
    }

    /// When it last gave a sign of life.
    var lastSign: ContinuousClock.Instant {
        let since = ready ?? started
        // One that has no row cannot report, and is not silent.
        guard let row else { return isReady ? .now : since }
        let beat = row[.beat]
        guard beat != 0 else { return since }
        return max(since, .now - .milliseconds(Int64(sharedMilliseconds()) - Int64(beat)))
    }

    mutating func becomeReady() {
        ready = .now
        // It says so itself where it has the board, and may have begun to drain since.
        if let row, row[.state] == UInt64(PoolStatus.Worker.State.starting.rawValue) {
            row[.state] = UInt64(PoolStatus.Worker.State.serving.rawValue)
        }
    }

    /// Asks it to finish what it has and end within `patience` seconds.
    mutating func retire(patience: Double) {
        row?[.state] = UInt64(PoolStatus.Worker.State.draining.rawValue)
        isDraining = true
        killAt = .now + .seconds(patience)
        kill(pid, SIGTERM)
    }

    /// Ends it now, whatever it is doing.
    mutating func end() {
        killAt = nil
        isEnded = true
        kill(pid, SIGKILL)
    }

    /// For the process that this one becomes; only of a worker that is ready.
    var legacy: Inheritance.Worker {
        Inheritance.Worker(
            pid: pid, slot: slot, generation: generation, row: row?.number, age: (.now - started) / .seconds(1),
            servedFor: served ?? 0, patience: isDraining ? killAt.map { max(0, ($0 - .now) / .seconds(1)) } ?? 0 : nil)
    }

    /// - Returns: nil while the process runs. Once it has returned an ending, the worker is used up.
    func reap() -> PoolEvent.Ending? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        waiter.join()
        row?.clear()
        return PoolEvent.Ending(status: status)
    }

    /// Whether somebody outside the pool ended it. One that serves ends well only when it is asked to.
    func wasKilled(_ how: PoolEvent.Ending) -> Bool {
        !isEnded && (how.isKill || isReady && how == .exited(code: 0))
    }

    /// A thread that sends `supervisor` SIGCHLD once the child has ended.
    static func wait(for pid: pid_t, telling supervisor: pthread_t) throws(PoolError) -> BlockingThread {
        do {
            return try BlockingThread {
                var info = siginfo_t()
                // WNOWAIT: the process stays a zombie, and its number its own, until `reap`.
                while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
                pthread_kill(supervisor, SIGCHLD)
            }
        } catch {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw .system(call: "pthread_create", subject: "worker \(pid)", errno: error.errno)
        }
    }
}
