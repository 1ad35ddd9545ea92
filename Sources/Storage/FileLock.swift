import Chat
import Glibc
import SharedMemory

/// A lock between processes that is fair enough: without it SQLite's busy handler lets one of several writing
/// processes starve for seconds. The kernel frees it when its holder dies.
///
/// That its file is there says that there was a database here before. The file stays open; whether it still has its name
/// is looked at once a second. Belongs to one thread.
final class FileLock {
    private let path: String
    private let database: String
    private var opened: (descriptor: Int32, file: FileIdentity)?
    private var lastLook = ContinuousClock.now

    init(_ file: DatabaseFile) { (path, database) = (file.lockPath, file.path) }

    deinit { close() }

    /// - Parameters:
    ///   - limit: how long to wait for it; nil for as long as it takes, in the kernel's queue.
    ///   - work: is told whether this made the file of the lock.
    func locked<T>(atMost limit: Duration? = nil, _ work: (_ isNew: Bool) throws -> T) throws -> T {
        let (descriptor, isNew) = try take(limit)
        defer { if opened != nil { flock(descriptor, LOCK_UN) } }
        do { return try work(isNew) } catch {
            // Nothing came of the new database, and there never was one.
            if isNew, access(database, F_OK) != 0 {
                unlink(path)
                close()
            }
            throw error
        }
    }

    /// For reading: nobody moves files where the lock has no file or cannot be had. Waits for half a second.
    static func lockedIfPossible<T>(_ path: String, _ work: () throws -> T) throws -> T {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return try work() }
        defer { Glibc.close(descriptor) }
        try lock(descriptor, path, .milliseconds(500))
        return try work()
    }

    private func take(_ limit: Duration?) throws -> (Int32, isNew: Bool) {
        if let opened {
            try Self.lock(opened.descriptor, path, limit)
            if ContinuousClock.now - lastLook < .seconds(1) { return (opened.descriptor, false) }
            lastLook = .now
            if try FileIdentity(path) == opened.file { return (opened.descriptor, false) }
            close()
        }
        let (descriptor, isNew) = try open(limit)
        guard let file = FileIdentity(descriptor: descriptor) else { throw StorageFailure("look at", path) }
        (opened, lastLook) = ((descriptor, file), .now)
        return (descriptor, isNew)
    }

    private func close() {
        if let opened { Glibc.close(opened.descriptor) }
        opened = nil
    }

    /// - Returns: the locked file. A new one gets its name when it is locked already, so that no other process is first.
    private func open(_ limit: Duration?) throws -> (Int32, isNew: Bool) {
        while true {
            let existing = Glibc.open(path, O_RDWR | O_CLOEXEC)
            if existing >= 0 {
                do { try Self.lock(existing, path, limit) } catch {
                    Glibc.close(existing)
                    throw error
                }
                return (existing, false)
            }
            guard errno == ENOENT else { throw StorageFailure("open", path) }
            let draft = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max))"
            let descriptor = Glibc.open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw StorageFailure("make", path) }
            defer { unlink(draft) }
            do {
                try Owner.adopt(descriptor, of: folder(of: path))
                try Self.lock(descriptor, draft, limit)
                if link(draft, path) == 0 { return (descriptor, true) }
                guard errno == EEXIST else { throw StorageFailure("make", path) }
            } catch {
                Glibc.close(descriptor)
                throw error
            }
            Glibc.close(descriptor)
        }
    }

    private static func lock(_ descriptor: Int32, _ path: String, _ limit: Duration?) throws {
        let end = limit.map { ContinuousClock.now + $0 }
        while flock(descriptor, end == nil ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK, let end {
                guard ContinuousClock.now < end else {
                    throw StorageFailure(.locked, "another process holds the lock \(path)")
                }
                usleep(1_000)
            } else if errno != EINTR {
                throw StorageFailure("lock", path)
            }
        }
    }
}

/// What root makes for a service that runs as another user must be that user's.
enum Owner {
    /// Gives a new file to whom the folder or file at `path` belongs. Does nothing unless this process is root.
    static func adopt(_ descriptor: Int32, of path: String) throws {
        guard giveAway(descriptor, toOwnerOf: path) else { throw StorageFailure("give away", path) }
    }
}
