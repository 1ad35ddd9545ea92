/// The status and header fields of a reply.
public struct ResponseHead: Sendable {
    public var status: Int
    /// In the order in which they are sent. `Content-Length` and `Status` are left out: the writer makes those.
    public var headers: [(name: String, value: String)]

    public init(status: Int, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.headers = headers
    }

    /// The CGI header block (RFC 3875, 6.2): `Status:`, the fields, an empty line.
    ///
    /// - Parameter contentLength: nil when the reply is streamed, or has no body by definition.
    func encoded(contentLength: Int?) throws(ResponseError) -> [UInt8] {
        guard (200...599).contains(status) else { throw .invalidStatus(status) }
        var block: [UInt8] = []
        block.reserveCapacity(256)
        block.append("Status: ")
        block.append(decimal: status)
        block.append(" ")
        block.append(Self.reason(status))
        block.append("\r\n")
        for (name, value) in headers {
            guard Self.isToken(name), Self.isField(value) else { throw .invalidHeader(name) }
            if Self.isMadeHere(name) { continue }
            block.append(name)
            block.append(": ")
            block.append(value)
            block.append("\r\n")
        }
        if let contentLength, status != 204, status != 304 {
            block.append("Content-Length: ")
            block.append(decimal: contentLength)
            block.append("\r\n")
        }
        block.append("\r\n")
        return block
    }

    /// Whether it is Content-Length or Status, in any case.
    private static func isMadeHere(_ name: String) -> Bool {
        switch name.utf8.count {
        case 6: name.lowercased() == "status"
        case 14: name.lowercased() == "content-length"
        default: false
        }
    }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            !bytes.isEmpty
                && bytes.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                        true
                    default: "!#$%&'*+.^_`|~".utf8.contains(byte)
                    }
                }
        }
    }

    /// RFC 9110, 5.5: no CR, LF or NUL, nor any other control character but tab.
    private static func isField(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { $0.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) } }
    }

    private static func reason(_ status: Int) -> String {
        reasons[status] ?? "Status \(status)"
    }

    private static let reasons: [Int: String] = [
        200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
        301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
        308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
        411: "Length Required", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
        422: "Unprocessable Content", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
        500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
        504: "Gateway Timeout",
    ]
}

extension [UInt8] {
    fileprivate mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: $0) }
    }

    fileprivate mutating func append(decimal number: Int) {
        if number >= 10 { append(decimal: number / 10) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
