import Chat
import FastCGI

/// Where the one line of each request goes.
public protocol RequestLog: Sendable {
    /// Whether a line of this weight is wanted; asked before the line is made.
    func takes(_ weight: LogWeight) -> Bool
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
    /// Never a token, a key, an address of a person or a text of a message.
    func writeLine(of context: RequestContext) {
        let status = context.failure?.status ?? context.status ?? 0
        let weight: LogWeight = status >= 500 || status == 0 ? .error : status >= 400 ? .notice : .info
        guard takes(weight) else { return }
        let trace = context.trace
        var fields: [LogField] = []
        fields.reserveCapacity(20)
        func add(_ name: String, _ value: LogField.Value) { fields.append(LogField(name, value)) }
        func add(_ name: String, _ text: String?) { if let text { add(name, .text(text)) } }

        add("request_id", .text(context.id))
        add("method", .text(context.request.method))
        add("route", .text(context.route?.path ?? "unknown"))
        add("status", .number(status))
        add("bytes", .number(context.writer.bytesSent))
        add("ms", .milliseconds((ContinuousClock.now - context.start).milliseconds))
        for (stage, milliseconds) in trace.stages { add(stage.field, .milliseconds(milliseconds)) }
        add("cache", trace.cache?.rawValue)
        add("provider", trace.provider)
        add("model", trace.model)
        if let usage = trace.usage { add("tokens", .number(usage.total)) }
        if trace.held { add("held", .flag(true)) }
        add("cause", context.failure?.cause)
        add("remark", trace.remark)
        write(weight, fields)
    }
}
