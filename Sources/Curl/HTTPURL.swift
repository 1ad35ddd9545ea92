internal import Glibc

/// An absolute http or https address that libcurl can use, without user information.
///
/// libcurl does not check it: a process that calls no model would load libcurl for its settings' sake.
public struct HTTPURL: Sendable, Hashable {
    public let text: String
    public let host: String
    /// The scheme's own where none is named.
    public let port: Int
    /// Whether there is a query or a fragment, which a base address must not have.
    public let hasQueryOrFragment: Bool

    /// - Throws: ``CurlError`` of kind `.invalidRequest` for anything but http and https, for white space, control and
    ///   non-ASCII characters, for user information (it would end up in logs), and for a host or a port that libcurl would
    ///   refuse.
    public init(_ text: String) throws(CurlError) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw CurlError(.invalidRequest, "URL has a character that is not printable ASCII")
        }
        let scheme = text.prefix { $0 != ":" }
        guard ["http", "https"].contains(scheme.lowercased()) else {
            throw CurlError(.invalidRequest, "URL is not http or https")
        }
        let rest = text[scheme.endIndex...]
        guard rest.hasPrefix("://") else { throw CurlError(.invalidRequest, "URL has no // after its scheme") }
        let authority = rest.dropFirst(3).prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else { throw CurlError(.invalidRequest, "URL has user information") }

        // The colons of an IPv6 address are within its brackets.
        let bracket = authority.lastIndex(of: "]") ?? authority.startIndex
        let host = authority[..<(authority[bracket...].firstIndex(of: ":") ?? authority.endIndex)]
        let port = authority[host.endIndex...].dropFirst()
        guard Self.isName(host) || Self.isIPv6(host) else { throw CurlError(.invalidRequest, "URL has no usable host") }
        guard port.isEmpty || port.allSatisfy(\.isNumber) && UInt16(port) != nil else {
            throw CurlError(.invalidRequest, "URL has no usable port")
        }
        self.text = text
        self.host = String(host)
        self.port = UInt16(port).map(Int.init) ?? (scheme.lowercased() == "https" ? 443 : 80)
        hasQueryOrFragment = text.contains { $0 == "?" || $0 == "#" }
    }

    /// A name, or an IPv4 address in any form.
    private static func isName(_ host: Substring) -> Bool {
        !host.isEmpty && host.allSatisfy { $0.isLetter || $0.isNumber || "-._~".contains($0) }
    }

    /// In brackets, and perhaps with a zone (RFC 6874).
    private static func isIPv6(_ host: Substring) -> Bool {
        guard host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 else { return false }
        let parts = host.dropFirst().dropLast().split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var address = in6_addr()
        return inet_pton(AF_INET6, String(parts[0]), &address) == 1 && parts.dropFirst().allSatisfy(isName)
    }
}
