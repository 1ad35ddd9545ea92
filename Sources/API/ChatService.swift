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
        await RequestContext.serve(request, writer, log, answer)
    }

    public func reply(toUnanswered request: Request) -> (head: ResponseHead, body: [UInt8]) {
        ErrorReply.unanswered(request)
    }

    private func answer(_ context: inout RequestContext) async throws {
        let origin = settings.corsOrigin(for: context.request)
        context.corsOrigin = origin
        let route = Route(context.request.segments)
        context.route = route.name
        if context.request.method == "OPTIONS", origin != nil { return try await context.send(preflight: route) }
        let method = context.request.method == "HEAD" ? "GET" : context.request.method
        guard route.method != nil else { throw ChatError(.notFound, "There is nothing at this path; see /docs/") }
        guard method == route.method else {
            throw ChatError(
                .methodNotAllowed(allowed: route.allowed), "\(route.name) takes \(route.allowed) only")
        }
        if route.isForUsers { try settings.checkUserAgent(context.request.header("USER_AGENT")) }
        switch route {
        case .login: try await logIn(&context)
        case .logout: try await logOut(&context)
        case .session: try await showSession(&context)
        case .chat: try await chat(&context)
        case .history: try await showHistory(&context)
        case .userHistory(let user): try await showHistory(of: user, &context)
        case .health: try await showHealth(&context)
        case .life: try await showLife(&context)
        case .unknown: break
        }
    }
}
