import Metrics

/// What happened between two looks at the counters.
struct LiveRates {
    let requestsPerSecond: Double
    /// Seconds; nil where there was no request.
    let median: Double?
    let p99: Double?
    /// Of questions, answers that no model was asked for; nil where there was no question.
    let cached: Double?

    init(from before: MetricsTotals, to now: MetricsTotals, in seconds: Double) {
        // Counters that an operator has removed begin again.
        func more(_ now: UInt64, _ before: UInt64) -> UInt64 { now >= before ? now - before : now }
        let requests = more(now.requests, before.requests)
        requestsPerSecond = seconds > 0 ? Double(requests) / seconds : 0
        let counts = zip(now.durations, before.durations).map(more)
        median = Self.quantile(0.5, counts, now.bounds)
        p99 = Self.quantile(0.99, counts, now.bounds)
        let (hits, questions) = (more(now.cached, before.cached), more(now.questions, before.questions))
        cached = questions > 0 ? Double(hits) / Double(questions) : nil
    }

    /// - Parameters:
    ///   - counts: values in each bucket, and at last those beyond the last bound.
    /// - Returns: a value on the line between the bounds of its bucket, as Prometheus has it; the last bound at most.
    static func quantile(_ share: Double, _ counts: [UInt64], _ bounds: [Double]) -> Double? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        let rank = share * Double(total)
        var below = 0.0
        for (index, bound) in bounds.enumerated() where index < counts.count {
            let count = Double(counts[index])
            if count > 0, below + count >= rank {
                let lower = index == 0 ? 0 : bounds[index - 1]
                return lower + (bound - lower) * (rank - below) / count
            }
            below += count
        }
        return bounds.last
    }

    var words: String {
        func time(_ seconds: Double?) -> String {
            guard let seconds else { return "–" }
            return seconds < 0.01
                ? "\((seconds * 10_000).rounded() / 10) ms"
                : seconds < 10 ? "\(Int((seconds * 1_000).rounded())) ms" : "\(Int(seconds.rounded())) s"
        }
        let rate = (requestsPerSecond * 10).rounded() / 10
        let share = cached.map { "\(Int(($0 * 100).rounded())) %" } ?? "–"
        return "requests a second \(rate), p50 \(time(median)), p99 \(time(p99)), from the cache \(share)"
    }
}
