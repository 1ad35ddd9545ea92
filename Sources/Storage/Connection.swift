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
    private let file: DatabaseFile
    private let readonly: Bool
    private let migrates: Bool
    private var opened: OpenDatabase?

    /// - Parameter migrates: whether to bring the schema up to date.
    init(_ file: DatabaseFile, readonly: Bool, migrates: Bool = true) {
        self.file = file
        self.readonly = readonly
        self.migrates = migrates
    }

    /// Runs `work` outside any transaction, with the files in their place: as they are now for writing, as they were
    /// within the last second for reading.
    ///
    /// - Parameters:
    ///   - durably: whether to wait until the disk has what `work` committed. If not, the next time brings all to it.
    ///   - mayBegin: whether a file that is not there may be made.
    mutating func use<T>(durably: Bool = false, mayBegin: Bool = false, _ work: (GRDB.Database) throws -> T) throws -> T
    {
        let database = try inPlace(mayBegin)
        do {
            let value = try database.queue.writeWithoutTransaction(work)
            if durably { try database.sync() }
            // The disk was slow.
            if try !readonly && !database.isFresh && database.state() == .moved { throw StorageFailure.gone(file.path) }
            return value
        } catch let error as DatabaseError {
            if error.mayHealByReopening { drop() }
            if !readonly, error.isDamage || error.resultCode == .SQLITE_READONLY { _ = file.closeReader(waits: false) }
            throw suspecting(error)
        }
    }

    /// The connection, once it is known that its files are in their place.
    private mutating func inPlace(_ mayBegin: Bool) throws -> OpenDatabase {
        guard let database = opened else { return try reopened(mayBegin) }
        switch try readonly && database.isFresh ? .inPlace : database.state() {
        case .inPlace where !file.isSuspect: return database
        case .inPlace, .moved: break
        case .walMoved:
            if readonly {
                drop()
                throw WALRemoved()
            }
            guard file.closeReader(waits: true) else {
                throw StorageFailure(.locked, "a long read keeps \(file.path) open")
            }
            guard try database.saveWAL() else {
                drop()
                throw StorageFailure(
                    .removed, "\(file.path)-wal was removed, and a process began another: what was only in it is lost")
            }
        }
        return try reopened(mayBegin)
    }

    private mutating func reopened(_ mayBegin: Bool) throws -> OpenDatabase {
        drop()
        let database =
            readonly
            ? try FileLock.lockedIfPossible(file.lockPath) { try open(mayBegin: false) } : try open(mayBegin: mayBegin)
        if !readonly {
            file.writing = database.log
        } else if let writing = file.writing, writing != database.log {
            // It would read the new WAL by the index of the one that was removed, which the process has open still.
            database.close()
            throw WALRemoved()
        }
        opened = database
        return database
    }

    /// Closes it; the next use opens it anew.
    mutating func drop() {
        opened?.close()
        forget()
    }

    private mutating func forget() {
        opened = nil
        if !readonly { file.writing = nil }
    }

    /// Closes it for a process that ends. If no other has the database open, SQLite writes the WAL into it and deletes
    /// the WAL, so that the one file is all there is. Needs the ``FileLock``, as opening does.
    mutating func finish() throws {
        try use { _ in }
        try opened?.finish()
        forget()
    }

    private func suspecting(_ error: DatabaseError) -> any Error {
        guard error.isDamage else { return error }
        file.distrust()
        return StorageFailure.damaged(file.path, storageError(error).cause ?? "")
    }

    private func open(mayBegin: Bool) throws -> OpenDatabase {
        if let why = try file.verdict() { throw StorageFailure(.damaged, why) }
        let isNew = try FileIdentity(file.path) == nil
        do {
            let before = try file.place(readonly: readonly, mayBegin: mayBegin)
            let queue = try file.connect(readonly: readonly)
            do {
                let database = try OpenDatabase(queue, file.path, before: before)
                try inspect(queue)
                file.trust()
                return database
            } catch {
                try? queue.close()
                throw error
            }
        } catch {
            // Nothing came of a new file: a full disk, say. The next time it is begun once more.
            if isNew, file.isEmpty { unlink(file.path) }
            throw explained(error)
        }
    }

    private func explained(_ error: any Error) -> any Error {
        var error = error
        if let failure = error as? DatabaseError {
            error = suspecting(failure)
            if !failure.isDamage, let known = StorageFailure("open", file.path, failure) { error = known }
        }
        if let failure = error as? StorageFailure, failure.fault == .damaged { file.condemn(failure.cause) }
        return error
    }

    private func inspect(_ queue: DatabaseQueue) throws {
        if file.isSuspect {
            let verdict = try queue.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
            guard verdict == "ok" else { throw StorageFailure.damaged(file.path, verdict ?? "no verdict") }
        }
        if !readonly, migrates { try Schema.bringUpToDate(queue) }
    }
}

/// The WAL is not where it was, or not this database's own: a matter for the writing connection.
struct WALRemoved: Error, CustomStringConvertible {
    let description = "the database's -wal or -shm was removed or replaced"
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
