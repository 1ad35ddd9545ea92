internal import Glibc

/// One accepted connection: closed when the script lets go of it.
public final class Connection: Sendable {
    private let descriptor: Int32

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        // A test that waits for bytes which never come ends by itself.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
    }

    public struct Request: Sendable {
        /// Such as `POST /path HTTP/1.1`.
        public let line: String
        /// Names in lower case.
        public let headers: [String: String]
        public let body: [UInt8]

        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Reads one request with its Content-Length; nil when the client hung up instead.
    public func readRequest() -> Request? {
        guard let head = readHead() else { return nil }
        let lines = head.split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        var body: [UInt8] = []
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while body.count < length {
            guard let more = read(length - body.count) else { return nil }
            body += more
        }
        return Request(line: lines.first.map { String($0) } ?? "", headers: headers, body: body)
    }

    public func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Blocks while the client's receive window is full.
    public func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { throw SocketError(call: "send") }
            rest = rest.dropFirst(sent)
        }
    }

    /// Sends a whole response with a Content-Length.
    public func answer(status: String = "200 OK", headers: [String] = [], _ body: String) throws {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    /// Starts a chunked response; `chunk(_:)` follows, and `chunk("")` ends it.
    public func begin(status: String = "200 OK", type: String = "text/event-stream") throws {
        try send("HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    public func chunk(_ text: String) throws {
        try send(String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n")
    }

    /// Makes the close that follows a reset instead of an orderly end.
    public func resetOnClose() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }

    /// Waits until the client hangs up, or for the time alone; false when it does not hang up. A client that says more
    /// counts as one that hangs up.
    public func waitForHangUp(within limit: Duration) -> Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, Int32(limit / .milliseconds(1))) > 0
    }

    /// Waits until the client hangs up; false when it does not.
    public func waitForHangUp() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count == 0 || (count < 0 && errno == ECONNRESET) { return true }
            if count < 0 { return false }
        }
    }

    /// Reads up to the empty line and not a byte beyond it.
    private func readHead() -> String? {
        var head: [UInt8] = []
        var peeked = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &peeked, peeked.count, Int32(MSG_PEEK))
            guard count > 0 else { return nil }
            var isComplete = false
            var taken = 0
            while taken < count, !isComplete {
                head.append(peeked[taken])
                taken += 1
                isComplete = head.suffix(4) == [13, 10, 13, 10]
            }
            guard read(taken) != nil else { return nil }
            if isComplete { return String(decoding: head, as: UTF8.self) }
        }
    }

    private func read(_ most: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &bytes, most, 0)
        return count > 0 ? Array(bytes.prefix(count)) : nil
    }
}
