public import Chat
public import FastCGI
import StrictJSON
import Synchronization

/// The HTTP side of Parley: takes a FastCGI request, finds its route, and answers in JSON or as a stream.
///
/// What every reply has: `X-Request-ID`, which is also in its log line, and in the body when it is an error. There is
/// exactly one log line for each request.
///
/// What it refuses, always with the one error object (``ErrorReply``): unknown paths and methods, a user agent that
/// no browser and no client library would send, a body that is not JSON, and more chats at once than the worker may
/// hold.
public struct ChatService: Responder {
    let pipeline: ChatPipeline
    let gate: any SessionGate
    let exchanges: any ExchangeStore
    let health: any HealthSource
    let settings: ServiceSettings
    let log: any RequestLog
    let load: Load

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
        load = Load(limit: settings.maxInFlight)
    }

    public func respond(to request: Request, with writer: ResponseWriter) async {
        var call = Call(request, writer)
        do {
            try await answer(&call)
        } catch {
            await refuse(&call, error)
        }
        writeLog(of: call)
    }

    private func answer(_ call: inout Call) async throws {
        let origin = settings.corsOrigin(for: call.request)
        call.corsOrigin = origin
        let route = Route(path: call.request.path)
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
        case .unknown: break
        }
    }

    /// Answers with the error object, or ends a stream with an `error` event.
    private func refuse(_ call: inout Call, _ error: any Error) async {
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

/// One request on its way, and what is known of it so far.
struct Call {
    let request: Request
    let writer: ResponseWriter
    let id: String
    let start = ContinuousClock.now
    var route = "unknown"
    var trace = RequestTrace()
    var status: Int?
    var failure: ErrorReply?
    var stream: EventStream?
    var corsOrigin: String?

    init(_ request: Request, _ writer: ResponseWriter) {
        self.request = request
        self.writer = writer
        id = requestID(request.header("X_REQUEST_ID"))
    }

    /// Headers of every reply, streamed ones too.
    func headers(_ contentType: String) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = [
            ("Content-Type", contentType), ("X-Request-ID", id), ("Cache-Control", "no-store"),
        ]
        if let corsOrigin {
            headers.append(("Access-Control-Allow-Origin", corsOrigin))
            headers.append(("Access-Control-Expose-Headers", "X-Request-ID, Retry-After"))
            headers.append(("Vary", "Origin"))
        }
        return headers
    }

    mutating func send(_ status: Int, _ body: [UInt8], headers extra: [(name: String, value: String)] = [])
        async throws
    {
        self.status = status
        try await writer.send(ResponseHead(status: status, headers: headers("application/json") + extra), body: body)
    }

    mutating func send(preflight route: Route) async throws {
        status = 204
        let head = ResponseHead(
            status: 204,
            headers: headers("application/json") + [
                ("Access-Control-Allow-Methods", route.allowed),
                ("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-ID"),
                ("Access-Control-Max-Age", "600"),
            ])
        try await writer.send(head, body: [])
    }
}

/// How many chats this worker holds now, and may hold.
final class Load: Sendable {
    private let limit: Int
    private let count = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var current: Int { count.load(ordering: .relaxed) }

    func enter() throws(ChatError) {
        guard count.add(1, ordering: .relaxed).newValue <= limit else {
            leave()
            throw ChatError(.overloaded, "The server is busy; please try again", retryAfter: 1)
        }
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}
