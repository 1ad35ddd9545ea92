/// What is worth knowing of one request at three in the morning: the time in each stage, and what came of it.
///
/// A value without memory of its own: a span and a counter cost a clock's reading and an addition, and thousands of
/// waiting requests can each have a copy.
public struct RequestTrace: Sendable {
    public enum CacheOutcome: String, Sendable {
        case hit, miss
        /// The answer of an equal question that was being asked already.
        case joined
        /// An expired answer, because no model answered.
        case stale
    }

    /// Nanoseconds from ``start``, and those spent since; negative for a span that was not entered.
    private typealias Times = (begun: Int64, spent: Int64)

    private let start: ContinuousClock.Instant
    /// The span of the whole request; nil where nobody follows it.
    public let context: TraceContext?
    private var times = InlineArray<7, Times>(repeating: (0, -1))
    private var counts = InlineArray<4, Int>(repeating: 0)
    public internal(set) var cache: CacheOutcome?
    /// Nil where there is none, and for a program that keeps its own.
    public internal(set) var conversation: ConversationID?
    public private(set) var provider: String?
    public private(set) var model: String?
    /// What the answer would have cost, had it not been there already, as far as that is known.
    public private(set) var saved = Money.zero
    public private(set) var held = false
    /// The category of the attack that the message looks like, held or not.
    public var danger: String?
    /// Where what is known of the key's rates goes; nil when nobody wants to know.
    public var rates: RateSlot?
    /// What an operator should read beside the outcome; never a message's text.
    public var remark: String?

    /// - Parameter start: when the request came.
    public init(start: ContinuousClock.Instant = .now, context: TraceContext? = nil) {
        (self.start, self.context) = (start, context)
    }

    /// Nil when it was not entered.
    public func span(_ name: Span.Name) -> Span? {
        let (begun, spent) = times[name.rawValue]
        guard spent >= 0 else { return nil }
        let start = start + .nanoseconds(begun)
        return Span(name: name, start: start, end: start + .nanoseconds(spent))
    }

    /// How long the span was, in nanoseconds; nil when it was not entered.
    public func nanoseconds(in name: Span.Name) -> UInt64? { UInt64(exactly: times[name.rawValue].spent) }

    public subscript(counter: Counter) -> Int { counts[counter.rawValue] }

    public mutating func add(_ number: Int, to counter: Counter) { counts[counter.rawValue] += number }

    mutating func note(_ answer: Answer) {
        held = answer.isBlocked
        provider = answer.provider
        model = answer.model
        saved = answer.saved ?? .zero
        guard !held else { return }
        cache = answer.isCached ? .hit : .miss
        guard !answer.isCached else { return }
        add(answer.usage.prompt, to: .promptTokens)
        add(answer.usage.completion, to: .completionTokens)
        add(answer.usage.total, to: .totalTokens)
    }

    public mutating func time<T>(_ name: Span.Name, _ work: () throws -> T) rethrows -> T {
        let start = ContinuousClock.now
        defer { add(from: start, until: .now, to: name) }
        return try work()
    }

    public mutating func time<T: Sendable>(_ name: Span.Name, _ work: () async throws -> T) async rethrows -> T {
        let start = ContinuousClock.now
        defer { add(from: start, until: .now, to: name) }
        return try await work()
    }

    /// - Parameter duration: of what ends now.
    public mutating func add(_ duration: Duration, to name: Span.Name) {
        let now = ContinuousClock.now
        add(from: now - duration, until: now, to: name)
    }

    /// Ends the span of the whole request.
    public mutating func finish() { add(from: start, until: .now, to: .request) }

    private mutating func add(
        from begin: ContinuousClock.Instant, until end: ContinuousClock.Instant, to name: Span.Name
    ) {
        let (begun, spent) = times[name.rawValue]
        let more = (end - begin).nanoseconds
        times[name.rawValue] = spent < 0 ? ((begin - start).nanoseconds, more) : (begun, spent + more)
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 { Int64(attoseconds / 1_000_000_000) }
}
