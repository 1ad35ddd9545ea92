import CSQLite
import GRDB
import Glibc

/// An open connection, and which files it has open: the database, its WAL and the WAL's index (`-shm`).
///
/// A file that was removed or replaced still takes what is written through an open descriptor, and nobody would ever
/// find it again. So whoever writes looks for the files before each transaction, under the lock. No name in a folder
/// changes without the folder's time: one stat(2) tells that all are in place. The files themselves are looked for when
/// that has changed, and once a second.
final class OpenDatabase {
    enum State: Equatable {
        case inPlace
        /// The path leads to another file or nowhere, or a database without a WAL was copied over the file.
        case moved
        /// The same of the WAL or its index, but not of the database.
        case walMoved
    }

    /// The WAL and its index.
    struct Log: Equatable {
        let wal: FileIdentity?
        let index: FileIdentity?

        /// - Parameter name: the database's.
        init(of name: String) throws {
            (wal, index) = (try FileIdentity(name + "-wal"), try FileIdentity(name + "-shm"))
        }
    }

    let queue: DatabaseQueue
    private let path: String
    /// The path without symbolic links: beside that are the WAL and its index.
    private let name: String
    private let database: FileIdentity
    let log: Log
    private let walDescriptor: Int32
    private var folder: FileIdentity?
    private var lastLook = ContinuousClock.now

    /// - Parameter before: what the path led to before `queue` was opened.
    /// - Throws: ``StorageFailure`` when it leads elsewhere by now.
    init(_ queue: DatabaseQueue, _ path: String, before: FileIdentity) throws {
        self.queue = queue
        self.path = path
        name = try queue.read { db in
            try String.fetchOne(db, sql: "SELECT file FROM pragma_database_list WHERE name = 'main'") ?? path
        }
        folder = try FileIdentity(Storage.folder(of: name))
        log = try Log(of: name)
        guard let database = try FileIdentity(path), database == before else { throw StorageFailure.gone(path) }
        self.database = database
        // Nothing is lost when this is closed again: SQLite's locks are on the other two files.
        walDescriptor = open(name + "-wal", O_RDONLY | O_CLOEXEC)
        guard walDescriptor >= 0 || log.wal == nil else { throw StorageFailure("open", name + "-wal") }
    }

    deinit { Glibc.close(walDescriptor) }

    /// Whether the files were looked for within the last second.
    var isFresh: Bool { ContinuousClock.now - lastLook < .seconds(1) }

    func state() throws -> State {
        let folder = try FileIdentity(Storage.folder(of: name))
        if isFresh, FileIdentity.areUnchanged(folder, self.folder) { return .inPlace }
        let now = ContinuousClock.now
        guard try FileIdentity(path) == database, hasWAL else { return .moved }
        guard try Log(of: name) == log else { return .walMoved }
        (self.folder, lastLook) = (folder, now)
        return .inPlace
    }

    private var hasWAL: Bool {
        queue.writeWithoutTransaction { db in db.sqliteConnection.map(csqlite_format) == 2 }
    }

    /// Brings to the disk what was committed, by this connection and all others before it.
    func sync() throws {
        guard fdatasync(walDescriptor) != 0 else { return }
        let failure = StorageFailure("sync", name + "-wal")
        // The kernel tells it once, and what follows a lost part of the WAL is lost with it: into the database with all.
        _ = try? queue.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
        throw failure
    }

    /// Writes a WAL that has lost its name into the database, which still has one. Needs the lock.
    ///
    /// - Returns: false when others have gone on without it already.
    func saveWAL() throws -> Bool {
        var status = stat()
        // Whoever saves it makes it empty.
        guard fstat(walDescriptor, &status) == 0, status.st_size > 0 else { return true }
        if let now = try FileIdentity(name + "-wal") { return now == log.wal }
        let isBusy = try queue.writeWithoutTransaction { db in
            try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") != 0
        }
        guard !isBusy else { throw StorageFailure(.locked, "\(name)-wal was removed, and is saved once nobody reads") }
        return true
    }

    /// Leaves all files as they are.
    func close() { try? queue.close() }

    /// Closes it so that SQLite, if nobody else has the database open, writes the WAL into it and deletes the WAL.
    func finish() throws {
        queue.writeWithoutTransaction { db in
            if let connection = db.sqliteConnection { _ = csqlite_checkpoint_on_close(connection, 1) }
        }
        try queue.close()
    }
}
