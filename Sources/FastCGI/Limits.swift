/// What one connection may cost.
public struct Limits: Sendable {
    /// The longest body that is read, in bytes. A longer one is announced as ``Request/Body/tooLarge(limit:)``.
    public var bodyBytes: Int
    /// Seconds from accepting a connection until its whole request has been read.
    public var readTimeout: Double
    /// Seconds that a reply waits for a reader that takes nothing.
    public var writeTimeout: Double
    /// Threads that accept and parse.
    public var acceptThreads: Int

    public init(
        bodyBytes: Int = 131_072, readTimeout: Double = 5, writeTimeout: Double = 10, acceptThreads: Int = 4
    ) {
        self.bodyBytes = bodyBytes
        self.readTimeout = readTimeout
        self.writeTimeout = writeTimeout
        self.acceptThreads = acceptThreads
    }
}
