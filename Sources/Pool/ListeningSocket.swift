import Glibc

/// A unix socket that listens at a path of the file system.
///
/// It takes the place of a stale socket, one that nobody answers on, and of nothing else.
struct ListeningSocket {
    /// Bytes: `sun_path` without its terminating zero.
    static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    let path: String
    let descriptor: Int32
    private let identity: Identity

    /// Tells our socket from one that took its place.
    private struct Identity: Equatable {
        let device: dev_t
        let inode: ino_t
    }

    /// Binds and listens. The descriptor is closed in programs that are started.
    init(path: String, mode: mode_t, backlog: Int32) throws(PoolError) {
        guard path.utf8.count <= Self.longestPath else {
            throw .socketPathTooLong(path: path, limit: Self.longestPath)
        }
        self.path = path
        try Self.removeStale(path)

        let descriptor = try Self.socket(path)
        self.descriptor = descriptor
        // Never, not for a moment, more open than `mode`.
        let before = umask(0o777 & ~mode)
        let isBound = Self.withAddress(path) { bind(descriptor, $0, $1) } == 0
        let code = errno
        umask(before)
        do throws(PoolError) {
            guard isBound else {
                if code == EADDRINUSE { throw .alreadyListening(path: path) }
                throw .system(call: "bind", subject: path, errno: code)
            }
            guard chmod(path, mode) == 0 else { throw .system(call: "chmod", subject: path, errno: errno) }
            guard listen(descriptor, backlog) == 0 else {
                throw .system(call: "listen", subject: path, errno: errno)
            }
            guard let identity = Self.identity(path) else {
                throw .system(call: "stat", subject: path, errno: errno)
            }
            self.identity = identity
        } catch {
            Glibc.close(descriptor)
            if isBound { unlink(path) }
            throw error
        }
    }

    /// Closes this process's descriptor and removes the path, if it still leads to this socket.
    func remove() {
        if Self.identity(path) == identity { unlink(path) }
        Glibc.close(descriptor)
    }

    private static func removeStale(_ path: String) throws(PoolError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw .system(call: "stat", subject: path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let probe = try socket(path)
        defer { Glibc.close(probe) }
        // Non-blocking, so that a full queue of somebody who listens is EAGAIN.
        _ = fcntl(probe, F_SETFL, O_NONBLOCK)
        if withAddress(path, { connect(probe, $0, $1) }) == 0 || errno == EAGAIN {
            throw .alreadyListening(path: path)
        }
        switch errno {
        case ECONNREFUSED: unlink(path)
        case ENOENT: break
        case let code: throw .system(call: "connect", subject: path, errno: code)
        }
    }

    private static func socket(_ path: String) throws(PoolError) -> Int32 {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(call: "socket", subject: path, errno: errno) }
        defer { Glibc.close(descriptor) }
        return try raised(descriptor, path)
    }

    private static func identity(_ path: String) -> Identity? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return Identity(device: status.st_dev, inode: status.st_ino)
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// A duplicate of `descriptor` that a started program does not inherit, with a number above those that a worker gets:
/// placing one of them as descriptor 0 or 3 can then not overwrite the other.
func raised(_ descriptor: Int32, _ subject: String) throws(PoolError) -> Int32 {
    let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 10)
    guard duplicate >= 0 else { throw .system(call: "fcntl", subject: subject, errno: errno) }
    return duplicate
}
