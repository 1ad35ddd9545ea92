internal import CFastCGI
internal import CLinux
import EventLoop
import Glibc

/// Reads one request of a connection without ever waiting, and has libfcgi parse it once it is whole.
///
/// Up to `peekLimit` bytes stay in the socket until then. A longer request, which the socket might not hold, is taken out
/// as it comes and handed to libfcgi in a file in memory.
@LoopActor final class RequestReader {
    enum Progress {
        /// More is to come.
        case waiting
        case request(Parsed)
        /// The peer closed, with nothing of a request sent.
        case closed
        case failed(ConnectionError)
    }

    struct Parsed {
        let request: Request
        let id: UInt16
        /// The peer wants to use the connection again.
        let isKept: Bool
        /// There is nothing of this request left on the connection.
        let isReadToEnd: Bool
    }

    private static let peekLimit = 64 << 10
    /// What parameters and record headers may add to a body.
    private static let overhead = 256 << 10

    private static let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: peekLimit, alignment: 16)
    /// Used for one parse at a time.
    private static let raw = UnsafeMutablePointer<FCGX_Request>.allocate(capacity: 1)

    private let descriptor: Int32
    private let bodyLimit: Int
    private var scan = RecordScan()
    /// What was taken out of the socket.
    private var taken: [UInt8] = []
    private var pending = 0
    /// Whether the length of a body that is still to come was looked at.
    private var hasSeenLength = false
    /// libfcgi closes a descriptor on which it finds no request.
    private(set) var hasClosedDescriptor = false

    init(descriptor: Int32, bodyLimit: Int) {
        self.descriptor = descriptor
        self.bodyLimit = bodyLimit
    }

    /// Whether anything of a request has come.
    var hasBegun: Bool { pending > 0 || !taken.isEmpty }

    /// Looks at what has come.
    ///
    /// - Parameter isEnded: the peer sends no more. What was looked at and left in the socket hides its end.
    func read(isEnded: Bool) -> Progress {
        while true {
            let peeks = taken.isEmpty
            let count = recv(descriptor, Self.piece.baseAddress, Self.piece.count, peeks ? Int32(MSG_PEEK) : 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return .waiting }
            guard count > 0 else { return hasBegun ? cut() : .closed }
            let bytes = UnsafeRawBufferPointer(rebasing: Self.piece[..<count])
            if peeks {
                pending = count
                scan = RecordScan()
                switch scan.scan(bytes) {
                case .whole: return parse(from: descriptor)
                case .refused(let error): return .failed(error)
                case .incomplete: if let refused = refusal(of: bytes) { return refused }
                }
                if count < Self.piece.count { return isEnded ? cut() : .waiting }
                taken.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<discard(count)]))
            } else {
                taken.append(contentsOf: bytes)
                switch taken.withUnsafeBytes({ scan.scan($0) }) {
                case .whole: return parseTaken()
                case .refused(let error): return .failed(error)
                case .incomplete where taken.count > bodyLimit + Self.overhead:
                    return scan.hasParameters ? parseTaken() : .failed(.malformed)
                case .incomplete: if let refused = taken.withUnsafeBytes(refusal) { return refused }
                }
            }
        }
    }

    /// The peer sends no more, or not in time.
    ///
    /// - Returns: the request with a truncated body if only that is missing.
    func end(_ fault: ConnectionError) -> Progress {
        guard scan.hasParameters else { return .failed(fault) }
        return taken.isEmpty ? parse(from: descriptor) : parseTaken()
    }

    /// A body that is too long, or has no valid length, is not waited for: as soon as the parameters are there, once, they
    /// are parsed by themselves.
    private func refusal(of bytes: UnsafeRawBufferPointer) -> Progress? {
        guard scan.hasParameters, !hasSeenLength else { return nil }
        hasSeenLength = true
        guard case .request(let parsed) = parse(bytes) else { return nil }
        switch parsed.request.body {
        case .tooLarge, .invalidLength: return .request(parsed)
        case .complete, .truncated: return nil
        }
    }

    private func cut() -> Progress { end(scan.fault(afterBytes: max(pending, taken.count))) }

    /// Takes bytes that were looked at out of the socket.
    private func discard(_ count: Int) -> Int { max(recv(descriptor, Self.piece.baseAddress, count, 0), 0) }

    private func parseTaken() -> Progress {
        defer { taken = [] }
        return taken.withUnsafeBytes(parse)
    }

    /// Has libfcgi parse bytes that are no longer in the socket, or are to stay there.
    private func parse(_ bytes: UnsafeRawBufferPointer) -> Progress {
        let file = clinux_memory_file()
        guard file >= 0 else { return .failed(.descriptorsExhausted) }
        guard write(file, bytes.baseAddress, bytes.count) == bytes.count, lseek(file, 0, SEEK_SET) == 0 else {
            close(file)
            return .failed(.descriptorsExhausted)
        }
        let progress = parse(from: file)
        if hasClosedDescriptor { hasClosedDescriptor = false } else { close(file) }
        return progress
    }

    private func parse(from source: Int32) -> Progress {
        let raw = Self.raw
        guard cfastcgi_read(raw, source) == 0 else {
            hasClosedDescriptor = true
            return .failed(.malformed)
        }
        defer { cfastcgi_free(raw) }
        guard FCGX_GetError(raw.pointee.in) == 0 else { return .failed(.cutParameters) }
        let parameters = Parameters(environment: raw.pointee.envp)
        let (body, isReadToEnd) = readBody(announced: parameters.value("CONTENT_LENGTH"))
        return .request(
            Parsed(
                request: Request(parameters, body: body), id: UInt16(truncatingIfNeeded: raw.pointee.requestId),
                isKept: cfastcgi_keeps(raw) != 0, isReadToEnd: isReadToEnd))
    }

    private func readBody(announced: String?) -> (Request.Body, isReadToEnd: Bool) {
        let expected: Int
        switch Request.Body.announced(announced, limit: bodyLimit) {
        case .refused(let body): return (body, false)
        case .bytes(let count): expected = count
        }
        let bytes =
            expected == 0
            ? []
            : [UInt8](unsafeUninitializedCapacity: expected) { buffer, count in
                count = buffer.withMemoryRebound(to: CChar.self) {
                    Int(FCGX_GetStr($0.baseAddress!, Int32(expected), Self.raw.pointee.in))
                }
            }
        guard bytes.count == expected else { return (.truncated(expected: expected, received: bytes.count), false) }
        return (.complete(bytes), readToEnd())
    }

    /// Whatever follows the announced length, and the end of the input.
    private func readToEnd() -> Bool {
        let input = Self.raw.pointee.in
        return Self.piece.withMemoryRebound(to: CChar.self) { buffer in
            while FCGX_HasSeenEOF(input) == 0, FCGX_GetStr(buffer.baseAddress!, Int32(buffer.count), input) > 0 {}
            // An error, such as a stall, counts as an end too.
            return FCGX_HasSeenEOF(input) != 0 && FCGX_GetError(input) == 0
        }
    }
}
