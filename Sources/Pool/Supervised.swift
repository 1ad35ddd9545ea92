import Glibc

/// What a worker tells its supervisor.
public struct WorkerReport: Sendable {
    /// Answered since the worker's start.
    public var requests: Int
    public var inFlight: Int
    /// Bytes resident.
    public var memory: Int
    /// The last thing that went wrong; at most 183 bytes of it are kept.
    public var lastError: String?
    /// Whatever else whoever looks at the pool should see; at most 183 bytes of it are kept.
    public var note: String

    public init(requests: Int, inFlight: Int, memory: Int, lastError: String? = nil, note: String = "") {
        self.requests = requests
        self.inFlight = inFlight
        self.memory = memory
        self.lastError = lastError
        self.note = note
    }
}

/// A worker's side of its supervision: it says once that it serves, and then again and again how it does. A worker from
/// which nothing comes any more is taken for stuck and replaced.
public struct Supervised: Sendable {
    private let descriptor: Int32
    private let row: Int?
    private let board: Scoreboard?

    /// Nil in a process that no supervisor of ours has started. Without a board it can still say that it serves.
    public init?() {
        guard let descriptor = Self.number(Handover.readiness.variable).map(Int32.init), descriptor > 2,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { return nil }
        self.descriptor = descriptor
        row = Self.number(Handover.rowVariable).flatMap { (0..<Scoreboard.rows).contains($0) ? $0 : nil }
        board = Self.number(Handover.board.variable).flatMap { try? Scoreboard(given: Int32($0)) }
    }

    /// Says that this worker takes requests from now on.
    public func ready() {
        // Here rather than by the supervisor, which may get to it later than somebody looks.
        ownRow?[.state] = UInt64(PoolStatus.Worker.State.serving.rawValue)
        let line = Array("\(getpid())\n".utf8)
        // A line is written whole or not at all (pipe(7)). A supervisor that cannot be told is gone: see Lifeline.
        while write(descriptor, line, line.count) < 0, errno == EINTR {}
    }

    /// Says that this worker takes no more requests, whoever asked it to end.
    public func draining() {
        guard let mine = ownRow else { return }
        mine[.state] = UInt64(PoolStatus.Worker.State.draining.rawValue)
    }

    /// Says that this worker makes progress. At most a second should pass between two reports.
    public func report(_ report: WorkerReport) {
        guard let mine = ownRow else { return }
        mine[.requests] = UInt64(report.requests)
        mine[.inFlight] = UInt64(report.inFlight)
        mine[.memory] = UInt64(report.memory)
        if let error = report.lastError, error != mine[.lastError] {
            mine[.lastError] = error
            mine[.errorAt] = sharedMilliseconds()
        }
        if report.note != mine[.note] { mine[.note] = report.note }
        mine[.beat] = sharedMilliseconds()
    }

    /// Nil without a board, and when the row is another's now.
    private var ownRow: ScoreboardRow? {
        guard let board, let row, board.row(row)[.pid] == UInt64(getpid()) else { return nil }
        return board.row(row)
    }

    private static func number(_ variable: String) -> Int? { getenv(variable).flatMap { Int(String(cString: $0)) } }
}
