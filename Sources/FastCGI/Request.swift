/// One request, whole: nothing of it is read later.
public struct Request: Sendable {
    /// As sent: "GET".
    public let method: String
    /// `REQUEST_URI` up to "?", not decoded; in plain CGI, which may lack it, `SCRIPT_NAME` and `PATH_INFO` together.
    /// An absolute-form target (RFC 9112, 3.2.2) is reduced to its path.
    public let path: String
    /// `QUERY_STRING`, not decoded.
    public let query: String
    /// `REMOTE_ADDR`.
    public let remoteAddress: String
    public let body: Body

    private let parameters: Parameters
    private let isPathEncoded: Bool

    /// What came of the body that `CONTENT_LENGTH` announced (RFC 3875, 4.1.2).
    public enum Body: Sendable, Equatable {
        /// All of it; empty if none was announced. Bytes beyond the announced length are not read as body.
        case complete([UInt8])
        /// The peer stopped early, by closing or by stalling.
        case truncated(expected: Int, received: Int)
        /// Announced as longer than `limit` bytes; not read.
        case tooLarge(limit: Int)
        /// `CONTENT_LENGTH` is not a plain decimal number; nothing was read.
        case invalidLength
    }

    /// - Parameter parameters: CGI parameters by their full names; the first of duplicates wins.
    public init(parameters: [(String, String)], body: Body) {
        self.init(Parameters(parameters), body: body)
    }

    init(_ parameters: Parameters, body: Body) {
        self.parameters = parameters
        self.body = body
        method = parameters.value("REQUEST_METHOD") ?? ""
        query = parameters.value("QUERY_STRING") ?? ""
        remoteAddress = parameters.value("REMOTE_ADDR") ?? ""
        if let target = parameters.value("REQUEST_URI"), !target.isEmpty {
            path = Self.path(ofTarget: target)
            isPathEncoded = true
        } else {
            isPathEncoded = false
            path = (parameters.value("SCRIPT_NAME") ?? "") + (parameters.value("PATH_INFO") ?? "")
        }
    }

    /// What lies between the slashes of ``path``, decoded: "/a%2Fb/c" has two segments. Nil when the path does not begin
    /// with a slash or cannot be decoded (``PercentEncoding``).
    public var segments: [String]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = isPathEncoded ? PercentEncoding.decode(part) : String(part) else { return nil }
            segments.append(segment)
        }
        return segments
    }

    /// A request header by its CGI name without `HTTP_`: "USER_AGENT". `CONTENT_TYPE` and `CONTENT_LENGTH` go by those
    /// names. The first of duplicates wins.
    public func header(_ name: String) -> String? {
        switch name {
        case "CONTENT_TYPE", "CONTENT_LENGTH":
            parameters.value(name).flatMap { $0.isEmpty ? nil : $0 }
        default:
            parameters.value(prefix: "HTTP_", name)
        }
    }

    /// A header that must be there once: nil as well when it is there several times.
    public func onlyHeader(_ name: String) -> String? {
        parameters.count(prefix: "HTTP_", name) > 1 ? nil : header(name)
    }

    /// Any CGI parameter by its full name. The first of duplicates wins.
    public func parameter(_ name: String) -> String? {
        parameters.value(name)
    }

    static func path(ofTarget target: String) -> String {
        let utf8 = target.utf8
        var path = utf8[..<(utf8.firstIndex(of: UInt8(ascii: "?")) ?? utf8.endIndex)]
        if path.first != UInt8(ascii: "/"), let authority = afterScheme(path) {
            path = path[(path[authority...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex)...]
            if path.isEmpty { return "/" }
        }
        return String(Substring(path))
    }

    /// Where the authority begins in `scheme://authority/path`; nil for any other form.
    private static func afterScheme(_ target: Substring.UTF8View) -> String.Index? {
        guard let colon = target.firstIndex(of: UInt8(ascii: ":")), colon != target.startIndex,
            target[colon...].starts(with: "://".utf8)
        else { return nil }
        return target.index(colon, offsetBy: 3)
    }
}

extension Request.Body {
    /// What `CONTENT_LENGTH` announces: a number of bytes to read, or an end to reading before it starts.
    enum Announced: Equatable {
        case bytes(Int)
        case refused(Request.Body)
    }

    /// - Parameter text: the parameter's value; nil and "" announce no body.
    static func announced(_ text: String?, limit: Int) -> Announced {
        guard let text, !text.isEmpty else { return .bytes(0) }
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let length = Int(text)
        else { return .refused(.invalidLength) }
        return length <= limit ? .bytes(length) : .refused(.tooLarge(limit: limit))
    }
}
