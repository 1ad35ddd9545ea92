import Glibc

// The pool's supervisor: binds the socket once, keeps a number of workers running that all accept from it, replaces
// those that die, and stops them in an orderly way.
//
//     SIGTERM, SIGINT ─▶ supervisor ──posix_spawn──▶ worker   descriptor 0: the listening socket
//                            │                       worker   descriptor 3: the lifeline
//                            └──lifeline (pipe)────▶ worker
//
// It never forks itself: a worker is a program started anew, exactly as spawn-fcgi and systemd would start it, so that
// one worker mode serves all three. It never accepts, and keeps listening while no worker is there: connections wait.
//
// It refuses to take over a socket that somebody answers on, or a path that is not a socket. It leaves no worker behind:
// a stop ends with SIGKILL, and a worker whose supervisor vanishes learns of it from its lifeline.

/// Runs a pool of workers.
public struct Supervisor {
    private let configuration: PoolConfiguration
    private let onEvent: @Sendable (PoolEvent) -> Void

    /// - Parameter onEvent: hears what happens, on the thread that runs the supervisor. It must not block for long.
    public init(_ configuration: PoolConfiguration, onEvent: @escaping @Sendable (PoolEvent) -> Void) {
        self.configuration = configuration
        self.onEvent = onEvent
    }

    /// Runs the pool on the calling thread until SIGTERM or SIGINT, and until the workers have then ended. A second
    /// SIGTERM or SIGINT kills them at once.
    ///
    /// It handles SIGTERM, SIGINT and SIGHUP for the whole process meanwhile. One supervisor runs in a process.
    /// - Returns: the process's exit code.
    /// - Throws: ``PoolError`` when the socket cannot be bound or the first worker cannot be started.
    public func run() throws -> Int32 {
        let signals = SignalQueue([SIGCHLD, SIGTERM, SIGINT, SIGHUP])
        defer { signals.restore() }
        let socket = try ListeningSocket(
            path: configuration.socketPath, mode: configuration.socketMode, backlog: configuration.backlog)
        let lifeline: Lifeline.Pipe
        do {
            lifeline = try Lifeline.Pipe()
        } catch {
            socket.remove()
            throw error
        }
        defer { lifeline.close() }
        onEvent(.listening(path: configuration.socketPath))

        var crew = Crew(configuration, socket: socket.descriptor, lifeline: lifeline.reading, onEvent: onEvent)
        do {
            try crew.startFirst()
        } catch {
            socket.remove()
            throw error
        }
        let reason = keep(&crew, signals)
        // From here on connections are refused at once instead of waiting for workers that will not come.
        socket.remove()
        onEvent(.draining(signal: reason))
        stop(&crew, signals)
        onEvent(.stopped)
        return 0
    }

    /// Returns the signal that asks to stop.
    private func keep(_ crew: inout Crew, _ signals: SignalQueue) -> Int32 {
        while true {
            crew.startDue()
            let signal = signals.next(before: crew.nextStart)
            if signal == SIGTERM || signal == SIGINT { return signal! }
            crew.reap(thenReplace: true)
        }
    }

    private func stop(_ crew: inout Crew, _ signals: SignalQueue) {
        let start = ContinuousClock.now
        var ladder = ShutdownLadder(drainDeadline: configuration.drainDeadline)
        while true {
            crew.reap(thenReplace: false)
            for signal in ladder.climb(to: (ContinuousClock.now - start) / .seconds(1)) { crew.send(signal) }
            if crew.isEmpty { return }
            let signal = signals.next(before: ladder.next.map { start + .seconds($0) })
            if signal == SIGTERM || signal == SIGINT { ladder.hurry() }
        }
    }
}
