/// What a worker is started with, beside the listening socket as descriptor 0: descriptors, and the environment variables
/// that tell it their numbers.
enum Handover {
    /// Read by ``Lifeline``.
    static let lifeline = (descriptor: Int32(3), variable: "POOL_LIFELINE_FD")
    /// The writing end of ``Readiness``.
    static let readiness = (descriptor: Int32(4), variable: "POOL_READY_FD")
    /// The ``Scoreboard``, and which row of it is the worker's.
    static let board = (descriptor: Int32(5), variable: "POOL_BOARD_FD")
    static let rowVariable = "POOL_ROW"

    /// From here on are the supervisor's own descriptors: placing one as a worker's can then not overwrite another.
    static let firstOwnDescriptor: Int32 = 10

    /// Variables that are a worker's own or its supervisor's, and nobody else's.
    static let variables = [
        lifeline.variable, readiness.variable, board.variable, rowVariable, Inheritance.variable, "LISTEN_PID",
        "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
    ]
}
