import CSQLite
import GRDB

/// An open connection, and which files it has open: the database, its log (`-wal`) and the log's index (`-shm`).
///
/// A file that was removed or replaced still takes what is written through an open descriptor, and nobody would ever
/// find it again. One that was overwritten is read from SQLite's own memory for a while. So both are looked for before
/// and after each piece of work: three stat(2), and a few bytes of each file.
struct OpenDatabase {
    enum State: Equatable {
        case sound
        /// The name leads to another file, or nowhere.
        case moved
        /// The log or its index has no name any more; whoever has them open can still save what is in them.
        case walRemoved
        /// The database is smaller than it was. A restored one may be, or one that was cut.
        case shrunk
        case damaged(String)
    }

    let queue: DatabaseQueue
    let path: String
    private let database: FileIdentity
    private let log: FileIdentity?
    private let index: FileIdentity?
    private var size: Int64

    /// - Parameter before: what the name led to before `queue` was opened.
    /// - Throws: ``StorageFailure`` when the name leads elsewhere by now.
    init(_ queue: DatabaseQueue, _ path: String, before: FileIdentity) throws {
        guard let database = try FileIdentity(path), database == before else { throw StorageFailure.gone(path) }
        self.queue = queue
        self.path = path
        self.database = database
        log = try FileIdentity(path + "-wal")
        index = try FileIdentity(path + "-shm")
        size = database.size
    }

    /// - Parameter reads: whether to look into the files as well.
    mutating func state(reads: Bool) throws -> State {
        guard let database = try FileIdentity(path), database == self.database else { return .moved }
        let (log, index) = (try FileIdentity(path + "-wal"), try FileIdentity(path + "-shm"))
        if log != self.log || index != self.index {
            let isForeign = log != nil && log != self.log || index != nil && index != self.index
            return isForeign ? .moved : .walRemoved
        }
        if database.size < size { return .shrunk }
        size = database.size
        guard reads else { return .sound }
        return try contents()
    }

    /// What the first and the last bytes of the files say.
    func contents() throws -> State {
        try queue.writeWithoutTransaction { db in
            let files = try SQLiteFiles(db, path)
            let header = try files.header()
            guard SQLiteFiles.isHeader(header) else { return .damaged("it does not begin as a database") }
            // A copy without a log was written over it.
            if log != nil, header[18] == 1 { return .moved }
            if let why = try files.faultOfWAL() { return .damaged(why) }
            return .sound
        }
    }

    func position() -> WALPosition? {
        try? queue.writeWithoutTransaction { db in try SQLiteFiles(db, path).position() }
    }

    func close() {
        keepWAL()
        try? queue.close()
    }

    /// Writes a log without a name into the database, which still has one.
    ///
    /// - Returns: whether that has been done.
    func saveWAL() throws -> Bool {
        guard try contents() == .sound else { return false }
        return try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            return try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") == 0
        }
    }

    /// To be called before letting go of a connection whose files are not what they were: closing would write into them.
    func keepWAL() {
        queue.writeWithoutTransaction { db in
            if let connection = db.sqliteConnection { _ = csqlite_keep_log(connection) }
        }
    }
}
