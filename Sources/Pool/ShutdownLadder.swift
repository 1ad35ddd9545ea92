import Glibc

/// The signals that end a worker, and when each is due if it is still there.
struct ShutdownLadder: Sendable, Equatable {
    struct Rung: Sendable, Equatable {
        let signal: Int32
        /// Seconds since the shutdown began.
        let after: Double
    }

    private(set) var rungs: [Rung]

    init(drainDeadline: Double) {
        rungs = [Rung(signal: SIGTERM, after: 0), Rung(signal: SIGKILL, after: drainDeadline)]
    }

    /// Takes the signals that are due `elapsed` seconds into the shutdown.
    mutating func climb(to elapsed: Double) -> [Int32] {
        let due = rungs.prefix { $0.after <= elapsed }
        rungs.removeFirst(due.count)
        return due.map(\.signal)
    }

    /// Makes the last signal due now: somebody asked to stop a second time.
    mutating func hurry() {
        rungs = rungs.suffix(1).map { Rung(signal: $0.signal, after: 0) }
    }

    /// Seconds into the shutdown at which the next signal is due.
    var next: Double? { rungs.first?.after }
}
