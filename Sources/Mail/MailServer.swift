internal import Curl

/// Where mail goes, and whom it is from.
public struct MailServer: Sendable {
    public enum Security: String, Sendable, CaseIterable {
        /// Nothing is sent without TLS.
        case required
        /// In clear, to a relay on this machine.
        case off
    }

    /// A setting that cannot be, in words.
    public struct Fault: Error {
        public let reason: String
    }

    let server: SMTPServer

    /// - Parameters:
    ///   - url: smtps:// or smtp:// and a host, perhaps with a port.
    ///   - login: what the server knows this program by; nil where it needs none.
    ///   - authorities: a PEM file of those who may vouch for the server; nil for the system's.
    public init(
        url: String, login: (user: String, password: String)? = nil, security: Security = .required,
        authorities: String? = nil
    ) throws(Fault) {
        do {
            server = try SMTPServer(
                url: url, login: login, isInClear: security == .off, authorities: authorities)
        } catch { throw Fault(reason: error.detail) }
    }

    /// Connects, and logs in.
    ///
    /// - Returns: why no mail can be sent; nil when it can, as far as that can be told without one.
    public func fault() async -> String? {
        do {
            try await server.probe()
            return nil
        } catch { return error.detail }
    }
}
