import Chat
import FoundationEssentials
import GRDB
import Glibc

extension Backup {
    public struct Restored: Sendable {
        public let exchanges: Int
        public let bytes: Int
        /// Where the former database is; nil when there was none.
        public let former: String?
        /// Whether the former one could not be used, so that its files were moved.
        public let wasUnusable: Bool
        /// What was removed: unfinished files of restores that were killed.
        public let leftovers: [String]
    }

    private static let formerName = "before-restore"

    /// Makes a backup the database, also while others read and write: they see either all of it or nothing. The former
    /// database is kept beside it. Returning means that all is on the disk; after a failure the former one is in place.
    ///
    /// - Throws: ``BackupError``.
    public static func restore(_ file: String, to path: String, stateDirectory: String? = nil) throws -> Restored {
        try explained(at: path) {
            guard let backup = try FileIdentity(file) else { throw BackupError("\(file) is not there") }
            let live = try FileIdentity(path)
            guard live != backup else { throw BackupError("\(file) is the database itself") }
            let abandoned = leftovers(of: path)
            for leftover in abandoned { DatabaseCopy.remove(leftover) }
            let copy = try DatabaseCopy(at: path + "-restoring")
            let contents = try upToDate(copy, from: file)
            let database = DatabaseFile(path, stateDirectory: stateDirectory)
            return try FileLock(database).locked(atMost: .seconds(30)) { _ in
                let former = try Quarantine.name(path, formerName)
                if let live, try write(copy, over: database, keeping: former, live) {
                    return Restored(
                        exchanges: contents.exchanges, bytes: contents.bytes, former: former, wasUnusable: false,
                        leftovers: abandoned)
                }
                let isAny = try Quarantine.move(["", "-wal", "-shm", "-journal"], of: path, to: former)
                do { try copy.keep(as: path, like: live ?? FileIdentity(folder(of: path))?.asFile) } catch {
                    _ = try? Quarantine.move(["", "-wal", "-shm", "-journal"], of: former, to: path)
                    throw error
                }
                return Restored(
                    exchanges: contents.exchanges, bytes: contents.bytes, former: isAny ? former : nil,
                    wasUnusable: true, leftovers: abandoned)
            }
        }
    }

    /// The unfinished files that restores of this database left behind when they were killed. Those of one that is under
    /// way are locked, and not among them.
    public static func leftovers(of path: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(of: path))) ?? []
        let prefix = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        return names.map { prefix + $0 }.sorted().filter {
            $0.hasPrefix("\(path)-\(formerName)-") && $0.hasSuffix(draft(of: "")) && DatabaseCopy.isAbandoned($0)
        }
    }

    /// A private copy of the backup, checked, with this program's schema, and without what processes that ended held.
    private static func upToDate(_ copy: DatabaseCopy, from file: String) throws -> DatabaseCopy.Contents {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let source = try DatabaseQueue(path: file, configuration: configuration)
            try source.read { try copy.fill(from: $0) }
            _ = try copy.check()
            try Schema.bringUpToDate(copy.queue)
            try copy.queue.write { try $0.execute(sql: "DELETE FROM leases; DELETE FROM reservations") }
            return try copy.check()
        } catch let failure as StorageFailure {
            throw BackupError("\(file) cannot be restored: \(failure.cause)")
        } catch let error as ChatError {
            throw BackupError("\(file) cannot be restored: \(error.cause ?? error.message)")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw BackupError("\(file) cannot be restored: it is no database")
        } catch let error as DatabaseError {
            let cause = StorageFailure("read", file, error)?.cause ?? storageError(error).cause ?? "\(error)"
            throw BackupError("\(file) cannot be restored: \(cause)")
        }
    }

    /// In one transaction, so that nobody has to open anything anew.
    ///
    /// - Returns: false when the live database cannot be used.
    private static func write(
        _ copy: DatabaseCopy, over file: DatabaseFile, keeping former: String, _ live: FileIdentity
    ) throws -> Bool {
        file.distrust()
        var connection = Connection(file, readonly: false, migrates: false)
        do { try connection.use { _ in } } catch {
            switch StorageFault(of: error, at: file.path) {
            case .damaged, .removed: return false
            default: throw error
            }
        }
        let keepsake = try DatabaseCopy(at: draft(of: former))
        try connection.use { try keepsake.fill(from: $0) }
        try keepsake.keep(as: former, like: live)
        var isWritten = false
        do {
            try connection.use(durably: true) { live in
                try copy.queue.read { try $0.backup(to: live) }
                isWritten = true
            }
        } catch {
            if !isWritten { unlink(former) }
            throw error
        }
        // The WAL is as large as the database now. Somebody who reads may keep it so; it is used again.
        try? connection.use { _ = try Row.fetchOne($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        return true
    }
}

extension FileIdentity {
    /// A folder's owner, and a file's mode.
    fileprivate var asFile: FileIdentity {
        var file = self
        file.mode = 0o640
        return file
    }
}
