import Chat
import Glibc

/// A lock between processes that is fair enough: without it SQLite's busy handler lets one of several writing
/// processes starve for seconds. The kernel frees it when its holder dies.
struct FileLock {
    private let path: String

    init(path: String) { self.path = path }

    func locked<T>(_ work: () throws -> T) throws -> T {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Self.failure("lock", path) }
        }
        return try work()
    }

    private static func failure(_ verb: String, _ path: String) -> ChatError {
        .storage("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
