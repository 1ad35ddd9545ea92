internal import CCurl
internal import Glibc

/// An eventfd: any thread makes it readable, and the driver's `epoll_wait` returns.
final class WakeUp: Sendable {
    let descriptor: Int32

    /// - Throws: ``CurlError`` of kind `.unreachable` when no descriptor is free.
    init() throws(CurlError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw CurlError(.unreachable, "eventfd: \(String(cString: strerror(errno)))") }
    }

    deinit {
        close(descriptor)
    }

    func raise() {
        eventfd_write(descriptor, 1)
    }

    func clear() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }
}
