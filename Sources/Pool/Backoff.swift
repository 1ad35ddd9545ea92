/// How long a slot waits before its next worker, by how long the ones before it lived.
///
/// A worker that lived long is replaced at once. One that dies young is replaced after `first` seconds, and each further
/// one after twice the time, up to `longest`; a single early death of a worker that had settled costs no wait.
public struct Backoff: Sendable, Equatable {
    /// Seconds before the replacement after one early death.
    public var first: Double
    /// Seconds that no wait exceeds.
    public var longest: Double
    /// A life of so many seconds had got past its start.
    public var settled: Double
    /// A life of so many seconds was long: earlier deaths are forgotten.
    public var healthy: Double

    private var earlyDeaths = 0

    public init(first: Double = 0.1, longest: Double = 10, settled: Double = 1, healthy: Double = 10) {
        self.first = first
        self.longest = longest
        self.settled = settled
        self.healthy = healthy
    }

    /// Notes the end of a worker that lived for `lived` seconds.
    ///
    /// - Returns: seconds to wait before the next one starts.
    public mutating func delay(afterLife lived: Double) -> Double {
        if lived >= healthy {
            earlyDeaths = 0
            return 0
        }
        defer { earlyDeaths += 1 }
        if earlyDeaths == 0, lived >= settled { return 0 }
        var delay = first
        for _ in 0..<earlyDeaths where delay < longest { delay *= 2 }
        return min(delay, longest)
    }
}
