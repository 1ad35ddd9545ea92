public import Glibc

/// What happened in the pool, for the log; reported by the thread that runs the supervisor, in order.
public enum PoolEvent: Sendable, Equatable {
    /// Connections to the socket now wait for a worker.
    case listening(path: String)
    case workerStarted(slot: Int, pid: pid_t)
    /// A worker could not be started; it counts as one that died at once.
    case workerFailedToStart(slot: Int, errno: Int32)
    case workerEnded(slot: Int, pid: pid_t, how: Ending)
    /// The slot's next worker starts in `seconds`.
    case respawning(slot: Int, seconds: Double)
    /// A signal asked to stop: the socket is gone, the workers finish what they have.
    case draining(signal: Int32)
    /// A worker outlived the drain deadline and was sent SIGKILL.
    case killed(slot: Int, pid: pid_t)
    case stopped

    /// How a process ended.
    public enum Ending: Sendable, Equatable {
        case exited(code: Int32)
        case signalled(Int32)

        /// - Parameter status: as `waitpid` gives it.
        init(status: Int32) {
            let signal = status & 0x7F
            self = signal == 0 ? .exited(code: (status >> 8) & 0xFF) : .signalled(signal)
        }
    }
}

/// Why a pool did not start.
public enum PoolError: Error, Sendable, Equatable, CustomStringConvertible {
    case socketPathTooLong(path: String, limit: Int)
    /// Another process answers on the socket.
    case alreadyListening(path: String)
    /// The path is taken by something that is not ours to remove.
    case notASocket(path: String)
    case system(call: String, subject: String, errno: Int32)

    public var description: String {
        switch self {
        case .socketPathTooLong(let path, let limit):
            "socket path \(path) has \(path.utf8.count) bytes, at most \(limit) are possible"
        case .alreadyListening(let path): "another process is already listening on \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .system(let call, let subject, let code): "\(call) \(subject): \(String(cString: strerror(code)))"
        }
    }
}
