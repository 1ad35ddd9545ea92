/// Counts the calls of providers that a day has seen, over all processes. A day is one of UTC.
public protocol CallCounter: Sendable {
    /// Counts one more call of today, before it is made, unless there were as many as a day may have.
    ///
    /// A call that is admitted counts whatever becomes of it, its process's death included, so that there are never more
    /// calls than that.
    ///
    /// - Parameter ceiling: the most calls of a day, at least 1.
    /// - Throws: ``ChatError`` `.unavailable` when it is not known how many there were.
    func countCall(ceiling: Int) async throws -> DailyCalls
}

/// How many calls of providers there were today, when one more was asked for.
public struct DailyCalls: Sendable, Hashable {
    /// What an operator should hear of, each once a day.
    public enum News: Int, Sendable {
        /// Four fifths of the ceiling are reached.
        case nearlySpent = 1
        case spent = 2

        public init?(calls: Int, of ceiling: Int) {
            if calls >= ceiling {
                self = .spent
            } else if calls >= ceiling - ceiling / 5 {
                self = .nearlySpent
            } else {
                return nil
            }
        }
    }

    /// Days since 1970.
    public let day: Int
    /// With the one that was asked for, if it is admitted.
    public let calls: Int
    public let ceiling: Int
    public let isAdmitted: Bool
    /// How long the day lasts still.
    public let remaining: Duration
    public let news: News?

    public init(day: Int, calls: Int, ceiling: Int, isAdmitted: Bool, remaining: Duration, news: News?) {
        self.day = day
        self.calls = calls
        self.ceiling = ceiling
        self.isAdmitted = isAdmitted
        self.remaining = remaining
        self.news = news
    }
}
