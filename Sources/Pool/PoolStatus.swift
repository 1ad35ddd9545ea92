public import Glibc

/// A pool as its scoreboard shows it.
public struct PoolStatus: Sendable {
    public struct Worker: Sendable {
        public enum State: Int, Sendable {
            /// It does not take requests yet.
            case starting
            case serving
            /// It finishes what it has and ends.
            case draining
            /// Its process is stopped. The kernel says so, not the board, as with the next.
            case stopped
            /// Its process has ended, and the supervisor has not noticed.
            case dead
        }

        public let slot: Int
        public let pid: pid_t
        public let generation: Int
        public let state: State
        /// Seconds since its start.
        public let age: Double
        public let requests: Int
        public let inFlight: Int
        /// Bytes resident.
        public let memory: Int
        /// Seconds since its last report; nil before the first.
        public let silence: Double?
        public let lastError: String?
        /// Seconds since `lastError` was reported.
        public let lastErrorAge: Double
        public let note: String
    }

    public let supervisor: pid_t
    /// Seconds since the supervisor last gave a sign of life, which it does every second; nil before the first.
    public let supervisorSilence: Double?
    /// Whether the supervisor is stopped, or has been silent for so long that it must be.
    public let isSupervisorStopped: Bool
    /// Seconds since the pool's start; a reload is none.
    public let age: Double
    /// Reloads since then that have come to an end.
    public let reloads: Int
    /// Workers that the settings ask for.
    public let wanted: Int
    /// Workers that died at their start.
    public let earlyDeaths: Int
    /// Whether workers keep dying at their start.
    public let isInCrashLoop: Bool
    /// By slot, then by age.
    public let workers: [Worker]

    /// Whether the pool stops, and its workers finish what they have.
    public let isDraining: Bool

    /// Whether there is a socket at that path.
    public static func hasSocket(at path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    /// Looks at the pool whose board is at `path`; where none runs, at one that still stops.
    ///
    /// - Returns: nil when no supervisor holds it.
    /// - Throws: ``PoolError`` when there is a file that cannot be read.
    public static func read(board path: String) throws(PoolError) -> PoolStatus? {
        if let status = try read(path, isDraining: false) { return status }
        return try read(Scoreboard.draining(path), isDraining: true)
    }

    private static func read(_ path: String, isDraining: Bool) throws(PoolError) -> PoolStatus? {
        let probe = open(path, O_RDONLY | O_CLOEXEC)
        guard probe >= 0 else {
            if errno == ENOENT { return nil }
            throw .system(call: "open", subject: path, errno: errno)
        }
        defer { close(probe) }
        guard Scoreboard.isHeld(probe) else { return nil }
        return PoolStatus(try Scoreboard(reading: path), isDraining: isDraining)
    }

    init(_ board: Scoreboard, isDraining: Bool) {
        self.isDraining = isDraining
        let now = sharedMilliseconds()
        func seconds(since then: UInt64) -> Double { now > then ? Double(now - then) / 1_000 : 0 }
        supervisor = pid_t(truncatingIfNeeded: board.header(.supervisor))
        let beat = board.header(.beat)
        supervisorSilence = beat == 0 ? nil : seconds(since: beat)
        isSupervisorStopped =
            ProcessState(of: supervisor) == .stopped || .seconds(supervisorSilence ?? 0) > Rhythm.longestSilence
        age = seconds(since: board.header(.started))
        reloads = Int(board.header(.generation))
        wanted = Int(board.header(.workers))
        earlyDeaths = Int(board.header(.earlyDeaths))
        isInCrashLoop = board.header(.crashLoop) != 0
        workers = (0..<Scoreboard.rows).compactMap { number -> Worker? in
            let row = board.row(number)
            guard row[.pid] != 0 else { return nil }
            let (pid, error) = (pid_t(truncatingIfNeeded: row[.pid]), row[.lastError])
            let state: Worker.State =
                switch ProcessState(of: pid) {
                case .running: Worker.State(rawValue: Int(row[.state])) ?? .starting
                case .stopped: .stopped
                case .dead: .dead
                }
            return Worker(
                slot: Int(row[.slot]), pid: pid, generation: Int(row[.generation]), state: state,
                age: seconds(since: row[.started]),
                requests: Int(row[.requests]), inFlight: Int(row[.inFlight]), memory: Int(row[.memory]),
                silence: row[.beat] == 0 ? nil : seconds(since: row[.beat]), lastError: error.isEmpty ? nil : error,
                lastErrorAge: seconds(since: row[.errorAt]), note: row[.note])
        }.sorted { ($0.slot, -$0.age) < ($1.slot, -$1.age) }
    }
}
