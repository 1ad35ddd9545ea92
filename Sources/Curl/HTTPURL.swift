internal import CCurl

/// An absolute http or https address that libcurl can use, without user information.
public struct HTTPURL: Sendable, Hashable {
    public let text: String
    public let host: String
    /// Whether there is a query or a fragment, which a base address must not have.
    public let hasQueryOrFragment: Bool

    /// - Throws: ``CurlError`` of kind `.invalidRequest` for anything but http and https, for white space, control and
    ///   non-ASCII characters, for user information (it would end up in logs), and for what libcurl cannot parse.
    public init(_ text: String) throws(CurlError) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw CurlError(.invalidRequest, "URL has a character that is not printable ASCII")
        }
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https" else {
            throw CurlError(.invalidRequest, "URL is not http or https")
        }
        guard let parts = curl_url() else { throw CurlError(.invalidRequest, "no memory for a URL") }
        defer { curl_url_cleanup(parts) }
        let result = curl_url_set(parts, CURLUPART_URL, text, UInt32(CURLU_DISALLOW_USER))
        guard result == CURLUE_OK, let host = Self.part(CURLUPART_HOST, of: parts), !host.isEmpty else {
            throw CurlError(.invalidRequest, "URL: \(String(cString: curl_url_strerror(result)))")
        }
        self.text = text
        self.host = host
        hasQueryOrFragment = text.utf8.contains { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
    }

    private static func part(_ part: CURLUPart, of url: OpaquePointer) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard curl_url_get(url, part, &value, 0) == CURLUE_OK, let value else { return nil }
        defer { curl_free(value) }
        return String(cString: value)
    }
}
