import Chat
import Glibc

/// Tells this process from all others that use the database now: the number of a byte of the liveness locks' file that it has
/// locked, beyond those that stand for ``LivenessLock``s. The kernel frees it when the process ends.
enum WorkerNumber {
    /// ``LivenessLock``'s numbers are below.
    private static let base: Int64 = 1 << 62
    /// F_OFD_SETLK of linux/fcntl.h, which glibc shows under `_GNU_SOURCE` only. Such a lock belongs to its descriptor, which
    /// is never closed.
    private static let setLock: Int32 = 37

    /// - Returns: nil when the file cannot be used, or all are taken.
    static func claim(in path: String) -> Int? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        let first = Int.random(in: 0..<ExchangeIDGenerator.workers)
        for offset in 0..<ExchangeIDGenerator.workers {
            let number = (first + offset) % ExchangeIDGenerator.workers
            var range = flock()
            range.l_type = Int16(F_WRLCK)
            range.l_whence = Int16(SEEK_SET)
            range.l_start = off_t(base + Int64(number))
            range.l_len = 1
            if fcntl(descriptor, setLock, &range) == 0 { return number }
        }
        close(descriptor)
        return nil
    }
}
