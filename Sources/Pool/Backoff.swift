/// How long a slot waits before its next worker.
///
/// A worker that had settled is replaced at once, however it went. One that dies young is replaced after `first`
/// seconds, and each further one after twice the time, up to `longest`.
public struct Backoff: Sendable, Equatable {
    /// Seconds before the replacement after one early death.
    public var first: Double
    /// Seconds that no wait exceeds.
    public var longest: Double
    /// A worker that has been ready for so many seconds had got past its start.
    public var settled: Double

    private var earlyDeaths = 0

    public init(first: Double = 0.1, longest: Double = 10, settled: Double = 1) {
        self.first = first
        self.longest = longest
        self.settled = settled
    }

    /// Whether a worker that was ready for `served` seconds died young; nil stands for one that never was.
    public func isEarly(_ served: Double?) -> Bool { served.map { $0 < settled } ?? true }

    /// Notes the end of a worker that was ready for `served` seconds, nil for never.
    ///
    /// - Returns: seconds to wait before the next one starts.
    public mutating func delay(afterServing served: Double?) -> Double {
        guard isEarly(served) else {
            earlyDeaths = 0
            return 0
        }
        defer { earlyDeaths += 1 }
        var delay = first
        for _ in 0..<earlyDeaths where delay < longest { delay *= 2 }
        return min(delay, longest)
    }
}
