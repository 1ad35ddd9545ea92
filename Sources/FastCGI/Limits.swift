/// What one connection may cost.
public struct Limits: Sendable {
    /// The longest body that is read, in bytes. A longer one is announced as ``Request/Body/tooLarge(limit:)``.
    public var bodyBytes: Int
    /// Seconds from accepting a connection, or from a request's first byte on a kept one, until the whole request has come.
    public var readTimeout: Double
    /// Seconds that a reply waits for a reader that takes nothing.
    public var writeTimeout: Double

    public init(bodyBytes: Int = 131_072, readTimeout: Double = 5, writeTimeout: Double = 10) {
        self.bodyBytes = bodyBytes
        self.readTimeout = readTimeout
        self.writeTimeout = writeTimeout
    }
}
