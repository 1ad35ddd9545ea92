import Glibc
import Synchronization

/// The locks of SQLite on a database's file: who has a log open holds a shared one as long.
enum SharedLocks {
    /// sqliteInt.h and os.h of SQLite: SHARED_FIRST and SHARED_SIZE.
    private static let (first, count): (Int, Int) = (0x4000_0002, 510)

    /// Closing one of these would end this process's own locks on the file.
    private static let kept = Mutex<[String: (file: FileIdentity, descriptor: Int32)]>([:])

    /// Whether a connection of this process or another has the database open with a log.
    static func areHeld(on path: String) throws -> Bool {
        try kept.withLock { kept in
            guard let file = try FileIdentity(path) else { return false }
            let old = kept[path].flatMap { $0.file == file ? $0.descriptor : nil }
            let descriptor = old ?? open(path, O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { throw StorageFailure("open", path) }
            kept[path] = (file, descriptor)
            var range = flock()
            range.l_type = Int16(F_WRLCK)
            range.l_whence = Int16(SEEK_SET)
            range.l_start = off_t(first)
            range.l_len = off_t(count)
            // F_OFD_GETLK sees this process's own locks as well; glibc shows it under `_GNU_SOURCE` only.
            guard fcntl(descriptor, 36, &range) == 0 else { throw StorageFailure("look at the locks of", path) }
            guard range.l_type == Int16(F_UNLCK) else { return true }
            close(descriptor)
            kept[path] = nil
            return false
        }
    }
}
