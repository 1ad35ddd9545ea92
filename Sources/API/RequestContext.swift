import Chat
import FastCGI

/// One request on its way, and what is known of it so far.
struct RequestContext {
    /// What nginx calls a caller who closed the connection; no reply has it.
    static let hungUp = 499

    let request: Request
    let writer: ResponseWriter
    let id: String
    /// Of several routes at the path any one, when none takes the method; nil when there is none.
    var route: Route?
    /// What the caller is told in.
    var dialect: any Dialect.Type { route?.dialect ?? Route.dialect(for: request) }
    var trace: RequestTrace
    var status: Int?
    var failure: ErrorReply?
    var stream: EventStream?
    var corsOrigin: String?

    init(_ request: Request, _ writer: ResponseWriter, _ tracing: TracePolicy) {
        self.request = request
        self.writer = writer
        id = request.identifier()
        trace = RequestTrace(
            context: tracing.context(
                traceparent: request.onlyHeader("TRACEPARENT"), id: request.parameter("TRACE_ID")))
    }

    /// Has `answer` answer a request, or refuses it when that throws, and tells what became of it.
    static func serve(
        _ request: Request, _ writer: ResponseWriter, _ telemetry: any Telemetry, _ tracing: TracePolicy,
        _ answer: (inout RequestContext) async throws -> Void
    ) async {
        var context = RequestContext(request, writer, tracing)
        do { try await answer(&context) } catch { await context.refuse(error) }
        telemetry.record(context.report())
    }

    /// Characters: it may quote the caller.
    private static let longestCause = 500

    private static func cut(_ cause: String) -> String {
        cause.utf8.count <= longestCause ? cause : cause.prefix(longestCause) + "…"
    }

    private mutating func report() -> RequestReport {
        trace.finish()
        trace.add(writer.bytesSent, to: .bytesSent)
        return RequestReport(
            id: id, method: request.method, route: route?.path ?? "unknown", status: failure?.status ?? status ?? 0,
            cause: failure.map { Self.cut($0.cause) }, trace: trace)
    }

    /// What the path has in the place of a placeholder of its route.
    func pathValue(_ name: String) -> String? {
        guard let route, let sent = request.segments, let index = route.segments.firstIndex(of: "{\(name)}") else {
            return nil
        }
        return index == route.segments.count - 1 ? sent[index...].joined(separator: "/") : sent[index]
    }

    /// Headers of every reply, streamed ones too.
    func headers(_ contentType: String) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = [
            ("Content-Type", contentType), ("X-Request-ID", id), ("Cache-Control", "no-store"),
        ]
        if let corsOrigin {
            headers.append(("Access-Control-Allow-Origin", corsOrigin))
            headers.append(
                ("Access-Control-Expose-Headers", "Retry-After, X-Request-ID, X-Parley-Cache, X-Should-Retry"))
            headers.append(("Vary", "Origin"))
        }
        return headers
    }

    /// Begins a stream: from now on it is how errors are told, once its head is sent.
    ///
    /// - Parameter interval: of comments while there is nothing to send.
    mutating func startStream(every interval: Duration, _ background: Background) -> EventStream {
        let stream = EventStream(writer, headers: headers(EventStream.contentType), rates: trace.rates)
        stream.sendComments(every: interval, background)
        (self.stream, status) = (stream, 200)
        return stream
    }

    mutating func send(
        _ status: Int, _ body: [UInt8], type: String = "application/json",
        headers extra: [(name: String, value: String)] = []
    ) async throws {
        self.status = status
        let headers = headers(type) + RateHeaders.headers(trace.rates?.report) + extra
        try await writer.send(ResponseHead(status: status, headers: headers), body: body)
    }

    mutating func send(preflight allowed: String) async throws {
        status = 204
        let head = ResponseHead(
            status: 204,
            headers: headers("application/json") + [
                ("Access-Control-Allow-Methods", allowed),
                // OpenAI's clients in a browser send a dozen of their own; a wildcard does not stand for Authorization.
                (
                    "Access-Control-Allow-Headers",
                    "Authorization, Cache-Control, Content-Type, Last-Event-ID, X-Request-ID, *"
                ),
                ("Access-Control-Max-Age", "600"),
            ])
        try await writer.send(head, body: [])
    }

    /// Answers with the error object, or ends a stream with it.
    private mutating func refuse(_ error: any Error) async {
        await stream?.silence()
        if error is ResponseError || error is CancellationError {
            status = Self.hungUp
            trace.remark = error is CancellationError ? "the caller went away" : "\(error)"
            return
        }
        let reply = ErrorReply(error, requestID: id, in: dialect)
        failure = reply
        do {
            if let stream, stream.hasStarted {
                try await stream.send(dialect.event(of: reply))
            } else {
                try await send(reply.status, dialect.body(of: reply), headers: reply.headers)
            }
        } catch {
            trace.remark = "reply not sent: \(error)"
        }
    }
}
