internal import Chat
internal import StrictJSON

/// One span as OTLP has it in JSON: names in lowerCamelCase, ids in hexadecimal, 64-bit integers as strings, enumerations as
/// numbers (opentelemetry-proto, trace/v1/trace.proto; OTLP specification, JSON Protobuf Encoding).
struct ExportedSpan {
    enum Kind: Int {
        case `internal` = 1
        case server, client
    }

    enum Value {
        case text(String)
        case number(Int)
        case decimal(Double)
        case flag(Bool)
        case texts([String])
    }

    private let name: String
    private let kind: Kind
    private let context: TraceContext
    private let start: Int64
    private let end: Int64
    private var attributes: [(name: String, value: Value)] = []
    /// Why what it stands for failed; nil when it did not.
    var failure: String?

    /// - Parameter start: in nanoseconds since 1970.
    init(_ name: String, _ kind: Kind, _ context: TraceContext, from start: Int64, until end: Int64) {
        (self.name, self.kind, self.context, self.start, self.end) = (name, kind, context, start, max(start, end))
    }

    mutating func add(_ name: String, _ text: String?) { if let text { attributes.append((name, .text(text))) } }
    mutating func add(_ name: String, _ number: Int?) { if let number { attributes.append((name, .number(number))) } }
    mutating func add(_ name: String, _ number: Double?) {
        if let number, number.isFinite { attributes.append((name, .decimal(number))) }
    }
    mutating func add(_ name: String, _ flag: Bool) { attributes.append((name, .flag(flag))) }
    mutating func add(_ name: String, _ texts: [String]) { attributes.append((name, .texts(texts))) }

    var json: [UInt8] {
        JSONWriter.object(capacity: 768, escapes: .plain) { json in
            json.member("traceId", context.trace.text)
            json.member("spanId", context.span.text)
            if let parent = context.parent { json.member("parentSpanId", parent.text) }
            json.member("name", name)
            json.member("kind", kind.rawValue)
            json.member("startTimeUnixNano", String(start))
            json.member("endTimeUnixNano", String(end))
            json.array("attributes") { list in
                for (name, value) in attributes { list.object { $0.attribute(name, value) } }
            }
            if let failure {
                json.object("status") { status in
                    status.member("code", 2)
                    if !failure.isEmpty { status.member("message", failure) }
                }
            }
        }
    }
}

extension JSONWriter.Members {
    /// A KeyValue.
    mutating func attribute(_ name: String, _ value: ExportedSpan.Value) {
        member("key", name)
        object("value") { json in
            switch value {
            case .text(let text): json.member("stringValue", text)
            case .number(let number): json.member("intValue", String(number))
            case .decimal(let number): json.member("doubleValue", number)
            case .flag(let flag): json.member("boolValue", flag)
            case .texts(let texts):
                json.object("arrayValue") { json in
                    json.array("values") { values in
                        for text in texts { values.object { $0.member("stringValue", text) } }
                    }
                }
            }
        }
    }
}
