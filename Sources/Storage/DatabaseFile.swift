import Synchronization

/// The database's file, and what the connections of one process know together about it.
final class DatabaseFile: Sendable {
    private struct State {
        var wasOpen = false
        var beginsAnew = false
        var isSuspect = false
        var verdict: (database: FileIdentity?, wal: FileIdentity?, why: String)?
        var writing: OpenDatabase.Log?
        var closeReader: @Sendable (_ waits: Bool) -> Bool = { _ in true }
    }

    let path: String
    /// The ``FileLock``'s file, and the ``LivenessLock``'s.
    let (lockPath, livenessPath): (String, String)
    private let state = Mutex(State())

    /// - Parameter stateDirectory: where the locks' files are; nil for beside the database.
    init(_ path: String, stateDirectory: String? = nil) {
        self.path = path
        let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
        let base = stateDirectory.map { "\($0)/\(name)" } ?? path
        (lockPath, livenessPath) = (base + "-lock", base + "-holders")
    }

    /// Whether this process had it open once: then a missing file is not for it to make.
    var wasOpen: Bool { state.withLock { $0.wasOpen } }

    /// Whether the operator asked for a new database where there was one.
    var beginsAnew: Bool { state.withLock { $0.beginsAnew } }

    /// Whether the file has to be read as a whole before it is trusted again.
    var isSuspect: Bool { state.withLock { $0.isSuspect } }

    /// What the writing connection has open; nil when there is none.
    var writing: OpenDatabase.Log? {
        get { state.withLock { $0.writing } }
        set { state.withLock { $0.writing = newValue } }
    }

    func beginAnew() { state.withLock { $0.beginsAnew = true } }

    func distrust() { state.withLock { $0.isSuspect = true } }

    func trust() {
        state.withLock { ($0.wasOpen, $0.beginsAnew, $0.isSuspect, $0.verdict) = (true, false, false, nil) }
    }

    func condemn(_ why: String) {
        let files = (try? FileIdentity(path), try? FileIdentity(path + "-wal"))
        state.withLock { ($0.isSuspect, $0.verdict) = (true, (files.0 ?? nil, files.1 ?? nil, why)) }
    }

    /// Why the file was found damaged, while nothing has been written to it since.
    func verdict() throws -> String? {
        let files = (try FileIdentity(path), try FileIdentity(path + "-wal"))
        return state.withLock { state in
            guard let verdict = state.verdict, FileIdentity.areUnchanged(files.0, verdict.database),
                FileIdentity.areUnchanged(files.1, verdict.wal)
            else { return nil }
            return verdict.why
        }
    }

    /// - Parameter closeReader: has the reading connection closed, and waits for it or not; false when that takes too long.
    func whenUnusable(_ closeReader: @escaping @Sendable (_ waits: Bool) -> Bool) {
        state.withLock { $0.closeReader = closeReader }
    }

    /// To be called before the writing connection opens anew the same file. All connections of a process share one index
    /// of the WAL: while one of them has an index that was removed, or can only be read, the others get that one too.
    ///
    /// - Parameter waits: until that is done. Whoever holds the lock keeps a reader from opening meanwhile.
    func closeReader(waits: Bool) -> Bool { state.withLock { $0.closeReader }(waits) }
}
