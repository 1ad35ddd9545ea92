import CSQLite
import GRDB
import Glibc

/// How a database is opened: what must lie there, what must not, and SQLite's settings.
extension DatabaseFile {
    /// A locked database is waited for this long, in seconds, then the call fails.
    static let busyTimeout = 2.0
    /// Bytes of a WAL that has nothing in it any more; SQLite writes it into the database at 4 MB.
    private static let largestWAL = 8 << 20

    var isEmpty: Bool { (try? FileIdentity(path))??.size == 0 }

    /// Makes sure that the file is there, and that no index of a WAL that is no more lies beside it.
    ///
    /// - Parameter mayBegin: whether a file that is not there may be made.
    /// - Returns: the file.
    func place(readonly: Bool, mayBegin: Bool) throws -> FileIdentity {
        let isAsked = beginsAnew && !readonly
        if let found = try FileIdentity(path) {
            if found.size == 0, !isAsked { throw StorageFailure.damaged(path, "it is empty") }
            if try FileIdentity(path + "-wal") == nil, try FileIdentity(path + "-shm") != nil {
                guard !readonly else { throw WALRemoved() }
                unlink(path + "-shm")
            }
            return found
        }
        guard isAsked || mayBegin && !wasOpen && !readonly else { throw StorageFailure.gone(path) }
        try Quarantine.move(["-wal", "-shm", "-journal"], of: path, to: Quarantine.name(path, "removed"))
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw StorageFailure("make", path) }
        defer { close(descriptor) }
        try Owner.adopt(descriptor, of: folder(of: path))
        guard let made = FileIdentity(descriptor: descriptor) else { throw StorageFailure("look at", path) }
        return made
    }

    private static let settled = csqlite_count_no_memory()

    func connect(readonly: Bool) throws -> DatabaseQueue {
        _ = Self.settled
        var configuration = Configuration()
        configuration.label = readonly ? "parley.read" : "parley.write"
        configuration.readonly = readonly
        configuration.busyMode = .timeout(Self.busyTimeout)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { [self] db in
            guard let connection = db.sqliteConnection else { return }
            // Closing must not write into files that are not what they were, nor delete them.
            _ = csqlite_checkpoint_on_close(connection, 0)
            try putStrayWALAside(csqlite_format(connection), readonly)
            // Not by GRDB's journalMode: that looks at the WAL through Foundation's URL, and writes twice to an empty one.
            if !readonly, try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") != "wal" {
                throw StorageFailure(.other, "\(path) cannot have a WAL beside it")
            }
            // A commit does not wait for the disk: OpenDatabase.sync() does, for those that have to.
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
            // A CHECK of three words is a table of three rows that each insertion would build anew; here writes only what
            // Swift's types let through.
            try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
            // What a long read let the WAL grow to is given back.
            try db.execute(sql: "PRAGMA journal_size_limit = \(Self.largestWAL)")
            // What is deleted is to be gone, whatever SQLite's own default is.
            try db.execute(sql: "PRAGMA secure_delete = ON")
            // KiB; the kernel keeps the file in memory anyway, once for all workers.
            try db.execute(sql: "PRAGMA cache_size = -512")
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Where a copy without a WAL was put here by hand, what lies beside it is another database's.
    private func putStrayWALAside(_ format: Int32, _ readonly: Bool) throws {
        guard (1...2).contains(format) || isEmpty else {
            throw StorageFailure.damaged(path, "it does not begin as a database")
        }
        guard format == 1, try FileIdentity(path + "-wal") != nil else { return }
        guard !readonly else { throw WALRemoved() }
        try Quarantine.move(["-wal", "-shm"], of: path, to: Quarantine.name(path, "stray"))
    }
}
