public import Glibc

/// What happened in the pool, for the log; reported by the thread that runs the supervisor, in order.
public enum PoolEvent: Sendable, Equatable {
    /// Connections to the socket now wait for a worker.
    case listening(path: String)
    case workerStarted(slot: Int, pid: pid_t)
    /// It takes requests, `seconds` after its start.
    case workerReady(slot: Int, pid: pid_t, seconds: Double)
    /// A worker could not be started; it counts as one that died at once.
    case workerFailedToStart(slot: Int, errno: Int32)
    case workerEnded(slot: Int, pid: pid_t, how: Ending)
    /// The slot's next worker starts in `seconds`.
    case respawning(slot: Int, seconds: Double)
    /// A worker gets a successor, and then ends.
    case recycling(slot: Int, pid: pid_t, reason: Recycling)
    /// A worker has reported nothing for `seconds`, or did not serve so long after its start, and was sent SIGKILL.
    case stuck(slot: Int, pid: pid_t, seconds: Double)
    /// So many workers died at their start that only one is tried now and then, at most `pause` seconds apart.
    case crashLoop(deaths: Int, pause: Double)
    case crashLoopOver
    /// SIGHUP: the program is tested, then this process is executed anew.
    case reloading
    /// Nothing has changed; the workers go on.
    case reloadFailed(ReloadFailure)
    /// Every worker is of the new generation; older ones may still finish what they have.
    case reloaded(generation: Int)
    /// SIGUSR1, and there is a log to open.
    case reopenedLogs
    /// A reload could not change the socket's mode, owner or group; they are what they were.
    case socketNotGiven(PoolError)
    /// A signal asked to stop: the workers finish what they have.
    case draining(signal: Int32)
    /// A worker outlived the drain deadline and was sent SIGKILL.
    case killed(slot: Int, pid: pid_t)
    case stopped

    public enum Recycling: Sendable, Equatable {
        case requests(Int)
        /// Bytes.
        case memory(Int)
    }

    public enum ReloadFailure: Error, Sendable, Equatable {
        /// The program refused its settings, and has said why.
        case refused(Ending)
        /// The program ended well but did not answer as the supervisor's own program does: it is another.
        case unanswered
        /// The program did not end for so many seconds.
        case silent(seconds: Double)
        /// The first worker of the new generation died before it served; it is tried again.
        case newWorkerDied(Ending)
        case system(PoolError)
    }

    /// How a process ended.
    public enum Ending: Sendable, Equatable {
        case exited(code: Int32)
        case signalled(Int32)

        /// Whether it was killed: by an operator, or by the kernel for its memory.
        public var isKill: Bool {
            if case .signalled(let signal) = self { return [SIGKILL, SIGTERM, SIGINT, SIGHUP].contains(signal) }
            return false
        }

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
    /// Another supervisor of the same socket lives.
    case alreadyRunning(board: String)
    /// There is no folder for the socket and the scoreboard.
    case noFolder(path: String)
    /// The kernel does not let this user give the socket away.
    case mayNotGive(path: String)
    /// Somebody else has put a file there.
    case foreignBoard(path: String)
    /// The file is no scoreboard, or another version's.
    case notABoard(path: String)
    /// The service manager gave several sockets.
    case tooManySockets(Int)
    case inheritedSocketDoesNotListen
    /// The service manager's socket is not the one of the settings.
    case otherSocket(wanted: String, inherited: String)
    case system(call: String, subject: String, errno: Int32)

    public var description: String {
        switch self {
        case .socketPathTooLong(let path, let limit):
            "socket path \(path) has \(path.utf8.count) bytes, at most \(limit) are possible"
        case .alreadyListening(let path): "another process is already listening on \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .alreadyRunning(let board): "another supervisor is running on this socket: it holds \(board)"
        case .noFolder(let path): "there is no folder for \(path): make it, owned by the user that this program runs as"
        case .mayNotGive(let path):
            "\(path) cannot get that owner or group: only root may give a socket away, and others to a group of theirs"
        case .foreignBoard(let path): "\(path) belongs to another user: remove it"
        case .notABoard(let path): "\(path) is not the scoreboard of this version's pool"
        case .tooManySockets(let count): "the service manager gave \(count) sockets, and there must be one"
        case .inheritedSocketDoesNotListen: "descriptor 3, which the service manager gave, is no listening socket"
        case .otherSocket(let wanted, let inherited):
            "the service manager's socket is \(inherited), the settings say \(wanted): make them equal"
        case .system(let call, let subject, let code): "\(call) \(subject): \(String(cString: strerror(code)))"
        }
    }
}
