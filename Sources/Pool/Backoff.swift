/// How long a slot waits before its next worker.
///
/// A worker that had settled is replaced at once, however it went, and so are the first few in a row that served and were
/// killed from outside. One that dies young by itself is replaced after `first` seconds, and each further one after twice the time,
/// up to `longest`.
public struct Backoff: Sendable, Equatable {
    /// Seconds before the replacement after one early death.
    public var first: Double
    /// Seconds that no wait exceeds.
    public var longest: Double
    /// A worker that has been ready for so many seconds had got past its start.
    public var settled: Double

    /// Kills of young workers in a row that cost no wait. A kernel out of memory kills for ever.
    private static let freeKills = 3

    private var earlyDeaths = 0
    private var kills = 0

    public init(first: Double = 0.1, longest: Double = 10, settled: Double = 1) {
        self.first = first
        self.longest = longest
        self.settled = settled
    }

    /// Whether a worker that has been ready for `served` seconds, nil for never, is still at its start.
    public func isYoung(_ served: Double?) -> Bool { served.map { $0 < settled } ?? true }

    /// Notes the end of a worker.
    ///
    /// - Parameters:
    ///   - served: seconds that it was ready for; nil for never.
    ///   - isKilled: whether somebody else ended it.
    /// - Returns: seconds to wait before the next one starts; nil when it did not die early.
    public mutating func delay(afterServing served: Double?, isKilled: Bool) -> Double? {
        guard isYoung(served) else {
            (earlyDeaths, kills) = (0, 0)
            return nil
        }
        if isKilled, served != nil {
            kills += 1
            if kills <= Self.freeKills { return nil }
        }
        defer { earlyDeaths += 1 }
        var delay = first
        for _ in 0..<earlyDeaths where delay < longest { delay *= 2 }
        return min(delay, longest)
    }
}
