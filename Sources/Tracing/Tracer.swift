public import Chat
internal import Glibc

/// Tells a collector of OpenTelemetry what happened to requests: OTLP over HTTP, in JSON.
///
///     RequestReport ─▶ Tracer ─▶ ExportedSpan ─▶ SpanExporter ──512 spans or 5 s──▶ Collector ─▶ libcurl
///     ModelAttempt  ─▶                            (bounded)
///
/// A request is one span of a server, its stages are parts of it, and so is each call of a provider. Spans are written when
/// the work is over, and leave beside the requests: a collector that is away, slow or refuses costs them nothing.
///
/// It refuses: texts of messages, unless it is told to take them; more spans than may wait, which are counted.
public struct Tracer: Telemetry {
    let exporter: SpanExporter
    /// Whether spans have the texts of questions and answers.
    let hasContent: Bool

    public init(_ exporter: SpanExporter, hasContent: Bool = false) {
        (self.exporter, self.hasContent) = (exporter, hasContent)
    }

    public func record(_ report: RequestReport) {
        guard let context = report.trace.context, context.isSampled, let whole = report.trace.span(.request) else {
            return
        }
        let time = WallClock()
        exporter.add(Self.server(report, context, whole, time).json)
        for name in Chat.Span.Name.allCases where name != .request {
            guard let stage = report.trace.span(name) else { continue }
            exporter.add(
                ExportedSpan(
                    "\(name)", .internal, context.child(), from: time.nanoseconds(stage.start),
                    until: time.nanoseconds(stage.end)
                ).json)
        }
    }

    private static func server(
        _ report: RequestReport, _ context: TraceContext, _ whole: Chat.Span, _ time: WallClock
    ) -> ExportedSpan {
        let isKnown = methods.contains(report.method)
        let hasRoute = report.route != "unknown"
        var span = ExportedSpan(
            (isKnown ? report.method : "HTTP") + (hasRoute ? " \(report.route)" : ""), .server, context,
            from: time.nanoseconds(whole.start), until: time.nanoseconds(whole.end))
        span.add("http.request.method", isKnown ? report.method : "_OTHER")
        if hasRoute { span.add("http.route", report.route) }
        if report.status > 0 { span.add("http.response.status_code", report.status) }
        span.add("http.response.body.size", report.trace[.bytesSent])
        span.add("parley.request_id", report.id)
        span.add(GenAINames.conversationID, report.trace.conversation?.text)
        span.add("parley.cache", report.trace.cache?.rawValue)
        span.add("parley.provider", report.trace.provider)
        span.add("parley.model", report.trace.model)
        span.add("parley.danger", report.trace.danger)
        if report.trace.held { span.add("parley.held", true) }
        if report.status >= 500 || report.status == 0 {
            span.add("error.type", report.status == 0 ? "no_reply" : String(report.status))
            span.failure = report.cause ?? ""
        }
        return span
    }

    /// Of RFC 9110 and RFC 5789: what callers make up does not become the name of a span.
    private static let methods: Set = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
}

/// What time of the day an instant was.
struct WallClock {
    private let instant = ContinuousClock.now
    private let now: Int64

    init() {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Since 1970.
    func nanoseconds(_ past: ContinuousClock.Instant) -> Int64 {
        now - Int64((instant - past).attoseconds / 1_000_000_000)
    }
}
