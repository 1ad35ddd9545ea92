/// How long a slot, or a pool that has lost its last worker, waits before its next worker.
///
/// A worker that had settled is replaced at once, however it went. One that dies young by itself is replaced after `first`
/// seconds, and each further one after twice the time, up to `longest`. Kills from outside say nothing about what a worker
/// can do: the first few of young workers in a row cost no wait, and the others never a long one.
public struct Backoff: Sendable, Equatable {
    /// Seconds before the replacement after one early death.
    public var first: Double
    /// Seconds that no wait exceeds.
    public var longest: Double
    /// A worker that has been ready for so many seconds had got past its start.
    public var settled: Double

    /// Seconds that no wait after a kill exceeds. A kernel out of memory kills for ever.
    private static let longestAfterKill = 0.8

    /// Early deaths, and kills, in a row that cost no wait.
    private let freeDeaths: Int
    private let freeKills = 3
    private var earlyDeaths = 0
    private var kills = 0

    public init(first: Double = 0.1, longest: Double = 10, settled: Double = 1) {
        self.init(first: first, longest: longest, settled: settled, freeDeaths: 0)
    }

    private init(first: Double, longest: Double, settled: Double, freeDeaths: Int) {
        self.first = first
        self.longest = longest
        self.settled = settled
        self.freeDeaths = freeDeaths
    }

    /// The same for a pool that has nobody left: it tries once without a wait.
    var ofLastResort: Backoff { Backoff(first: first, longest: longest, settled: settled, freeDeaths: 1) }

    /// Whether a worker that has been ready for `served` seconds, nil for never, is still at its start.
    public func isYoung(_ served: Double?) -> Bool { served.map { $0 < settled } ?? true }

    /// Notes the end of a worker.
    ///
    /// - Parameters:
    ///   - served: seconds that it was ready for; nil for never.
    ///   - isKilled: whether somebody outside the pool ended it.
    /// - Returns: seconds to wait before the next one starts.
    public mutating func delay(afterServing served: Double?, isKilled: Bool) -> Double {
        guard isYoung(served) else {
            reset()
            return 0
        }
        if isKilled {
            kills += 1
            return doubled(kills - freeKills, limit: min(longest, Self.longestAfterKill))
        }
        earlyDeaths += 1
        return doubled(earlyDeaths - freeDeaths, limit: longest)
    }

    /// Notes that a worker has settled.
    public mutating func reset() { (earlyDeaths, kills) = (0, 0) }

    /// - Parameter number: of the wait, from 1 on; none before that.
    private func doubled(_ number: Int, limit: Double) -> Double {
        guard number > 0 else { return 0 }
        var delay = first
        for _ in 1..<number where delay < limit { delay *= 2 }
        return min(delay, limit)
    }
}
