import GRDB
import Glibc

/// A copy of a database in a file of its own, for one owner alone, without a log beside it.
///
/// While it is being made nobody else can be making it: the file is locked until the process ends.
final class DatabaseCopy {
    /// What a whole copy has.
    struct Contents {
        let exchanges: Int
        let bytes: Int
    }

    let path: String
    let queue: DatabaseQueue
    private let descriptor: Int32
    private var isKept = false

    /// Makes an empty file. One that an earlier process left behind is made empty; any other file of that name is left
    /// alone.
    init(at path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StorageFailure("make", path) }
        guard Self.isLeftBehind(descriptor) else {
            close(descriptor)
            throw StorageFailure(.other, "\(path) is in the way; move it elsewhere")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fchmod(descriptor, 0o600) == 0, ftruncate(descriptor, 0) == 0
        else {
            let failure = StorageFailure("take", path)
            close(descriptor)
            throw failure
        }
        for ending in Self.endings { unlink(path + ending) }
        var configuration = Configuration()
        configuration.busyMode = .timeout(DatabaseFile.busyTimeout)
        configuration.prepareDatabase { db in
            // It is brought to the disk once, at the end; nobody else looks at it.
            try db.execute(sql: "PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -8192")
        }
        do { queue = try DatabaseQueue(path: path, configuration: configuration) } catch {
            unlink(path)
            close(descriptor)
            throw error
        }
    }

    deinit {
        close(descriptor)
        guard !isKept else { return }
        Self.remove(path)
    }

    /// Whether a process was killed while it made this copy.
    static func isAbandoned(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return isLeftBehind(descriptor) && flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    static func remove(_ path: String) {
        for ending in [""] + endings { unlink(path + ending) }
    }

    private static let endings = ["-wal", "-shm", "-journal"]

    private static func isLeftBehind(_ descriptor: Int32) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_uid == geteuid(), status.st_nlink == 1 else { return false }
        guard status.st_size > 0 else { return true }
        var start = [UInt8](repeating: 0, count: 16)
        return pread(descriptor, &start, start.count, 0) == start.count && start == Array("SQLite format 3\0".utf8)
    }

    /// Copies in one step, so that it is the database as it was at one instant.
    func fill(from source: GRDB.Database) throws {
        do {
            try queue.writeWithoutTransaction { copy in
                try source.backup(to: copy)
                let form = try String.fetchOne(copy, sql: "PRAGMA journal_mode = DELETE")
                guard form == "delete" else { throw StorageFailure(.other, "\(path) cannot be made a single file") }
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            // The source is only read.
            throw StorageFailure(.diskFull, "cannot write \(path): its disk is full")
        }
    }

    /// Reads it as a whole.
    ///
    /// - Throws: ``StorageFailure`` when it is damaged, no database of Parley, or newer than this program.
    func check() throws -> Contents {
        try queue.read { db in
            let verdict = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)")
            guard verdict == "ok" else { throw StorageFailure(.damaged, "it is damaged: \(verdict ?? "no verdict")") }
            try Schema.check(db)
            guard try Row.fetchOne(db, sql: "PRAGMA foreign_key_check") == nil else {
                throw StorageFailure(.damaged, "it is damaged: a row belongs to one that is not there")
            }
            return Contents(
                exchanges: try Int.fetchOne(db, sql: "SELECT count(*) FROM exchanges") ?? 0,
                bytes: try (Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0)
                    * (Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0))
        }
    }

    /// Brings it to the disk and gives it its name, which must be free.
    ///
    /// - Parameter model: the file whose mode and owner it gets; nil for the process's own user alone.
    func keep(as name: String, like model: FileIdentity? = nil) throws {
        try queue.close()
        if let model {
            if geteuid() == 0, fchown(descriptor, model.owner, model.group) != 0 {
                throw StorageFailure("give away", path)
            }
            guard fchmod(descriptor, model.mode & 0o777) == 0 else { throw StorageFailure("set the mode of", path) }
        }
        guard fsync(descriptor) == 0 else { throw StorageFailure("write", path) }
        guard link(path, name) == 0 else { throw StorageFailure("make", name) }
        unlink(path)
        isKept = true
        try Self.syncFolder(of: name)
    }

    static func syncFolder(of path: String) throws {
        let folder = folder(of: path)
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageFailure("open", folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StorageFailure("write", folder) }
    }
}
