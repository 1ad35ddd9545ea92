import Curl

/// A scheme, a host and a port (RFC 6454), as a page's policy names whom it may call: https, or this machine itself.
public struct WebOrigin: Sendable, Hashable {
    /// Without the port that its scheme has anyway.
    public let text: String

    /// - Returns: nil for an address that a policy cannot name: not http or https, in clear over a network, or with an
    ///   IPv6 address as its host.
    public init?(of address: String) {
        guard let url = try? HTTPURL(address) else { return nil }
        let (scheme, host) = (address.prefix { $0 != ":" }.lowercased(), url.host.lowercased())
        guard !host.hasPrefix("["), scheme == "https" || ["localhost", "127.0.0.1"].contains(host) else { return nil }
        let port = address.dropFirst(scheme.count + 3 + host.count).prefix { !"/?#".contains($0) }.dropFirst()
        let isUsual = port.isEmpty || port == (scheme == "https" ? "443" : "80")
        text = "\(scheme)://\(host)\(isUsual ? "" : ":\(port)")"
    }
}
