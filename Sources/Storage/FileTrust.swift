import Synchronization

/// What the connections of one process know together about their database's file.
final class FileTrust: Sendable {
    struct Verdict {
        let database: FileIdentity
        let log: FileIdentity?
        let why: String
    }

    private struct State {
        var wasOpen = false
        var beginsAnew = false
        var isSuspect = false
        var verdict: Verdict?
        var log: WALPosition?
    }

    private let state = Mutex(State())
    private let letGo = Mutex<@Sendable () -> Void>({})

    /// Whether this process had it open once: then a missing file is not for it to make.
    var wasOpen: Bool { state.withLock { $0.wasOpen } }

    /// Whether the operator asked for a new database where there was one.
    var beginsAnew: Bool { state.withLock { $0.beginsAnew } }

    /// Whether the file has to be read as a whole before it is trusted again.
    var isSuspect: Bool { state.withLock { $0.isSuspect } }

    /// How far the log went when the suspicion arose; nil when it was not the reason.
    var lostWAL: WALPosition? { state.withLock { $0.log } }

    /// Why the file was found damaged, while nothing has been written to it since.
    func verdict(on database: FileIdentity, _ log: FileIdentity?) -> String? {
        state.withLock { state in
            guard let verdict = state.verdict, database.isUnchanged(since: verdict.database) else { return nil }
            switch (log, verdict.log) {
            case (nil, nil): return verdict.why
            case (let log?, let old?) where log.isUnchanged(since: old): return verdict.why
            default: return nil
            }
        }
    }

    /// - Parameter letGo: has the reading connection closed.
    func whenRefused(_ letGo: @escaping @Sendable () -> Void) { self.letGo.withLock { $0 = letGo } }

    /// The file could not be written to. All connections of a process share one index of the log: if one of them was
    /// opened on a read-only file system, no other can write until all are closed.
    func noteReadOnly() { letGo.withLock { $0 }() }

    func beginAnew() { state.withLock { $0.beginsAnew = true } }

    func distrust(log: WALPosition? = nil) {
        state.withLock { state in
            state.isSuspect = true
            if let log { state.log = log }
        }
    }

    func condemn(_ verdict: Verdict?) {
        state.withLock { state in
            state.isSuspect = true
            state.verdict = verdict
        }
    }

    func trust() {
        state.withLock { state in
            state = State(wasOpen: true)
        }
    }
}
