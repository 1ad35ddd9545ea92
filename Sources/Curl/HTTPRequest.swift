/// One request, checked: nothing in it can start another header or another request.
public struct HTTPRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case delete = "DELETE"
    }

    public let method: Method
    public let url: HTTPURL
    public let headers: [(name: String, value: String)]
    /// Sent with POST only.
    public let body: [UInt8]

    /// - Throws: ``CurlError`` of kind `.invalidRequest` when a name is no token (RFC 9110, 5.6.2) or a value has a
    ///   control character other than tab (RFC 9110, 5.5): a line end there would forge a header.
    public init(method: Method, url: HTTPURL, headers: [(name: String, value: String)] = [], body: [UInt8] = [])
        throws(CurlError)
    {
        for (name, value) in headers {
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isToken) else {
                throw CurlError(.invalidRequest, "header name \(name.debugDescription) is not a token")
            }
            guard value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
                throw CurlError(.invalidRequest, "header \(name) has a control character in its value")
            }
        }
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
