/// Where a piece of work stands in a trace that goes over several programs (W3C Trace Context, level 1).
///
/// `tracestate` is not taken on: it is other programs' data, and would go to the providers of models.
public struct TraceContext: Sendable, Hashable {
    public let trace: TraceID
    /// The work's own span.
    public let span: SpanID
    /// The span that it is a part of; nil where the trace begins.
    public let parent: SpanID?
    /// Whether spans are told to anybody.
    public let isSampled: Bool

    public init(trace: TraceID, span: SpanID = .random(), parent: SpanID?, isSampled: Bool) {
        self.trace = trace
        self.span = span
        self.parent = parent
        self.isSampled = isSampled
    }

    /// A part of this work.
    public func child() -> TraceContext {
        TraceContext(trace: trace, parent: span, isSampled: isSampled)
    }

    /// The header for whom this work calls.
    public var traceparent: String { "00-\(trace.text)-\(span.text)-0\(isSampled ? 1 : 0)" }

    /// Whether this request is among a share of all of them: 0 for none, 1 for all.
    ///
    /// It goes by a number that no caller chooses: a caller's trace id must not switch anything on or off.
    public func isAmong(share: Double) -> Bool { Self.isAmong(share, parent == nil ? trace.low : span.rawValue) }

    /// By the last 56 bits, which are random in every id, as OpenTelemetry's samplers go.
    fileprivate static func isAmong(_ share: Double, _ number: UInt64) -> Bool {
        let count = Double(UInt64(1) << 56)
        return Double(number & (1 << 56 - 1)) >= count - (share * count).rounded()
    }
}

/// Names a trace: 16 bytes, not all zero.
public struct TraceID: Sendable, Hashable {
    let high: UInt64
    let low: UInt64

    /// - Parameter text: 32 hexadecimal digits, in lower case.
    public init?(_ text: some StringProtocol) {
        guard let numbers = hexadecimal(text.utf8, digits: 32), numbers != (0, 0) else { return nil }
        (high, low) = numbers
    }

    private init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    public static func random() -> TraceID { TraceID(high: .random(in: 1 ... .max), low: .random(in: .min ... .max)) }

    public var text: String { digits(of: high) + digits(of: low) }
}

/// Names a span within a trace: 8 bytes, not all zero.
public struct SpanID: Sendable, Hashable {
    let rawValue: UInt64

    /// - Parameter text: 16 hexadecimal digits, in lower case.
    public init?(_ text: some StringProtocol) {
        guard let numbers = hexadecimal(text.utf8, digits: 16), numbers.low != 0 else { return nil }
        rawValue = numbers.low
    }

    private init(rawValue: UInt64) { self.rawValue = rawValue }

    public static func random() -> SpanID { SpanID(rawValue: .random(in: 1 ... .max)) }

    public var text: String { digits(of: rawValue) }
}

/// What a caller says of the trace that its request is a part of.
public struct TraceParent: Sendable, Hashable {
    public let trace: TraceID
    public let span: SpanID
    public let isSampled: Bool

    /// Nil for everything that the recommendation does not allow, and for version `ff`. Of a version that is not known
    /// the part counts that this one has too.
    ///
    /// - Parameter header: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
    public init?(_ header: String) {
        let parts = header.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count >= 4, let version = hexadecimal(parts[0], digits: 2)?.low, version != 0xff,
            version != 0 || parts.count == 4,
            let trace = TraceID(Substring(parts[1])), let span = SpanID(Substring(parts[2])),
            let flags = hexadecimal(parts[3], digits: 2)?.low
        else { return nil }
        (self.trace, self.span, isSampled) = (trace, span, flags & 1 == 1)
    }
}

/// Which requests' spans are told.
public struct TracePolicy: Sendable {
    private let share: Double
    private let heedsCallers: Bool

    /// - Parameters:
    ///   - share: of the requests: 0 for none, 1 for all.
    ///   - heedsCallers: whether a caller's own decision counts instead, where there is one.
    public init(share: Double, heedsCallers: Bool = false) {
        (self.share, self.heedsCallers) = (share, heedsCallers)
    }

    /// No spans.
    public static let off = TracePolicy(share: 0)

    /// - Parameters:
    ///   - traceparent: the caller's header; a bad one counts as none.
    ///   - id: what names the trace where there is none: 32 random hexadecimal digits.
    public func context(traceparent: String?, id: String?) -> TraceContext {
        guard let caller = traceparent.flatMap(TraceParent.init) else {
            let trace = id.flatMap { TraceID($0) } ?? .random()
            return TraceContext(
                trace: trace, parent: nil, isSampled: TraceContext.isAmong(share, trace.low))
        }
        let span = SpanID.random()
        return TraceContext(
            trace: caller.trace, span: span, parent: caller.span,
            isSampled: heedsCallers ? caller.isSampled : TraceContext.isAmong(share, span.rawValue))
    }
}

/// - Returns: nil unless it is so many digits, 32 at most, in lower case.
private func hexadecimal(_ text: some Collection<UInt8>, digits: Int) -> (high: UInt64, low: UInt64)? {
    guard text.count == digits else { return nil }
    var (high, low): (UInt64, UInt64) = (0, 0)
    for byte in text {
        let digit: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
        default: return nil
        }
        high = high << 4 | low >> 60
        low = low << 4 | UInt64(digit)
    }
    return (high, low)
}

private func digits(of number: UInt64) -> String {
    String(unsafeUninitializedCapacity: 16) { digits in
        for place in 0..<16 {
            let digit = UInt8(number >> UInt64(60 - 4 * place) & 0xF)
            digits[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
        return 16
    }
}
