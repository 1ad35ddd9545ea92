import Foundation
import Synchronization

/// A listening socket on loopback, with a thread for each connection that may block as it likes.
///
/// Ends with this value: no new connection is taken, and those that there are see an end.
final class ProviderSocket: Sendable {
    let port: UInt16
    private let descriptors = OpenDescriptors()

    /// - Parameter serve: runs on the connection's own thread; the connection is closed when it returns.
    init(_ serve: @escaping @Sendable (ProviderConnection) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw POSIXError(.EMFILE) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 4_096) == 0
                    && getsockname(listener, address, &size) == 0
            }
        }
        guard isListening else {
            close(listener)
            throw POSIXError(.EADDRINUSE)
        }
        port = UInt16(bigEndian: address.sin_port)
        descriptors.add(listener)
        Thread.detachNewThread { [descriptors] in
            while true {
                let accepted = accept(listener, nil, nil)
                if accepted < 0, errno == EINTR || errno == ECONNABORTED { continue }
                guard accepted >= 0 else { break }
                // A program that inherited it would keep it open.
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                descriptors.add(accepted)
                Thread.detachNewThread {
                    serve(ProviderConnection(accepted))
                    descriptors.close(accepted)
                }
            }
            descriptors.close(listener)
        }
    }

    deinit { descriptors.shutDown() }
}

/// What is open, so that it can be ended from outside the threads that block on it.
private final class OpenDescriptors: Sendable {
    private let state = Mutex((open: Set<Int32>(), isOver: false))

    func add(_ descriptor: Int32) {
        state.withLock { state in
            state.open.insert(descriptor)
            if state.isOver { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Under the lock, so that nobody shuts down a number that is already another socket's.
    func close(_ descriptor: Int32) {
        state.withLock { state in
            state.open.remove(descriptor)
            Glibc.close(descriptor)
        }
    }

    func shutDown() {
        state.withLock { state in
            state.isOver = true
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }
}

/// One accepted connection, used on its own thread only: HTTP/1.1 requests in, raw bytes out.
final class ProviderConnection {
    struct Request {
        let path: String
        let body: Data
        /// The request line and the headers.
        var head = ""
    }

    private let descriptor: Int32
    private var unread: [UInt8] = []

    fileprivate init(_ descriptor: Int32) {
        self.descriptor = descriptor
        // Each piece of a stream leaves at once.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Reads one request with its Content-Length; nil when the client hung up instead.
    func request() -> Request? {
        var end: Int?
        while end == nil {
            end = unread.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound
            if end == nil, !readMore() { return nil }
        }
        let head = String(decoding: unread.prefix(end!), as: UTF8.self)
        unread.removeFirst(end!)
        let lines = head.split(separator: "\r\n")
        let length = lines.lazy.map { $0.lowercased() }.first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst("content-length:".count).filter(\.isNumber)) }
        while unread.count < length ?? 0 {
            guard readMore() else { return nil }
        }
        let body = Data(unread.prefix(length ?? 0))
        unread.removeFirst(length ?? 0)
        let words = lines.first?.split(separator: " ") ?? []
        return Request(path: words.count > 1 ? String(words[1]) : "", body: body, head: head)
    }

    /// - Returns: false when the client is gone.
    func send(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent < 0, errno == EINTR { continue }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    /// Makes the close that follows a reset instead of an orderly end.
    func resetOnClose() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }

    /// Waits until the client hangs up.
    ///
    /// - Returns: when it did; nil when it did not until then.
    func hangUp(until limit: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        while true {
            let left = ContinuousClock.now.duration(to: limit)
            guard left > .zero else { return nil }
            var interest = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&interest, 1, Int32(clamping: Int64((left / .milliseconds(1)).rounded(.up))))
            let now = ContinuousClock.now
            if ready > 0, !readMore() { return now }
        }
    }

    private func readMore() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 16_384)
        var count = -1
        repeat { count = recv(descriptor, &bytes, bytes.count, 0) } while count < 0 && errno == EINTR
        guard count > 0 else { return false }
        unread += bytes.prefix(count)
        return true
    }
}
