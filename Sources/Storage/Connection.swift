import Chat
import GRDB
import Glibc

/// One SQLite connection that is opened when first used, and anew after a failure that a fresh one may not have, and
/// when its files are not where they were.
///
/// What it refuses: to make a file in place of one that was removed, and a file that is damaged.
///
/// Belongs to one thread. Whoever writes holds the ``FileLock`` meanwhile.
struct Connection {
    private let path: String
    private let readonly: Bool
    private let trust: FileTrust
    private let migrates: Bool
    private var opened: OpenDatabase?
    /// SQLite's `synchronous`, as it was last set.
    private var isDurable: Bool?
    private var lastLook = ContinuousClock.now
    private var hasAskedForWAL = false

    /// A locked database is waited for this long, in seconds, then the call fails.
    static let busyTimeout = 2.0
    /// Bytes of a log that has nothing in it any more; SQLite writes it into the database at 4 MB.
    private static let largestWAL = 8 << 20
    /// A reader looks into the files no more often: what it reads is not acknowledged.
    private static let lookInterval = Duration.milliseconds(20)

    /// - Parameter migrates: whether to bring the schema up to date.
    init(path: String, readonly: Bool, _ trust: FileTrust, migrates: Bool = true) {
        self.path = path
        self.readonly = readonly
        self.trust = trust
        self.migrates = migrates
    }

    /// Runs `work` outside any transaction, and makes sure that the files were in their place before and after.
    ///
    /// - Parameters:
    ///   - durably: whether a commit waits for the disk. In WAL mode NORMAL does not; the next FULL commit brings
    ///     all before it to the disk. Nil for reading.
    ///   - mayBegin: whether a file that is not there may be made.
    mutating func use<T>(durably: Bool? = nil, mayBegin: Bool = false, _ work: (GRDB.Database) throws -> T) throws -> T
    {
        var database = try sound(mayBegin: mayBegin)
        do {
            if let durably, durably != isDurable {
                isDurable = nil
                try database.queue.writeWithoutTransaction { db in
                    try db.execute(sql: "PRAGMA synchronous = \(durably ? "FULL" : "NORMAL")")
                }
                isDurable = durably
            }
            let value = try database.queue.writeWithoutTransaction(work)
            switch try database.state(reads: !readonly) {
            case .sound, .shrunk: break
            case .moved: throw StorageFailure(.removed, "\(path) was removed or replaced meanwhile")
            case .walRemoved: throw WALRemoved()
            case .damaged(let why): throw StorageFailure.damaged(path, why)
            }
            opened = database
            return value
        } catch let error as DatabaseError {
            if error.mayHealByReopening { drop() }
            if error.resultCode == .SQLITE_READONLY, !readonly { trust.noteReadOnly() }
            throw suspecting(error)
        }
    }

    /// The connection, once it is known that its files are in their place.
    private mutating func sound(mayBegin: Bool) throws -> OpenDatabase {
        guard var database = opened else { return try reopened(mayBegin) }
        let reads = !readonly || trust.isSuspect || ContinuousClock.now - lastLook > Self.lookInterval
        let state = try database.state(reads: reads)
        if reads { lastLook = .now }
        opened = database
        switch state {
        case .sound where !trust.isSuspect: return database
        case .sound, .moved: break
        case .shrunk: trust.distrust()
        case .damaged(let why):
            // It stays open: then nobody takes the log for one that ended in a power cut, and begins it anew.
            database.keepWAL()
            trust.distrust(log: database.position())
            throw StorageFailure.damaged(path, why)
        case .walRemoved:
            if !readonly {
                // Its locks hold off everybody else until this is done.
                let isSaved = try !trust.isSuspect && database.saveWAL()
                return try reopened(mayBegin, isWALSaved: isSaved)
            }
            // Once for the writing connection to save it; then it is not to be had any more.
            hasAskedForWAL.toggle()
            if hasAskedForWAL { throw WALRemoved() }
        }
        return try reopened(mayBegin)
    }

    private mutating func reopened(_ mayBegin: Bool, isWALSaved: Bool = false) throws -> OpenDatabase {
        drop()
        let database =
            readonly
            ? try FileLock(path: path + "-lock").lockedIfPossible { try open(false, isWALSaved) }
            : try open(mayBegin, isWALSaved)
        opened = database
        return database
    }

    /// Closes it; the next use opens it anew.
    mutating func drop() {
        opened?.close()
        opened = nil
        isDurable = nil
    }

    /// Closes it for a process that ends. If no other has the database open, SQLite writes the log into it and deletes
    /// the log, so that the one file is all there is. Needs the ``FileLock``, as opening does.
    mutating func finish() throws {
        try use { _ in }
        try opened?.queue.close()
        opened = nil
    }

    private func suspecting(_ error: DatabaseError) -> any Error {
        guard error.isDamage else { return error }
        trust.distrust()
        return StorageFailure.damaged(path, storageError(error).cause ?? "")
    }

    private func open(_ mayBegin: Bool, _ isWALSaved: Bool) throws -> OpenDatabase {
        let wasThere = try FileIdentity(path) != nil
        do { return try openInPlace(mayBegin, isWALSaved) } catch {
            // Nothing came of a new file: a full disk, say. The next time it is begun once more.
            if !wasThere, FileIdentity.isEmpty(path) { unlink(path) }
            throw error
        }
    }

    private func openInPlace(_ mayBegin: Bool, _ isWALSaved: Bool) throws -> OpenDatabase {
        let before = try place(mayBegin, isWALSaved)
        let log = try FileIdentity(path + "-wal")
        if let why = trust.verdict(on: before, log) { throw StorageFailure(.damaged, why) }
        do {
            let database = try OpenDatabase(connected(), path, before: before)
            do { try inspect(database) } catch {
                database.close()
                throw error
            }
            trust.trust()
            return database
        } catch let failure as StorageFailure where failure.fault == .damaged {
            trust.condemn(
                FileTrust.Verdict(database: before, log: try FileIdentity(path + "-wal"), why: failure.cause))
            throw failure
        } catch let error as DatabaseError {
            if !error.isDamage, let failure = StorageFailure("open", path, error) { throw failure }
            throw suspecting(error)
        }
    }

    /// - Returns: the file, which is there now.
    private func place(_ mayBegin: Bool, _ isWALSaved: Bool) throws -> FileIdentity {
        let isAsked = trust.beginsAnew && !readonly
        if let file = try FileIdentity(path) {
            if file.size == 0, !isAsked { throw StorageFailure.damaged(path, "it is empty") }
            if try !isWALSaved && FileIdentity(path + "-wal") == nil && SharedLocks.areHeld(on: path) {
                guard !readonly else { throw WALRemoved() }
                throw StorageFailure.damaged(path, "its log was removed, and another process has it open")
            }
            return file
        }
        guard isAsked || mayBegin && !trust.wasOpen && !readonly else { throw StorageFailure.gone(path) }
        try Quarantine.move(["-wal", "-shm", "-journal"], of: path, to: Quarantine.name(path, "removed"))
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw StorageFailure("make", path) }
        defer { close(descriptor) }
        try Owner.adopt(descriptor, of: folder(of: path))
        guard let file = try FileIdentity(path) else { throw StorageFailure.gone(path) }
        return file
    }

    private func connected() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = readonly ? "parley.read" : "parley.write"
        configuration.readonly = readonly
        configuration.busyMode = .timeout(Self.busyTimeout)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { [path, readonly] db in
            // Before SQLite reads anything: with a log it would not miss the database's own first page.
            let header = try SQLiteFiles(db, path).header()
            guard SQLiteFiles.isHeader(header) || FileIdentity.isEmpty(path) else {
                throw StorageFailure.damaged(path, "it does not begin as a database")
            }
            // A copy without a log, put here by hand: what lies beside it is another database's log.
            if header[18] == 1, try FileIdentity(path + "-wal") != nil {
                guard !readonly else { throw WALRemoved() }
                try Quarantine.move(["-wal", "-shm"], of: path, to: Quarantine.name(path, "stray"))
            }
            // Not by GRDB's journalMode: that looks at the log through Foundation's URL, and writes twice to an empty one.
            if !readonly, try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") != "wal" {
                throw StorageFailure(.other, "\(path) cannot have a log (WAL) beside it")
            }
            // What a long read let the log grow to is given back.
            try db.execute(sql: "PRAGMA journal_size_limit = \(Self.largestWAL)")
            // What is deleted is to be gone, whatever SQLite's own default is.
            try db.execute(sql: "PRAGMA secure_delete = ON")
            // KiB; the kernel keeps the file in memory anyway, once for all workers.
            try db.execute(sql: "PRAGMA cache_size = -512")
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private func inspect(_ database: OpenDatabase) throws {
        if case .damaged(let why) = try database.contents() { throw StorageFailure.damaged(path, why) }
        if trust.isSuspect {
            if let lost = trust.lostWAL, let now = database.position(), now.isBehind(lost) {
                throw StorageFailure.damaged(path, "its log was overwritten or cut")
            }
            let verdict = try database.queue.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
            guard verdict == "ok" else { throw StorageFailure.damaged(path, verdict ?? "no verdict") }
        }
        if !readonly, migrates { try Schema.bringUpToDate(database.queue) }
    }
}

/// The log has no name any more, or is not this database's own: a matter for the writing connection.
struct WALRemoved: Error, CustomStringConvertible {
    let description = "the database's log (-wal) was removed or replaced"
}

extension DatabaseError {
    /// Busy, full and constraint errors pass on an open connection; these do not.
    fileprivate var mayHealByReopening: Bool {
        switch resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_SCHEMA,
            .SQLITE_ERROR:
            true
        default: false
        }
    }

    /// A file that ends too early is damaged as well: SQLITE_IOERR_SHORT_READ.
    fileprivate var isDamage: Bool {
        resultCode == .SQLITE_CORRUPT || resultCode == .SQLITE_NOTADB || extendedResultCode.rawValue == 10 | 2 << 8
    }
}

extension FileIdentity {
    fileprivate static func isEmpty(_ path: String) -> Bool { (try? FileIdentity(path))??.size == 0 }
}
