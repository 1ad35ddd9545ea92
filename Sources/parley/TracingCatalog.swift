import Chat
import Glibc
import Logging
import Tracing

/// The settings of traces.
extension Catalog {
    static let otlpEndpoint = Setting<String>(
        "CHAT_OTLP_ENDPOINT", nil,
        "Collector that traces are sent to: OTLP over HTTP in JSON, such as http://127.0.0.1:4318. By default there are none."
    ) { text throws(SettingFault) in
        do throws(Collector.Fault) { _ = try Collector(endpoint: text) } catch { throw SettingFault(error.reason) }
        return text
    }
    static let otlpHeaders = Setting<String>(
        "CHAT_OTLP_HEADERS", nil,
        "Headers that the collector wants: name=value between commas, values percent-encoded.", isSecret: true
    ) { text throws(SettingFault) in
        do throws(Collector.Fault) { _ = try Collector(endpoint: "http://localhost", headers: text) } catch {
            throw SettingFault(error.reason)
        }
        return text
    }
    static let traceRatio = Setting.number(
        "CHAT_TRACE_RATIO", "1", 0...1, "Share of the requests that are traced, from 0 for none to 1 for all.")
    static let traceCallers = Setting.flag(
        "CHAT_TRACE_CALLERS", false,
        "Whether a caller who sends a traceparent decides instead; only where strangers cannot.")
    static let traceContent = Setting.flag(
        "CHAT_TRACE_CONTENT", false, "Whether traces have the texts of questions and answers.")
}

extension Settings {
    /// Nil where no traces are sent.
    func spanExporter(_ log: Logger) throws(SettingFault) -> SpanExporter? {
        guard let endpoint = try sources.optional(Catalog.otlpEndpoint) else { return nil }
        let headers = try sources.optional(Catalog.otlpHeaders)
        let collector: Collector
        do throws(Collector.Fault) { collector = try Collector(endpoint: endpoint, headers: headers) } catch {
            throw SettingFault("CHAT_OTLP_ENDPOINT \(error.reason)")
        }
        let resource = Resource(version: Version.text, host: ProcessEnvironment.hostName, pid: Int(getpid()))
        return SpanExporter(collector, resource: resource, background: .loop) { log.note($0) }
    }

    var tracing: TracePolicy {
        get throws(SettingFault) {
            guard try sources.optional(Catalog.otlpEndpoint) != nil else { return .off }
            return TracePolicy(
                share: try sources.required(Catalog.traceRatio),
                heedsCallers: try sources.required(Catalog.traceCallers))
        }
    }
}

extension Logger {
    fileprivate func note(_ event: SpanExporter.Event) {
        switch event {
        case .failing(let cause): warning("traces cannot be sent", metadata: ["cause": "\(cause)"])
        case .restored: notice("traces are sent again")
        case .lost(let spans, let cause):
            warning("spans lost", metadata: ["spans": .stringConvertible(spans), "cause": "\(cause)"])
        case .advice(let text): info("the collector says something", metadata: ["detail": "\(text)"])
        }
    }
}
