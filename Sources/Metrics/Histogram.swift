internal import SharedMemory

/// How many values were how large: a word for each bucket, one for what is beyond the last, and one for the sum. The count
/// of all is no word of its own, so that it cannot differ from what the buckets say.
struct Histogram {
    /// What is measured: the upper bounds of the buckets in the unit of the words, and how many of those one of
    /// the page's is.
    struct Scale {
        let bounds: [UInt64]
        let divisor: Double

        init(bounds: [UInt64], divisor: Double) { (self.bounds, self.divisor) = (bounds, divisor) }

        /// Of times, which are added up in nanoseconds.
        init(seconds: [Double]) { self.init(bounds: seconds.map { UInt64(($0 * 1e9).rounded()) }, divisor: 1e9) }
    }

    let first: Int
    let scale: Scale

    var end: Int { first + scale.bounds.count + 2 }

    static func several(_ count: Int, at first: Int, _ scale: Scale) -> [Histogram] {
        (0..<count).map { Histogram(first: first + $0 * (scale.bounds.count + 2), scale: scale) }
    }

    func add(_ value: UInt64, to words: SharedWords) {
        var bucket = 0
        while bucket < scale.bounds.count, value > scale.bounds[bucket] { bucket += 1 }
        words.add(1, to: first + bucket)
        words.add(value, to: end - 1)
    }

    /// - Returns: how many values there were up to each bound, and at last all.
    func cumulative(in words: SharedWords) -> [UInt64] {
        var total: UInt64 = 0
        return (first..<end - 1).map {
            total += words[$0]
            return total
        }
    }

    func count(in words: SharedWords) -> UInt64 { cumulative(in: words).last ?? 0 }
    func sum(in words: SharedWords) -> UInt64 { words[end - 1] }
}
