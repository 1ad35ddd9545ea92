public import Glibc

/// What a pool runs, and how.
public struct PoolConfiguration: Sendable {
    /// Path of the program that every worker runs; not looked up in PATH. For a pool with reloads it is best the
    /// program that the supervisor itself runs, /proc/self/exe: what lies at a path may have been replaced, and is only
    /// trusted once a reload has tested it.
    public var executable: String
    /// What workers are called in a list of processes; nil for `executable`.
    public var workerName: String?
    /// Its arguments, without its own name.
    public var arguments: [String]
    /// Its whole environment, to which the supervisor adds what ``Supervised`` reads.
    public var environment: [String: String]
    /// Where the unix socket is made, at most ``ListeningSocket/longestPath`` bytes. The scoreboard lies beside it.
    public var socketPath: String
    /// The socket's permissions: who may write may connect.
    public var socketMode: mode_t
    /// Who owns the socket; nil for the process's own user.
    public var socketOwner: uid_t?
    /// The socket's group; nil for the process's own.
    public var socketGroup: gid_t?
    /// How many workers run at a time, at least 1.
    public var workers: Int
    /// Connections that the kernel queues until a worker accepts them. A full queue is an error for the web server.
    public var backlog: Int32
    /// Seconds that workers get to finish after SIGTERM, before SIGKILL.
    public var drainDeadline: Double
    /// Seconds that a worker gets until it serves, before SIGKILL.
    public var startDeadline: Double
    /// Seconds without a report after which a worker is taken for stuck; nil for never.
    public var stallTimeout: Double?
    /// A worker that has answered so many requests, a tenth more or less, is replaced; nil for never.
    public var maxRequests: Int?
    /// A worker with more resident bytes is replaced; nil for never.
    public var maxMemory: Int?
    /// How soon a worker that died is replaced.
    public var backoff: Backoff
    /// How a reload executes this process anew; nil when it has no reloads.
    public var relaunch: Relaunch?

    /// A reload first runs `executable` with `testArguments`, and goes on only if that writes `testAnswer`, and nothing
    /// else, to standard output and ends with 0. Then it replaces this process by `executable` with `arguments`.
    public struct Relaunch: Sendable {
        /// Path of the program as it is at the time of a reload.
        public var executable: String
        public var testArguments: [String]
        public var testAnswer: String
        public var arguments: [String]
        public var environment: [String: String]

        public init(
            executable: String, testArguments: [String], testAnswer: String, arguments: [String],
            environment: [String: String]
        ) {
            self.executable = executable
            self.testArguments = testArguments
            self.testAnswer = testAnswer
            self.arguments = arguments
            self.environment = environment
        }
    }

    public init(
        executable: String, arguments: [String] = [], environment: [String: String] = [:], socketPath: String,
        workers: Int
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.socketPath = socketPath
        self.workers = workers
        socketMode = 0o660
        backlog = 4_096
        drainDeadline = 30
        startDeadline = 120
        backoff = Backoff()
    }

    /// Where the scoreboard of the pool with that socket is.
    public static func boardPath(socketPath: String) -> String { socketPath + "-board" }
}
