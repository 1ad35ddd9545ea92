import Glibc

/// A web server's side of FastCGI 1.0, byte by byte, over a unix socket. It needs nothing but the C library.
///
/// Its calls block, so a test makes them through `blocking`, never on Swift's own threads: those are the responder's.
struct FastCGIClient: Sendable {
    /// Record types (FastCGI 1.0, section 8).
    enum Kind: UInt8, Sendable {
        case begin = 1
        case abort, end, params, stdin, stdout, stderr, data, getValues, getValuesResult, unknown
    }

    struct Failure: Error { let what: String, code = errno }

    /// What came back until the peer ended the request or closed.
    struct Reply: Sendable {
        var stdout: [UInt8] = []
        /// From END_REQUEST: nil when the connection was closed without one.
        var applicationStatus: UInt32?
        /// END_REQUEST records.
        var endings = 0
        /// Whether the peer closed the connection afterwards.
        var isClosed = false

        private var split: Int {
            let end = Array("\r\n\r\n".utf8)
            return stdout.indices.first { stdout[$0...].starts(with: end) } ?? stdout.count
        }
        var head: [String] {
            String(decoding: stdout.prefix(split), as: UTF8.self).split(separator: "\r\n").map(String.init)
        }
        var body: [UInt8] { Array(stdout.dropFirst(split + 4)) }
        var text: String { String(decoding: body, as: UTF8.self) }
        var status: Int? { header("Status").flatMap { Int($0.prefix(3)) } }
        func header(_ name: String) -> String? {
            head.first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map {
                String($0.dropFirst(name.count + 2))
            }
        }
    }

    let descriptor: Int32

    /// Connects to the socket at `path`.
    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un(path: path)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0 { throw Failure(what: "connect") }
        // A test that would wait for ever fails instead.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    func disconnect() { close(descriptor) }

    // MARK: Records

    static func record(_ kind: Kind, _ content: [UInt8], padding: Int = 0, id: UInt16 = 1) -> [UInt8] {
        let length = content.count
        let header: [UInt8] = [
            1, kind.rawValue, UInt8(id >> 8), UInt8(id & 255), UInt8(length >> 8), UInt8(length & 255), UInt8(padding),
            0,
        ]
        return header + content + [UInt8](repeating: 0, count: padding)
    }

    static func begin(role: UInt8 = 1, keepsConnection: Bool = false) -> [UInt8] {
        record(.begin, [0, role, keepsConnection ? 1 : 0, 0, 0, 0, 0, 0])
    }

    static func pairs(_ parameters: [(String, String)]) -> [UInt8] {
        parameters.flatMap { name, value in
            length(name.utf8.count) + length(value.utf8.count) + Array(name.utf8) + Array(value.utf8)
        }
    }

    private static func length(_ count: Int) -> [UInt8] {
        count < 128
            ? [UInt8(count)]
            : [0x80 | UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
    }

    /// BEGIN_REQUEST and all of PARAMS with its end.
    static func opening(_ parameters: [(String, String)], keepsConnection: Bool = false) -> [UInt8] {
        begin(keepsConnection: keepsConnection) + record(.params, pairs(parameters)) + record(.params, [])
    }

    /// STDIN in records of at most `size` bytes, and its end.
    static func input(_ body: [UInt8], size: Int = 65_535, padding: Int = 0) -> [UInt8] {
        var records: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            records += record(.stdin, Array(rest.prefix(size)), padding: padding)
            rest = rest.dropFirst(size)
        }
        return records + record(.stdin, [])
    }

    static func get(_ target: String, _ more: [(String, String)] = []) -> [(String, String)] {
        let query = target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) } ?? ""
        return [
            ("REQUEST_METHOD", "GET"), ("REQUEST_URI", target), ("QUERY_STRING", query), ("REMOTE_ADDR", "192.0.2.1"),
        ] + more
    }

    static func post(_ target: String, length: String, _ more: [(String, String)] = []) -> [(String, String)] {
        [("REQUEST_METHOD", "POST"), ("REQUEST_URI", target), ("CONTENT_LENGTH", length)] + more
    }

    // MARK: Exchange

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(what: "send") }
            rest = rest.dropFirst(count)
        }
    }

    /// Exactly `count` bytes, or nil at the end of the stream.
    private func receive(_ count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var piece = [UInt8](repeating: 0, count: count - bytes.count)
            let received = recv(descriptor, &piece, piece.count, 0)
            if received == 0 || (received < 0 && errno == ECONNRESET) { return nil }
            guard received > 0 else { throw Failure(what: "receive") }
            bytes += piece.prefix(received)
        }
        return bytes
    }

    /// One record's kind and content, or nil when the peer has closed.
    func readRecord() throws -> (Kind, [UInt8])? {
        guard let header = try receive(8) else { return nil }
        guard let kind = Kind(rawValue: header[1]) else { throw Failure(what: "record type \(header[1])") }
        let content = try receive(Int(header[4]) << 8 | Int(header[5]))
        _ = try receive(Int(header[6]))
        return content.map { (kind, $0) }
    }

    /// Reads to the end of the connection, or of the request if that comes first and `keepsConnection`.
    func readReply(keepsConnection: Bool = false) throws -> Reply {
        var reply = Reply()
        while let (kind, content) = try readRecord() {
            switch kind {
            case .stdout: reply.stdout += content
            case .end:
                reply.applicationStatus = content.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
                reply.endings += 1
                if keepsConnection { return reply }
            default: break
            }
        }
        reply.isClosed = true
        return reply
    }

    /// A whole request and its reply on a connection of their own.
    static func exchange(
        _ path: String, _ parameters: [(String, String)], body: [UInt8] = [], recordSize: Int = 65_535
    ) throws -> Reply {
        let client = try FastCGIClient(path)
        defer { client.disconnect() }
        try client.send(opening(parameters) + input(body, size: recordSize))
        return try client.readReply()
    }
}

private final class ThreadBody {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

/// Runs blocking code on a thread of its own.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        var thread = pthread_t()
        let box = ThreadBody { continuation.resume(with: Result { try body() }) }
        let result = pthread_create(
            &thread, nil,
            { pointer in
                Unmanaged<ThreadBody>.fromOpaque(pointer!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(box).toOpaque())
        precondition(result == 0, "no thread")
        pthread_detach(thread)
    }
}

extension sockaddr_un {
    /// - Precondition: `path` fits.
    init(path: String) {
        self.init()
        sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &sun_path) { $0.copyBytes(from: path.utf8) }
    }
}
