import Chat
import Glibc
import Synchronization

/// Tells whether the process that holds a lease is alive: each holds a lock on one byte of a shared file, at the offset
/// that is its number. The kernel frees it at the instant that the process dies, so nobody has to send heartbeats or
/// wait for one that does not come.
///
/// The locks belong to open file descriptions (fcntl_locking(2), F_OFD_SETLK). The file stays empty, and open from the
/// first use on.
final class LivenessLock: Sendable {
    /// linux/fcntl.h; glibc shows them under `_GNU_SOURCE` only, which Swift does not define.
    static let (getLock, setLock): (Int32, Int32) = (36, 37)

    private let path: String
    private let own = Mutex<(descriptor: Int32, number: Int64)?>(nil)

    init(path: String) { self.path = path }

    deinit {
        if let own = own.withLock({ $0 }) { close(own.descriptor) }
    }

    /// This process's own number; the first call takes its lock.
    ///
    /// - Throws: ``ChatError`` `.unavailable` when the file cannot be used.
    func number() throws -> Int64 { try taken().number }

    /// What one process of all does beside its requests: the number of a byte that is nobody's.
    enum Duty: Int64 {
        case purging = 0
        /// Beyond the workers' numbers (``WorkerNumber``).
        case sending = 0x4000_0000_0001_0000
    }

    /// Takes a duty's lock for as long as this process lives, or until it yields.
    ///
    /// - Returns: false when another process has it.
    func claim(_ duty: Duty) throws -> Bool {
        if Self.control(try taken().descriptor, Self.setLock, duty.rawValue) != nil { return true }
        guard errno == EAGAIN || errno == EACCES else { throw failure("lock") }
        return false
    }

    func yield(_ duty: Duty) {
        guard let own = own.withLock({ $0 }) else { return }
        _ = Self.control(own.descriptor, Self.setLock, duty.rawValue, Int16(F_UNLCK))
    }

    func isAlive(_ number: Int64) throws -> Bool {
        let own = try taken()
        guard let found = Self.control(own.descriptor, Self.getLock, number) else { throw failure("look at") }
        return found != F_UNLCK || number == own.number
    }

    private func taken() throws -> (descriptor: Int32, number: Int64) {
        try own.withLock { own in
            if let own { return own }
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw failure("open") }
            // Another process with the same number would have to have drawn it among 2^62.
            let number = Int64.random(in: 1..<1 << 62)
            guard Self.control(descriptor, Self.setLock, number) != nil else {
                let error = failure("lock")
                close(descriptor)
                throw error
            }
            own = (descriptor, number)
            return (descriptor, number)
        }
    }

    /// - Returns: the kind of lock that the kernel wrote back; nil when it refused.
    static func control(
        _ descriptor: Int32, _ command: Int32, _ number: Int64, _ kind: Int16 = Int16(F_WRLCK)
    ) -> Int32? {
        var range = flock()
        range.l_type = kind
        range.l_whence = Int16(SEEK_SET)
        range.l_start = off_t(number)
        range.l_len = 1
        return fcntl(descriptor, command, &range) == 0 ? Int32(range.l_type) : nil
    }

    private func failure(_ verb: String) -> ChatError {
        .storage("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
