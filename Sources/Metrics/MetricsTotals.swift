internal import Chat
public import SharedMemory

/// What all requests have in common, over all routes: for who watches the pool without a Prometheus.
public struct MetricsTotals: Sendable {
    public let requests: UInt64
    /// Upper bounds in seconds of all but the last of ``durations``.
    public let bounds: [Double]
    /// How many requests took that long: those between two bounds, and at last those beyond.
    public let durations: [UInt64]
    /// Questions that had to do with the cache, and those of them that no model was asked for.
    public let questions: UInt64
    public let cached: UInt64

    /// - Parameter board: has ``Metrics/section``; nothing is written.
    public init(_ board: Board) {
        let words = board[Layout.section]
        let histograms = Layout.durations
        let scale = histograms[0].scale
        bounds = scale.bounds.map { Double($0) / scale.divisor }
        durations = (0...scale.bounds.count).map { bucket in
            histograms.reduce(0) { $0 + words[$1.first + bucket] }
        }
        requests = durations.reduce(0, +)
        func count(_ outcome: RequestTrace.CacheOutcome) -> UInt64 { words[Layout.cacheOutcome(outcome)] }
        questions = Layout.cacheOutcomes.reduce(0) { $0 + count($1) }
        cached = questions - min(questions, count(.miss))
    }
}
