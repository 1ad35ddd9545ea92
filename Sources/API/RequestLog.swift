public import Chat

/// Where the one line of each request goes.
public protocol RequestLog: Telemetry {
    /// Whether a line of this weight is wanted; asked before the line is made.
    func takes(_ weight: LogWeight) -> Bool
    /// Of the requests with which all is well, the share that is written. One with a danger or a remark always is.
    var share: Double { get }
    func write(_ weight: LogWeight, _ fields: [LogField])
}

/// How much an operator should care.
public enum LogWeight: Sendable {
    /// All is well.
    case info
    /// The caller was refused.
    case notice
    /// Something here, or behind here, does not work.
    case error
}

/// A named value of a log line, in the order of writing.
public struct LogField: Sendable {
    public enum Value: Sendable {
        case text(String)
        case number(Int)
        /// Three digits after the point are meant.
        case milliseconds(Double)
        case flag(Bool)
    }

    public let name: String
    public let value: Value

    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}

extension RequestLog {
    public var share: Double { 1 }

    /// Never a token, a key, an address of a person or a text of a message.
    public func record(_ report: RequestReport) {
        let status = report.status
        let weight: LogWeight = status >= 500 || status == 0 ? .error : status >= 400 ? .notice : .info
        guard takes(weight) else { return }
        let trace = report.trace
        if share < 1, weight == .info, trace.danger == nil, trace.remark == nil,
            trace.context?.isAmong(share: share) == false
        {
            return
        }
        var fields: [LogField] = []
        fields.reserveCapacity(20)
        func add(_ name: String, _ value: LogField.Value) { fields.append(LogField(name, value)) }
        func add(_ name: String, _ text: String?) { if let text { add(name, .text(text)) } }

        add("request_id", .text(report.id))
        add("trace_id", trace.context?.trace.text)
        add("method", .text(report.method))
        add("route", .text(report.route))
        add("status", .number(status))
        add("bytes", .number(trace[.bytesSent]))
        for name in Span.Name.allCases {
            if let span = trace.span(name) { add(name.field, .milliseconds(span.milliseconds)) }
        }
        add("cache", trace.cache?.rawValue)
        add("provider", trace.provider)
        add("model", trace.model)
        if trace.cache == .miss { add("tokens", .number(trace[.totalTokens])) }
        if trace.held { add("held", .flag(true)) }
        add("danger", trace.danger)
        add("cause", report.cause)
        add("remark", trace.remark)
        write(weight, fields)
    }
}

extension Span.Name {
    /// The name of its milliseconds in the log.
    fileprivate var field: String {
        switch self {
        case .request: "ms"
        case .session: "session_ms"
        case .sanitize: "sanitize_ms"
        case .cache: "cache_ms"
        case .place: "place_ms"
        case .model: "model_ms"
        case .record: "record_ms"
        }
    }
}
