internal import Chat
public import SharedMemory

/// Which word of the section is what. Routes and models have places by their names, which are in the section too: those
/// of an older or a newer program can be others. Everything else is in a fixed order.
public enum Layout {
    static let other = "other"
    /// The route of what is at no path of the contract.
    static let unknown = "unknown"

    // What labels can be.
    static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", other]
    /// `000` stands for no reply at all.
    static let codes =
        [0] + Array(200...208) + [226] + Array(300...308) + Array(400...418) + Array(421...426) + [
            428, 429, 431, 451, 499,
        ]
        + Array(500...508) + [510, 511]
    static let stages = Span.Name.allCases.filter { $0 != .request }
    static let cacheOutcomes: [RequestTrace.CacheOutcome] = [.hit, .miss, .joined, .stale]
    enum TokenType: String, CaseIterable { case input, output }

    // Where the words are.
    static let routes = NameTable(first: 0, slots: 64, bytes: 64)
    static let calls = NameTable(first: routes.end, slots: 32, bytes: 192)
    private static let firstRequest = calls.end
    static let durations = Histogram.several(routes.slots, at: firstRequest + routes.slots * codeCount, times)
    static let stageTimes = Histogram.several(stages.count, at: end(durations), times)
    private static let firstOutcome = end(stageTimes)
    static let saved = firstOutcome + cacheOutcomes.count
    private static let firstRestart = saved + 1
    private static let firstCost = firstRestart + WorkerRestart.allCases.count
    private static let allCallTimes = Histogram.several(
        calls.slots * outcomes.count, at: firstCost + calls.slots, callSeconds)
    private static let allTokens = Histogram.several(
        calls.slots * TokenType.allCases.count, at: end(allCallTimes), tokenCounts)

    private static let codeCount = methods.count * codes.count
    private static let outcomes = ModelAttempt.Outcome.allCases

    // Bounds of buckets, and the unit of what is added up.
    private static let times = Histogram.Scale(
        seconds: [
            0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
            120,
        ])
    private static let callSeconds = Histogram.Scale(seconds: GenAINames.durationBuckets)
    private static let tokenCounts = Histogram.Scale(bounds: GenAINames.tokenBuckets.map(UInt64.init), divisor: 1)

    /// Its version is made of all that decides what a word means: another layout is another section, from zero.
    public static let section: BoardSection = {
        let lists: [String] = [
            methods.joined(separator: " "), codes.map(String.init).joined(separator: " "),
            stages.map { "\($0)" }.joined(separator: " "), cacheOutcomes.map(\.rawValue).joined(separator: " "),
            WorkerRestart.allCases.map(\.rawValue).joined(separator: " "),
            outcomes.map(\.rawValue).joined(separator: " "), "\(routes) \(calls)",
            [times, callSeconds, tokenCounts].map { "\($0.bounds)" }.joined(separator: " "),
        ]
        let hash = NameTable.hash(lists.joined(separator: "\n").utf8)
        return BoardSection("metrics", version: UInt32(truncatingIfNeeded: hash ^ hash >> 32), words: end(allTokens))
    }()

    private static func end(_ histograms: [Histogram]) -> Int { histograms.last?.end ?? 0 }

    static func requests(_ route: Int, _ method: Int, _ code: Int) -> Int {
        firstRequest + route * codeCount + method * codes.count + code
    }

    static func method(_ text: String) -> Int { methodIndices[text] ?? methods.count - 1 }
    static func code(_ status: Int) -> Int { codeIndices.indices.contains(status) ? codeIndices[status] : 0 }

    private static let methodIndices = Dictionary(uniqueKeysWithValues: methods.enumerated().map { ($1, $0) })
    private static let codeIndices: [Int] = (0..<600).map { codes.firstIndex(of: $0) ?? 0 }

    static func cacheOutcome(_ outcome: RequestTrace.CacheOutcome) -> Int {
        switch outcome {
        case .hit: firstOutcome
        case .miss: firstOutcome + 1
        case .joined: firstOutcome + 2
        case .stale: firstOutcome + 3
        }
    }

    static func restart(_ reason: WorkerRestart) -> Int { firstRestart + index(of: reason) }
    static func cost(_ call: Int) -> Int { firstCost + call }
    static func callTimes(_ call: Int, _ outcome: ModelAttempt.Outcome) -> Histogram {
        allCallTimes[call * outcomes.count + index(of: outcome)]
    }
    static func tokens(_ call: Int, _ type: TokenType) -> Histogram {
        allTokens[call * TokenType.allCases.count + index(of: type)]
    }

    private static func index<Case: CaseIterable & Equatable>(of element: Case) -> Int {
        Array(Case.allCases).firstIndex(of: element) ?? 0
    }
}
