import API
import Chat
import FastCGI
import Foundation
import Sanitizing
import Sessions
import SharedMemory
import Storage
import Synchronization

/// The real service, gate, sanitizer and database around a scripted model, without nginx: a request in, a reply out.
final class Stage: Sendable {
    let model = ScriptedModel()
    let health = ScriptedHealth()
    let log = RecordedLog()
    private let service: ChatService
    private let folder: String

    /// - Parameters:
    ///   - gate: in place of the real one.
    ///   - provesUsers: whether tokens prove whose they are, as an identity provider's do.
    ///   - mailer: takes codes to addresses, without which nobody is let in; nil where nothing is proved.
    init(
        mailer: (any CodeMailer)? = nil, gate other: (any Authenticator)? = nil, provesUsers: Bool = false,
        corsOrigins: [String] = [], messageLimit: Int = 50,
        cachesTools: Bool = false, streamCommit: AnswerCache.StreamCommit = .immediate, window: Duration = .seconds(60),
        commentInterval: Duration = .seconds(60)
    ) async throws {
        folder = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let purges = PurgeBoard(on: try Board([PurgeBoard.section]))
        let database = try Database(
            path: folder + "/parley.sqlite", messageLimit: messageLimit, purged: purges)
        try await database.prepare()
        let secret = try TokenSecret("0123456789abcdef0123456789abcdef")
        let sessions = TokenAuthenticator(secret: secret, store: database, lifetime: 3_600)
        let gate = other ?? (provesUsers ? ProvingGate(sessions: sessions) : sessions)
        let login = mailer.map { mailer in
            Login.code(
                MailedCodeLogin(
                    sessions, hashes: KeyedHash(IdentityKey(of: secret)), store: database, mailer: mailer,
                    limits: .init(mailbox: 20, client: 1_000)))
        }
        let models = ModelList(
            [.init(name: "scripted-1", owner: "scripted"), .init(name: "vendor/other", owner: "other")],
            aliases: ["gpt-4o": "scripted-1"])
        let pipeline = ChatPipeline(
            authenticator: gate, sanitizer: MessageSanitizer(mode: .smart),
            cache: AnswerCache(
                memory: MemoryCache(maximumBytes: 1_000_000, purged: purges), ledger: database, answers: database,
                leases: database,
                lifetimes: CacheLifetimes(60), streamCommit: streamCommit),
            model: model, ledger: database, ids: ExchangeIDGenerator { 0 },
            policy: ChatPolicy(
                system: "Be brief.", temperature: 0.7, maxTokens: 500, models: "scripted/scripted-1",
                modelList: models, deadline: .seconds(60), danger: .hold, cacheScope: .session),
            load: ConcurrencyLimit(limit: 100))
        let completions = pipeline.under(
            ChatPolicy(
                contract: .completion, system: "", temperature: nil, maxTokens: 4_096, models: "scripted/scripted-1",
                modelList: models, deadline: .seconds(60), danger: .hold, cacheScope: .session, cachesTools: cachesTools
            ),
            MessageSanitizer(mode: .off))
        service = ChatService(
            pipeline: pipeline, completions: completions, streams: ResumableStreams(window: window),
            authenticator: gate, login: login ?? .open, ledger: database, conversations: database, usage: database,
            health: health,
            settings: ServiceSettings(
                version: "test", messageLimit: messageLimit, minimumUserAgentLength: 10, corsOrigins: corsOrigins,
                commentInterval: commentInterval),
            telemetry: log)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// - Parameters:
    ///   - target: path and query, as sent.
    ///   - headers: by their CGI names without `HTTP_`.
    ///   - piecesTaken: after so many the caller has hung up.
    func send(
        _ method: String, _ target: String, token: String? = nil, body: Request.Body? = nil,
        headers: [String: String] = [:], piecesTaken: Int = .max
    ) async -> Reply {
        await send(
            method, target, token: token, body, headers: headers, to: RecordedReply(piecesTaken: piecesTaken))
    }

    func send(
        _ method: String, _ target: String, token: String?, _ json: String?, headers: [String: String] = [:],
        to channel: RecordedReply
    ) async -> Reply {
        let body = json.map { Request.Body.complete(Array($0.utf8)) }
        return await send(method, target, token: token, body, headers: headers, to: channel)
    }

    /// - Parameter channel: what is sent can be looked at there meanwhile.
    private func send(
        _ method: String, _ target: String, token: String?, _ body: Request.Body?, headers: [String: String],
        to channel: RecordedReply
    ) async -> Reply {
        var parameters = [("REQUEST_METHOD", method), ("REQUEST_URI", target), ("REMOTE_ADDR", "192.0.2.1")]
        if let mark = target.firstIndex(of: "?") {
            parameters.append(("QUERY_STRING", String(target[target.index(after: mark)...])))
        }
        var headers = headers.merging(["USER_AGENT": "parley-tests/1.0"]) { given, _ in given }
        if let token { headers["AUTHORIZATION"] = "Bearer \(token)" }
        for (name, value) in headers {
            parameters.append((name == "CONTENT_TYPE" ? name : "HTTP_" + name, value))
        }
        if body != nil, headers["CONTENT_TYPE"] == nil { parameters.append(("CONTENT_TYPE", "application/json")) }
        return await answer(Request(parameters: parameters, body: body ?? .complete([])), on: channel)
    }

    private func answer(_ request: Request, on channel: RecordedReply) async -> Reply {
        let writer = ResponseWriter(channel)
        await service.respond(to: request, with: writer)
        if channel.bytes.isEmpty, !Task.isCancelled {
            let (head, body) = service.reply(toUnanswered: request)
            try? await writer.send(head, body: body)
        }
        return Reply(channel.bytes)
    }

    func post(_ target: String, token: String? = nil, _ json: String, headers: [String: String] = [:]) async -> Reply {
        await send("POST", target, token: token, body: .complete(Array(json.utf8)), headers: headers)
    }

    func get(_ target: String, token: String? = nil, headers: [String: String] = [:]) async -> Reply {
        await send("GET", target, token: token, headers: headers)
    }

    /// - Returns: the token of a new session.
    func logIn() async throws -> String {
        let reply = await post("/auth/email", #"{"email":"ann@example.com"}"#)
        guard reply.status == 200, let token = reply.text("access_token") else { throw NoLogin(reply: reply) }
        return token
    }

    struct NoLogin: Error { let reply: Reply }
}

/// Takes each token for proof of its user.
private struct ProvingGate: Authenticator {
    let sessions: TokenAuthenticator

    func open(_ email: Email, browser: String, address: String) async throws -> (session: Session, token: String) {
        try await sessions.open(email, browser: browser, address: address)
    }

    func identify(_ token: String?) async throws -> Principal {
        let principal = try await sessions.identify(token)
        return Principal(session: principal.session, user: principal.user, isProved: true)
    }

    func session(of principal: Principal) async throws -> Session { try await sessions.session(of: principal) }
    func end(_ principal: Principal) async throws { try await sessions.end(principal) }
    func endAll(_ principal: Principal) async throws -> Int { try await sessions.endAll(principal) }
}

/// Answers with the pieces that it was given, and then fails or not.
final class ScriptedModel: LanguageModel {
    let pieces = Mutex(["You ", "asked."])
    let failure = Mutex<(any Error)?>(nil)
    let requests = Mutex<[ModelRequest]>([])
    /// After the pieces, each in two fragments.
    let toolCalls = Mutex<[ToolCall]>([])
    let takesTools = Mutex(true)
    /// Awaited after the first piece.
    let pause = Mutex<(@Sendable () async throws -> Void)?>(nil)

    func supports(_ request: ModelRequest) -> Bool { !request.usesTools || takesTools.withLock { $0 } }

    func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws
        -> ModelAnswer
    {
        requests.withLock { $0.append(request) }
        let pieces = pieces.withLock { $0 }
        let pause = pause.withLock { $0 }
        for (index, piece) in pieces.enumerated() {
            onDelta?.take(.text(piece))
            if index == 0 { try await pause?() }
        }
        let calls = toolCalls.withLock { $0 }
        for (index, call) in calls.enumerated() {
            let middle = call.arguments.index(call.arguments.startIndex, offsetBy: call.arguments.count / 2)
            onDelta?.take(
                .toolCall(
                    ToolCallDelta(
                        index: index, id: call.id, name: call.name, arguments: String(call.arguments[..<middle]),
                        thoughtSignature: call.thoughtSignature)))
            onDelta?.take(
                .toolCall(ToolCallDelta(index: index, id: nil, name: nil, arguments: String(call.arguments[middle...])))
            )
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        return ModelAnswer(
            text: pieces.joined(), toolCalls: calls, model: "scripted-1", provider: "scripted",
            usage: TokenUsage(prompt: 3, completion: 2), finishReason: calls.isEmpty ? .stop : .toolCalls)
    }
}

final class ScriptedHealth: HealthSource {
    func outbox() async -> [OutboxHealth] { [] }
    let isMailTaken: Bool? = nil
    let store = Mutex(StoreHealth(readingFault: nil, writingFault: nil, cause: nil))
    let asked = Mutex(0)
    let circuit = Mutex("closed")

    var providers: [ProviderHealth] {
        let circuit = circuit.withLock { $0 }
        return [ProviderHealth(name: "scripted", model: "scripted-1", circuit: circuit, cause: nil, retryIn: nil)]
    }
    var isEcho: Bool { false }
    var cacheBytes: Int { 0 }

    func database() async -> StoreHealth {
        asked.withLock { $0 += 1 }
        return store.withLock { $0 }
    }
}

final class RecordedLog: RequestLog {
    private let recorded = Mutex<[[String: String]]>([])

    /// The fields of each line, in words.
    var lines: [[String: String]] { recorded.withLock { $0 } }

    func takes(_ weight: LogWeight) -> Bool { true }

    func write(_ weight: LogWeight, _ fields: [LogField]) {
        let line = fields.reduce(into: ["weight": "\(weight)"]) { line, field in
            switch field.value {
            case .text(let text): line[field.name] = text
            case .number(let number): line[field.name] = String(number)
            case .milliseconds(let number): line[field.name] = String(number)
            case .flag(let flag): line[field.name] = String(flag)
            }
        }
        recorded.withLock { $0.append(line) }
    }
}
