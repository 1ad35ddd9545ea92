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
public final class ChatService: Responder {
    let pipeline: ChatPipeline
    /// The same for requests by OpenAI's contract.
    let completions: ChatPipeline
    var models: ModelList { completions.models }
    /// Answers that go on without their connection.
    let streams: ResumableStreams
    /// Those of the other workers; nil where there are none.
    let relay: (any AnswerRelay)?
    let authenticator: any Authenticator
    let login: Login
    let ledger: any Ledger
    let conversations: any ConversationStore
    let usage: any UsageSource
    /// Nil when there are no API keys.
    let keys: (any APIKeyRegistry)?
    let health: any HealthSource
    /// Nil when nothing is counted.
    let metrics: (any MetricsSource)?
    let settings: ServiceSettings
    let telemetry: any Telemetry
    /// Nil where nothing is kept of who did what.
    let audit: (any AuditLog)?

    public init(
        pipeline: ChatPipeline, completions: ChatPipeline, streams: ResumableStreams = ResumableStreams(),
        relay: (any AnswerRelay)? = nil, authenticator: any Authenticator,
        login: Login = .open, ledger: any Ledger, conversations: any ConversationStore, usage: any UsageSource,
        keys: (any APIKeyRegistry)? = nil, health: any HealthSource, metrics: (any MetricsSource)? = nil,
        settings: ServiceSettings,
        telemetry: any Telemetry, audit: (any AuditLog)? = nil
    ) {
        self.pipeline = pipeline
        self.completions = completions
        self.streams = streams
        self.relay = relay
        self.authenticator = authenticator
        self.login = login
        self.ledger = ledger
        self.conversations = conversations
        self.usage = usage
        self.keys = keys
        self.health = health
        self.metrics = metrics
        self.settings = settings
        self.telemetry = telemetry
        self.audit = audit
    }

    /// Keeps what a request has done.
    func note(
        _ action: AuditEvent.Action, by principal: Principal, of objects: [String] = [], count: Int? = nil,
        _ context: RequestContext
    ) {
        audit?.record(
            AuditEvent(
                action, user: principal.user, session: principal.key == nil ? principal.session : nil, of: objects,
                count: count, requestID: context.id))
    }

    /// The paths of all routes, as reports have them.
    public static var routes: [String] { Route.table.map(\.path) }

    public func respond(to request: Request, with writer: ResponseWriter) async {
        await RequestContext.serve(request, writer, telemetry, settings.tracing, answer)
    }

    public func reply(toUnanswered request: Request) -> (head: ResponseHead, body: [UInt8]) {
        ErrorReply.unanswered(request)
    }

    private func checkBody(of request: Request, for route: Route) throws(ChatError) {
        let limit = route.dialect.bodyLimit(settings)
        let isTooLarge =
            switch request.body {
            case .complete(let bytes): bytes.count > limit
            case .tooLarge: true
            case .truncated(let expected, _): expected > limit
            case .invalidLength: false
            }
        if isTooLarge { throw ChatError(.tooLarge, "The body must have at most \(limit) bytes") }
    }

    private func answer(_ context: inout RequestContext) async throws {
        let request = context.request
        context.corsOrigin = settings.corsOrigin(for: request)
        let routes = Route.all(for: request)
        context.route = routes.route(for: request.method) ?? routes.first
        if request.method == "OPTIONS", context.corsOrigin != nil {
            return try await context.send(preflight: routes.allowed)
        }
        guard let path = routes.first?.path else {
            throw ChatError(
                .notFound,
                context.dialect == CompletionDialect.self
                    ? "There is nothing at this path; the base URL for OpenAI's clients ends in /v1 (see /docs/)"
                    : "There is nothing at this path; see /docs/")
        }
        guard let route = routes.route(for: request.method) else {
            throw ChatError(.methodNotAllowed(allowed: routes.allowed), "\(path) takes \(routes.allowed) only")
        }
        if route.isForUsers { try settings.checkUserAgent(request.header("USER_AGENT")) }
        switch route.handler {
        case .anyone(let handle):
            try checkBody(of: request, for: route)
            try await handle(self)(&context)
        case .session(let handle):
            let principal = try await pipeline.identify(request.bearerToken, trace: &context.trace)
            try checkBody(of: request, for: route)
            try await handle(self)(principal, &context)
        case .management(let handle):
            let principal = try await pipeline.identify(request.bearerToken, trace: &context.trace)
            guard principal.key?.isManagement == true else {
                throw ChatError(.forbidden, "Only a management key may see and change keys")
            }
            try checkBody(of: request, for: route)
            try await handle(self)(principal, &context)
        case .chat(let dialect):
            let principal = try await pipeline.identify(request.bearerToken, trace: &context.trace)
            try checkBody(of: request, for: route)
            if principal.key != nil { context.trace.rates = RateSlot() }
            try await chat(in: dialect, principal, &context)
        }
    }
}
