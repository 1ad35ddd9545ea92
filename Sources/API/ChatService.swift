public import Chat
public import FastCGI
import StrictJSON

/// The HTTP side of Parley: takes a FastCGI request, finds its route, and answers in JSON or as a stream.
///
/// What every reply has: `X-Request-ID`, which is also in its log line, and in the body when it is an error. There is
/// exactly one log line for each request.
///
/// What it refuses, always with the one error object (``ErrorReply``): unknown paths and methods, a user agent that
/// no browser and no client library would send, and a body that is not JSON.
public struct ChatService: Responder {
    let pipeline: ChatPipeline
    let gate: any SessionGate
    let exchanges: any ExchangeStore
    let health: any HealthSource
    let settings: ServiceSettings
    let log: any RequestLog

    public init(
        pipeline: ChatPipeline, gate: any SessionGate, exchanges: any ExchangeStore, health: any HealthSource,
        settings: ServiceSettings, log: any RequestLog
    ) {
        self.pipeline = pipeline
        self.gate = gate
        self.exchanges = exchanges
        self.health = health
        self.settings = settings
        self.log = log
    }

    public func respond(to request: Request, with writer: ResponseWriter) async {
        var call = Call(request, writer)
        do {
            try await answer(&call)
        } catch {
            await refuse(&call, error)
        }
        log.writeLine(of: call)
    }

    private func answer(_ call: inout Call) async throws {
        let origin = settings.corsOrigin(for: call.request)
        call.corsOrigin = origin
        let route = Route(call.request.segments)
        call.route = route.name
        if call.request.method == "OPTIONS", origin != nil { return try await call.send(preflight: route) }
        let method = call.request.method == "HEAD" ? "GET" : call.request.method
        guard route.method != nil else { throw ChatError(.notFound, "There is nothing at this path; see /docs/") }
        guard method == route.method else {
            throw ChatError(
                .methodNotAllowed(allowed: route.allowed), "\(route.name) takes \(route.allowed) only")
        }
        if route.isForUsers { try settings.checkUserAgent(call.request.header("USER_AGENT")) }
        switch route {
        case .login: try await logIn(&call)
        case .logout: try await logOut(&call)
        case .session: try await showSession(&call)
        case .chat: try await chat(&call)
        case .history: try await showHistory(&call)
        case .userHistory(let user): try await showHistory(of: user, &call)
        case .health: try await showHealth(&call)
        case .life: try await showLife(&call)
        case .unknown: break
        }
    }

    /// Answers with the error object, or ends a stream with an `error` event.
    private func refuse(_ call: inout Call, _ error: any Error) async {
        if error is ResponseError || error is CancellationError {
            call.status = Call.hungUp
            call.trace.remark = error is CancellationError ? "the caller went away" : "\(error)"
            return
        }
        let reply = ErrorReply(error, requestID: call.id)
        call.failure = reply
        do {
            if let stream = call.stream, stream.hasStarted {
                try await stream.send(event: "error", data: reply.body)
            } else {
                try await call.send(reply.status, reply.body, headers: reply.headers)
            }
        } catch {
            call.trace.remark = "reply not sent: \(error)"
        }
    }
}
