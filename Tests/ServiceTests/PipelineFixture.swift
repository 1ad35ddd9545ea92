import Foundation
import Sanitizing
import Sessions
import SharedMemory
import Storage
import Support
import Synchronization
import Testing

@testable import Chat

/// Answers with a count of its calls, or fails; remembers what it was asked.
final class ScriptedModel: LanguageModel {
    let requests = Mutex<[ModelRequest]>([])
    let failure = Mutex<ModelFailure?>(nil)
    let finishReason = Mutex(FinishReason.stop)
    /// Awaited in the midst of each call, after its first piece of text.
    let pause = Mutex<(@Sendable () async throws -> Void)?>(nil)
    private let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)

    func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws
        -> ModelAnswer
    {
        let number = requests.withLock { requests in
            requests.append(request)
            return requests.count
        }
        let pause = pause.withLock { $0 }
        arrived.yield()
        onDelta?.take(.text("answer "))
        try await pause?()
        if let failure = failure.withLock({ $0 }) { throw failure }
        onDelta?.take(.text("\(number)"))
        return ModelAnswer(
            text: "answer \(number)", model: "scripted-1", provider: "scripted",
            usage: TokenUsage(prompt: 3, completion: 2), finishReason: finishReason.withLock { $0 })
    }

    func waitForCall() async { for await _ in arrivals { return } }

    var calls: Int { requests.withLock { $0.count } }
}

/// The real authenticator, sanitizer, cache and database around a scripted model.
final class PipelineFixture: Sendable {
    let model = ScriptedModel()
    let database: Database
    let pipeline: ChatPipeline
    let authenticator: TokenAuthenticator
    var load: ConcurrencyLimit { pipeline.load }
    /// How many take part in each call, and share it from then on.
    var takingPart: [Int] { pipeline.cache.flights.participants }
    var asking: Int { takingPart.reduce(0, +) }
    /// Nil beside another bench, whose folder it is.
    private let folder: String?
    private let path: String
    let memory: MemoryCache
    private let purges: PurgeBoard

    /// - Parameters:
    ///   - neighbour: another worker of the same pool.
    ///   - lifetimes: of cached answers.
    ///   - ledger: in place of the database.
    init(
        besides neighbour: PipelineFixture? = nil, messageLimit: Int = 50, danger: ChatPolicy.Danger = .hold,
        promptInjection: ChatPolicy.Danger = .flag,
        lifetimes: CacheLifetimes = CacheLifetimes(60), keepsTruncated: Bool = false, maxInFlight: Int = 100,
        cacheScope: ChatPolicy.CacheScope = .user, background: Background = Background(),
        contextTokens: Int = 8_000, sanitizer: any Sanitizer = MessageSanitizer(mode: .smart),
        ledger: (Database) -> any Ledger = { $0 }
    ) async throws {
        if let neighbour {
            (folder, path, purges) = (nil, neighbour.path, neighbour.purges)
        } else {
            let folder = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            (self.folder, path) = (folder, folder + "/parley.sqlite")
            purges = PurgeBoard(on: try Board([PurgeBoard.section]))
        }
        database = try Database(
            path: path, messageLimit: messageLimit, staleLifetime: .seconds(60), purged: purges)
        memory = MemoryCache(maximumBytes: 1_000_000, purged: purges)
        try await database.prepare()
        authenticator = TokenAuthenticator(
            secret: try TokenSecret("0123456789abcdef0123456789abcdef"), store: database, lifetime: 3_600)
        pipeline = ChatPipeline(
            authenticator: authenticator, sanitizer: sanitizer,
            cache: AnswerCache(
                memory: memory, ledger: ledger(database), answers: database,
                leases: database,
                lifetimes: lifetimes, firstModel: "scripted-1", staleLifetime: 60, keepsTruncated: keepsTruncated,
                background: background),
            model: model, ledger: ledger(database),
            ids: ExchangeIDGenerator { [database] in database.claimWorkerNumber() },
            policy: ChatPolicy(
                system: "Be brief.", temperature: 0.7, maxTokens: 500, models: "scripted/scripted-1",
                modelList: ModelList([.init(name: "scripted-1", owner: "scripted")]), deadline: .seconds(60),
                danger: danger, promptInjection: promptInjection, cacheScope: cacheScope, contextTokens: contextTokens),
            load: ConcurrencyLimit(limit: maxInFlight), background: background)
    }

    deinit { if let folder { try? FileManager.default.removeItem(atPath: folder) } }

    func logIn(_ email: String = "ann@example.com") async throws -> String {
        try await authenticator.open(try Email(email), browser: "test", address: "127.0.0.1").token
    }

    typealias Hearer = @Sendable (AnswerDelta) async throws -> Void

    func ask(
        _ text: String, _ token: String, conversation: ConversationID? = nil, at position: Position? = nil,
        _ control: CacheControl = .none, onDelta: Hearer? = nil
    ) async throws -> Exchange {
        var question = try ChatRequest(
            question: text, field: "message", at: position ?? conversation.map { .end(of: $0) })
        question.cacheControl = control
        return try await ask(question, token, onDelta: onDelta)
    }

    func regenerate(_ id: ExchangeID, _ token: String) async throws -> Exchange {
        try await ask(ChatRequest(regenerating: id, field: "regenerate"), token)
    }

    private func ask(_ question: ChatRequest, _ token: String, onDelta: Hearer? = nil) async throws -> Exchange {
        var trace = RequestTrace()
        let principal = try await pipeline.identify(token, trace: &trace)
        let hear: AnswerHandler = { event, _ in
            guard case .deltas(let deltas, _) = event else { return }
            for delta in deltas { try await onDelta?(delta) }
        }
        let onAnswer = onDelta == nil ? nil : hear
        return try await pipeline.answer(question, for: principal, trace: &trace, onAnswer: onAnswer)
    }

    func history(_ token: String) async throws -> [Exchange] {
        try await database.history(of: try await authenticator.identify(token), limit: 100, before: nil).admitted()
    }

    /// Returns once another worker waits for the answer that this one asks for.
    func untilAwaited(_ text: String, _ token: String) async throws {
        try await until("another worker waits") { try await isAwaited(text, token) }
    }

    func isAwaited(_ text: String, _ token: String) async throws -> Bool {
        try await database.isAwaited(try await key(text, token))
    }

    /// What the pool shares, of a question without a conversation.
    func stored(_ text: String, _ token: String) async throws -> CachedAnswer? {
        try await database.get(try await key(text, token))
    }

    private func key(_ text: String, _ token: String) async throws -> CacheKey {
        let request = ModelRequest(
            messages: [ChatMessage(role: .system, text: "Be brief."), .user(text)], temperature: 0.7, maxTokens: 500)
        let user = try await authenticator.admit(token).user.rawValue
        return CacheKey(request, scope: user, models: "scripted/scripted-1")
    }
}

extension Authenticator {
    func admit(_ token: String?) async throws -> Session { try await session(of: try await identify(token)) }
}

/// Holds the model's calls until it is opened.
final class Gate: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    func open() { continuation.finish() }
    func wait() async throws {
        for await _ in stream {}
        try Task.checkCancellation()
    }
}

extension PipelineFixture {
    func hold() -> Gate {
        let gate = Gate()
        model.pause.withLock { $0 = { try await gate.wait() } }
        return gate
    }

    /// Holds calls, which then break off.
    func breakOff() -> Gate {
        let gate = Gate()
        model.pause.withLock {
            $0 = {
                try await gate.wait()
                throw ModelFailure(provider: "p", reason: .truncated, detail: "cut")
            }
        }
        return gate
    }
}
