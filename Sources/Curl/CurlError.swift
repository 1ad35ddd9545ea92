/// Why a transfer gave no response, or not all of it.
public struct CurlError: Error, Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// No address, no connection, no TLS, a reset, or an end before the response was whole.
        case unreachable
        /// The transfer's deadline passed, or no connection came about in time.
        case timedOut
        /// The task was cancelled, or ``Transfer/cancel()`` was called.
        case cancelled
        /// The response has more bytes than ``CurlClient/Configuration/maximumResponseBytes``.
        case tooLarge
        /// What the other side sent is not HTTP.
        case malformed
        /// The request breaks a rule and was not sent.
        case invalidRequest
    }

    public let kind: Kind
    /// For the log: libcurl's words or the rule that was broken. Never a header's value, which may be a key.
    public let detail: String
    /// Whether the certificate could not be verified, or is another host's: a kind of `.unreachable`.
    public let isUntrusted: Bool

    public init(_ kind: Kind, _ detail: String, isUntrusted: Bool = false) {
        self.kind = kind
        self.detail = detail
        self.isUntrusted = isUntrusted
    }
}
