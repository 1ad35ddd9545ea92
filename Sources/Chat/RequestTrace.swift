/// What is worth knowing of one request at three in the morning: the time in each stage, and what came of it.
public struct RequestTrace: Sendable {
    public enum Stage: Int, Sendable, CaseIterable {
        case session, sanitize, cache, place, model, record

        /// The name of its milliseconds in the log.
        public var field: String {
            switch self {
            case .session: "session_ms"
            case .sanitize: "sanitize_ms"
            case .cache: "cache_ms"
            case .place: "place_ms"
            case .model: "model_ms"
            case .record: "record_ms"
            }
        }
    }

    public enum CacheOutcome: String, Sendable {
        case hit, miss
        /// The answer of an equal question that was being asked already.
        case joined
        /// An expired answer, because no model answered.
        case stale
    }

    private var spent = [Duration?](repeating: nil, count: Stage.allCases.count)
    public internal(set) var cache: CacheOutcome?
    public private(set) var provider: String?
    public private(set) var model: String?
    public private(set) var usage: TokenUsage?
    public private(set) var held = false
    /// What an operator should read beside the outcome; never a message's text.
    public var remark: String?

    public init() {}

    /// Milliseconds spent in each stage that was entered.
    public var stages: [(stage: Stage, milliseconds: Double)] {
        zip(Stage.allCases, spent).compactMap { stage, spent in spent.map { (stage, $0.milliseconds) } }
    }

    mutating func note(_ answer: Answer) {
        held = answer.isBlocked
        provider = answer.provider
        model = answer.model
        usage = answer.isCached || held ? nil : answer.usage
        if !held { cache = answer.isCached ? .hit : .miss }
    }

    public mutating func time<T>(_ stage: Stage, _ work: () throws -> T) rethrows -> T {
        let start = ContinuousClock.now
        defer { add(ContinuousClock.now - start, to: stage) }
        return try work()
    }

    public mutating func time<T: Sendable>(_ stage: Stage, _ work: () async throws -> T) async rethrows -> T {
        let start = ContinuousClock.now
        defer { add(ContinuousClock.now - start, to: stage) }
        return try await work()
    }

    mutating func add(_ duration: Duration, to stage: Stage) {
        spent[stage.rawValue] = (spent[stage.rawValue] ?? .zero) + duration
    }
}

extension Duration {
    /// Whole and broken milliseconds.
    public var milliseconds: Double {
        Double(components.seconds) * 1_000 + Double(components.attoseconds) / 1e15
    }
}
