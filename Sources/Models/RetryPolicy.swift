public import Chat

/// Whether and when a failed call is tried again: exponential backoff with full jitter.
public struct RetryPolicy: Sendable, Hashable {
    /// Tries after the first.
    public var retries: Int
    /// The longest wait before the first retry; it doubles with each one.
    public var base: Duration
    /// The longest wait of all.
    public var cap: Duration
    /// A provider that asks for more time than this is given up at once.
    public var longestRetryAfter: Duration

    public init(
        retries: Int = 2, base: Duration = .milliseconds(200), cap: Duration = .seconds(5),
        longestRetryAfter: Duration = .seconds(5)
    ) {
        self.retries = retries
        self.base = base
        self.cap = cap
        self.longestRetryAfter = longestRetryAfter
    }

    /// How long to wait before the next try; nil to give up.
    ///
    /// - Parameters:
    ///   - failures: how many tries have failed until now, at least 1.
    ///   - remaining: time until the caller's deadline.
    ///   - random: in 0..<1; the jitter that keeps many callers from coming back at the same instant.
    public func delay(
        after reason: ModelFailure.Reason, failures: Int, remaining: Duration, random: Double
    ) -> Duration? {
        guard failures <= retries else { return nil }
        let asked: Duration?
        switch reason {
        case .unreachable, .malformed, .empty: asked = nil
        case .rateLimited(let retryAfter), .serverError(_, let retryAfter): asked = retryAfter
        case .timedOut, .unauthorized, .filtered, .refused: return nil
        }
        let longest = min(cap, base * (1 << min(failures - 1, 20)))
        let delay = asked ?? longest * random
        if let asked, asked > longestRetryAfter { return nil }
        return delay < remaining ? delay : nil
    }
}
