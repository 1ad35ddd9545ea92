public import Glibc

/// What a pool runs, and how.
public struct PoolConfiguration: Sendable {
    /// Path of the program that every worker runs; not looked up in PATH.
    public var executable: String
    /// Its arguments, without its own name.
    public var arguments: [String]
    /// Its whole environment, to which the supervisor adds ``Lifeline/variable``.
    public var environment: [String: String]
    /// Where the unix socket is made, at most ``ListeningSocket/longestPath`` bytes.
    public var socketPath: String
    /// The socket's permissions: who may write may connect.
    public var socketMode: mode_t
    /// How many workers run at a time, at least 1.
    public var workers: Int
    /// Connections that the kernel queues until a worker accepts them. A full queue is an error for the web server.
    public var backlog: Int32
    /// Seconds that workers get to finish after SIGTERM, before SIGKILL.
    public var drainDeadline: Double
    /// How soon a worker that died is replaced.
    public var backoff: Backoff

    public init(
        executable: String, arguments: [String] = [], environment: [String: String] = [:], socketPath: String,
        socketMode: mode_t = 0o660, workers: Int, backlog: Int32 = 4096, drainDeadline: Double = 30,
        backoff: Backoff = Backoff()
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.socketPath = socketPath
        self.socketMode = socketMode
        self.workers = workers
        self.backlog = backlog
        self.drainDeadline = drainDeadline
        self.backoff = backoff
    }
}
