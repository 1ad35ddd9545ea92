import Chat
import GRDB
import Glibc

/// What is wrong with the database, in words for an operator that tell no path and no SQL.
public enum StorageFault: String, Sendable, CaseIterable {
    case diskFull = "disk full"
    case readOnly = "read-only file system"
    case removed = "file removed"
    case damaged
    case locked
    case notPermitted = "not permitted"
    case other
}

/// A fault with its whole cause, which is for the log only.
struct StorageFailure: Error {
    let fault: StorageFault
    let cause: String

    init(_ fault: StorageFault, _ cause: String) {
        self.fault = fault
        self.cause = cause
    }

    /// What the kernel refused.
    init(_ verb: String, _ path: String, code: Int32 = errno) {
        self.init(StorageFault(code: code), "cannot \(verb) \(path): \(String(cString: strerror(code)))")
    }

    /// What the file system refuses SQLite, which does not say of which file, and seldom why.
    ///
    /// - Returns: nil when it is not the file system.
    init?(_ verb: String, _ path: String, _ error: DatabaseError) {
        let fault = StorageFault(of: error, at: path)
        switch fault {
        case .diskFull: self.init(.diskFull, "cannot \(verb) \(path): its disk is full")
        case .readOnly: self.init(.readOnly, "cannot \(verb) \(path): its file system is read-only")
        case .notPermitted:
            let forbidden = Forbidden(at: path)?.path ?? path
            self.init(.notPermitted, "cannot \(verb) \(path): this user has no permission for \(forbidden)")
        default: return nil
        }
    }

    static func gone(_ path: String) -> StorageFailure {
        StorageFailure(
            .removed,
            "the database file \(path) is gone: put it back, run `parley restore` with a backup, or run `parley migrate` "
                + "to begin a new one")
    }

    static func damaged(_ path: String, _ why: String) -> StorageFailure {
        StorageFailure(
            .damaged, "the database \(path) is damaged: \(why); put it back, or run `parley restore` with a backup")
    }
}

extension StorageFault {
    init(code: Int32) {
        switch code {
        case ENOSPC, EDQUOT: self = .diskFull
        case EROFS: self = .readOnly
        case EACCES, EPERM: self = .notPermitted
        case ENOENT, ENOTDIR: self = .removed
        case EWOULDBLOCK: self = .locked
        default: self = .other
        }
    }

    /// - Returns: nil for an error that is not the store's own fault, such as a message beyond the limit.
    init?(of error: any Error, at path: String) {
        switch error {
        case let failure as StorageFailure: self = failure.fault
        case let error as DatabaseError:
            switch error.resultCode {
            case .SQLITE_FULL: self = .diskFull
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged
            case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked
            case .SQLITE_READONLY, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
                self = Self.found(at: path)
            default: self = .other
            }
        case let error as ChatError where error.code != .unavailable: return nil
        default: self = .other
        }
    }

    /// SQLite says only that it could not; the file system says why.
    private static func found(at path: String) -> StorageFault {
        var status = stat()
        guard stat(path, &status) == 0 else { return StorageFault(code: errno) }
        let folder = folder(of: path)
        if let space = FreeSpace(folder) {
            if space.isReadOnly { return .readOnly }
            if space.isShort { return .diskFull }
        }
        return Forbidden(at: path).map { StorageFault(code: $0.code) } ?? .other
    }
}

/// What of a database its user may not use: itself, its folder, or the log's files, which somebody else may have made.
private struct Forbidden {
    let path: String
    let code: Int32

    init?(at database: String) {
        let files = [database, database + "-wal", database + "-shm"].map { ($0, R_OK | W_OK) }
        for (path, mode) in files + [(folder(of: database), W_OK | X_OK)]
        where faccessat(AT_FDCWD, path, mode, AT_EACCESS) != 0 && errno != ENOENT {
            (self.path, code) = (path, errno)
            return
        }
        return nil
    }
}

/// What the file system of a folder has left.
struct FreeSpace {
    /// Bytes. With less a small write may still pass where a message no longer does.
    private static let least = 256 << 10

    let isReadOnly: Bool
    let isShort: Bool

    init?(_ folder: String) {
        var space = statvfs()
        guard statvfs(folder, &space) == 0 else { return nil }
        isReadOnly = space.f_flag & UInt(ST_RDONLY) != 0
        let blocks = geteuid() == 0 ? space.f_bfree : space.f_bavail
        isShort = Int(blocks) * Int(space.f_frsize) < Self.least
    }
}

func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The application's error for whatever went wrong in the database; SQL and paths stay in the cause.
func storageError(_ error: any Error) -> ChatError {
    switch error {
    case let error as ChatError: error
    case let failure as StorageFailure: .storage(failure.cause)
    case let error as DatabaseError:
        .storage("SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")")
    default: .storage("\(error)")
    }
}
