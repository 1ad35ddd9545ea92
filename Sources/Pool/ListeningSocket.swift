import Glibc

/// A unix socket that listens at a path of the file system: our own, or one that a service manager has made.
///
/// Our own takes the place of a stale socket, one that nobody answers on or whose supervisor was killed, and of nothing
/// else. A service manager's is never removed: connections wait in it while nobody serves.
struct ListeningSocket {
    /// Bytes: `sun_path` without its terminating zero.
    static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    let path: String
    let descriptor: Int32
    /// Whether it is this process's to remove, and to make anew.
    let isOurs: Bool
    /// Of ours, unless it was gone before anybody could look.
    let identity: Identity?

    /// Whether its path leads to it.
    var isAtItsPath: Bool { identity != nil && Self.identity(path) == identity }

    /// Tells our socket from one that took its place.
    struct Identity: Equatable, Codable {
        let device: dev_t
        let inode: ino_t
    }

    /// Binds and listens. The descriptor is closed in programs that are started.
    ///
    /// - Parameters:
    ///   - owner: who owns it; nil for this process's own user.
    ///   - group: nil for this process's own.
    ///   - former: a supervisor of this path that is known to be gone. Its workers may still have its socket.
    init(
        path: String, mode: mode_t, owner: uid_t? = nil, group: gid_t? = nil, backlog: Int32, former: pid_t = 0
    ) throws(PoolError) {
        guard path.utf8.count <= Self.longestPath else {
            throw .socketPathTooLong(path: path, limit: Self.longestPath)
        }
        self.path = path
        try Self.removeStale(path, former)

        let descriptor = try Self.socket(path)
        self.descriptor = descriptor
        // Never, not for a moment, more open than it will be: nobody but its maker may connect before it has its owner.
        let before = umask(0o777 & ~(mode & 0o700))
        let isBound = Self.withAddress(path) { bind(descriptor, $0, $1) } == 0
        let code = errno
        umask(before)
        do throws(PoolError) {
            guard isBound else {
                if code == EADDRINUSE { throw .alreadyListening(path: path) }
                throw .system(call: "bind", subject: path, errno: code)
            }
            try Self.give(path, mode, owner, group)
            guard listen(descriptor, backlog) == 0 else {
                throw .system(call: "listen", subject: path, errno: errno)
            }
            guard let identity = Self.identity(path) else {
                throw .system(call: "stat", subject: path, errno: errno)
            }
            self.identity = identity
            isOurs = true
        } catch {
            Glibc.close(descriptor)
            if isBound { unlink(path) }
            throw error
        }
    }

    /// Gives the socket to whom the settings say now; not one that is not ours.
    func give(_ mode: mode_t, _ owner: uid_t?, _ group: gid_t?) throws(PoolError) {
        if isAtItsPath { try Self.give(path, mode, owner, group) }
    }

    private static func give(_ path: String, _ mode: mode_t, _ owner: uid_t?, _ group: gid_t?) throws(PoolError) {
        guard lchown(path, owner ?? uid_t.max, group ?? gid_t.max) == 0 else {
            if errno == EPERM { throw .mayNotGive(path: path) }
            throw .system(call: "chown", subject: path, errno: errno)
        }
        guard chmod(path, mode) == 0 else { throw .system(call: "chmod", subject: path, errno: errno) }
    }

    /// The socket that this process got from a service manager, or had before it was executed anew.
    ///
    /// - Parameters:
    ///   - path: where it must be bound.
    ///   - isOurs: whether it is this process's to remove.
    ///   - identity: of ours; nil for that of what is at the path now.
    init(inherited: Int32, path: String, isOurs: Bool, identity: Identity? = nil) throws(PoolError) {
        var isListening: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(inherited, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening != 0 else {
            throw .inheritedSocketDoesNotListen
        }
        let bound = Self.boundPath(inherited)
        guard bound == path || Self.isSame(bound, path) else {
            throw .otherSocket(wanted: path, inherited: bound)
        }
        self.path = path
        descriptor = try raised(inherited, path)
        self.isOurs = isOurs
        self.identity = isOurs ? identity ?? Self.identity(path) : nil
        Glibc.close(inherited)
    }

    /// What systemd hands over as descriptor 3 (sd_listen_fds(3)).
    ///
    /// - Returns: nil when there is nothing for this process.
    static func fromServiceManager(path: String, environment: (String) -> String?) throws(PoolError) -> Self? {
        guard environment("LISTEN_PID") == "\(getpid())", let count = environment("LISTEN_FDS").flatMap(Int.init),
            count > 0
        else { return nil }
        guard count == 1 else { throw .tooManySockets(count) }
        return try Self(inherited: 3, path: path, isOurs: false)
    }

    /// Closes this process's descriptor and removes the path, if it is ours and still leads to this socket.
    func remove() {
        if isAtItsPath { unlink(path) }
        Glibc.close(descriptor)
    }

    private static func removeStale(_ path: String, _ former: pid_t) throws(PoolError) {
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
        if withAddress(path, { connect(probe, $0, $1) }) == 0 {
            guard former > 0, listener(behind: probe) == former else { throw .alreadyListening(path: path) }
            unlink(path)
            return
        }
        switch errno {
        case EAGAIN: throw .alreadyListening(path: path)
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

    /// The process that called listen(2) on what this socket is connected to (SO_PEERCRED, unix(7)); 0 when the kernel does
    /// not say.
    private static func listener(behind connected: Int32) -> pid_t {
        // struct ucred, which glibc shows under _GNU_SOURCE only: a process, a user and a group.
        var peer: (pid_t, uid_t, gid_t) = (0, 0, 0)
        var size = socklen_t(MemoryLayout.size(ofValue: peer))
        return getsockopt(connected, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.0 : 0
    }

    private static func boundPath(_ descriptor: Int32) -> String {
        var address = sockaddr_un()
        var size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        guard result == 0, address.sun_family == sa_family_t(AF_UNIX) else { return "an address of another kind" }
        return withUnsafeBytes(of: &address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Whether both names lead to one socket, by links perhaps.
    private static func isSame(_ one: String, _ other: String) -> Bool {
        guard let identity = identity(one) else { return false }
        return identity == self.identity(other)
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
