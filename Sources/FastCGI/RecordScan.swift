/// A look at the headers of the records that a peer has sent so far (FastCGI 1.0, section 3.3): whether a request is whole,
/// so that libfcgi can parse it without ever waiting.
///
/// It refuses what libfcgi must not see, or would answer by itself: management records (one with four known names smashes
/// libfcgi's stack), records of other requests (libfcgi loses the record after an empty one), a second request on the same
/// connection, bytes after the request's end, and parameters of a length that libfcgi finds no room for.
struct RecordScan {
    enum Progress: Equatable {
        /// The peer has more to say.
        case incomplete
        case whole
        case refused(ConnectionError)
    }

    private enum Kind: UInt8 {
        case begin = 1
        case abort, end, parameters, input
    }

    private static let headerLength = 8

    /// Whether nothing but the body can be missing.
    private(set) var hasParameters = false
    /// Bytes from the beginning that whole records take.
    private(set) var scanned = 0
    private var request: UInt16?
    private var lengths = ParameterLengths()
    private var progress = Progress.incomplete

    /// - Parameter bytes: everything from the connection's, or the request's, first byte on.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Progress {
        while progress == .incomplete, bytes.count - scanned >= Self.headerLength {
            let header = UnsafeRawBufferPointer(rebasing: bytes[scanned..<scanned + Self.headerLength])
            let content = Int(header[4]) << 8 | Int(header[5])
            let length = Self.headerLength + content + Int(header[6])
            guard header[0] == 1 else { return refuse(.malformed) }
            guard bytes.count - scanned >= length else { return .incomplete }
            let body = UnsafeRawBufferPointer(rebasing: bytes[scanned + Self.headerLength..<scanned + length])
            scanned += length
            progress = record(header, contentLength: content, body)
        }
        if progress == .whole, bytes.count > scanned { return refuse(.malformed) }
        return progress
    }

    /// What a peer that sends no more has made of its request.
    func fault(afterBytes count: Int) -> ConnectionError { count == scanned ? .cutParameters : .malformed }

    private mutating func record(
        _ header: UnsafeRawBufferPointer, contentLength: Int, _ body: UnsafeRawBufferPointer
    ) -> Progress {
        let id = UInt16(header[2]) << 8 | UInt16(header[3])
        guard let kind = Kind(rawValue: header[1]), id != 0 else { return .refused(.malformed) }
        guard let request else {
            guard kind == .begin, contentLength == 8 else { return .refused(.malformed) }
            let role = Int(body[0]) << 8 | Int(body[1])
            guard role == 1 else { return .refused(.unsupportedRole(role)) }
            request = id
            return .incomplete
        }
        guard id == request else { return .refused(.malformed) }
        // Anything else is a protocol error to libfcgi too.
        guard kind == (hasParameters ? .input : .parameters) else { return .refused(.malformed) }
        if contentLength > 0 {
            guard kind == .input || lengths.accept(UnsafeRawBufferPointer(rebasing: body[..<contentLength])) else {
                return .refused(.malformed)
            }
            return .incomplete
        }
        if hasParameters { return .whole }
        hasParameters = true
        return .incomplete
    }

    private mutating func refuse(_ error: ConnectionError) -> Progress {
        progress = .refused(error)
        return progress
    }
}
