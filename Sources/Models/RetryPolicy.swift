public import Chat

/// Whether and when a failed call is tried again: exponential backoff with full jitter.
public struct RetryPolicy: Sendable, Hashable {
    /// Tries after the first.
    public var retries: Int
    /// Another provider comes next, which then takes over what took this one long to fail.
    public var hasFallback: Bool
    /// The longest wait before the first retry; it doubles with each one.
    public var base: Duration
    /// The longest wait of all.
    public var cap: Duration
    /// A provider that asks for more time than this is given up at once.
    public static let longestRetryAfter = Duration.seconds(5)
    /// No retry begins later than this after the first try: a provider that fails slowly would use up the time of all.
    public var patience: Duration

    public init(
        retries: Int = 2, hasFallback: Bool = false, base: Duration = .milliseconds(200), cap: Duration = .seconds(5),
        patience: Duration = .seconds(10)
    ) {
        self.retries = retries
        self.hasFallback = hasFallback
        self.base = base
        self.cap = cap
        self.patience = patience
    }

    /// How long to wait before the next try; nil to give up.
    ///
    /// - Parameters:
    ///   - failures: how many tries have failed until now, at least 1.
    ///   - spent: time since the first try began.
    ///   - remaining: time until the caller's deadline.
    ///   - random: in 0..<1; the jitter that keeps many callers from coming back at the same instant.
    public func delay(
        after reason: ModelFailure.Reason, failures: Int, spent: Duration, remaining: Duration, random: Double
    ) -> Duration? {
        guard failures <= retries else { return nil }
        let asked: Duration?
        switch reason {
        case .unreachable: asked = nil
        case .truncated, .malformed, .empty:
            // These were paid for.
            if hasFallback { return nil }
            asked = nil
        case .rateLimited(let retryAfter), .serverError(_, let retryAfter): asked = retryAfter
        case .timedOut, .wordless, .unfinished, .unauthorized, .filtered, .tooLong, .refused, .circuitOpen,
            .outOfTokens, .dailyCallsSpent:
            return nil
        }
        let longest = min(cap, base * (1 << min(failures - 1, 20)))
        let delay = asked ?? longest * random
        if let asked, asked > Self.longestRetryAfter { return nil }
        return delay < remaining && spent + delay <= patience ? delay : nil
    }
}
