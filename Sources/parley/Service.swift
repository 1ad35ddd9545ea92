import API
import Chat
import EventLoop
import Logging
import Metrics
import Models
import Outbox
import Relay
import Sanitizing
import Sessions
import SharedMemory
import Storage
import Tracing

/// Everything wired: the one place that knows every adapter.
struct Service {
    let database: Database
    let memory: MemoryCache
    let providers: Providers
    let responder: ChatService
    /// Answers that go on without their connection.
    let streams: ResumableStreams
    /// Where other workers hear of this one's answers; nil where there are no others.
    let relay: Relay?
    let login: LoginService
    /// Nil where no traces are sent.
    let spans: SpanExporter?
    /// Tells others of exchanges.
    let sender: Sender
    /// Nil where none is kept.
    let audit: AuditFile?

    /// - Parameter isPooled: whether there are other workers.
    init(_ settings: Settings, log: Logger, isPooled: Bool) async throws {
        audit = try AuditFile(settings.sources, log)
        spans = try settings.spanExporter(log)
        let requestLog = LogOutput(
            level: settings.logLevel, share: try settings.sources.required(Catalog.logShare))
        let tracer = try spans.map { Tracer($0, hasContent: try settings.sources.required(Catalog.traceContent)) }
        let board = try Board.shared(settings, log: log)
        let purged = PurgeBoard(on: board)
        let outbox = OutboxBoard(on: board)
        database = try Database(
            settings, purged: purged, outbox: settings.intake(outbox), onBudgetAlert: { log.note($0) })
        sender = Sender(
            try settings.sources.deliveries(), store: database, board: outbox, background: .loop,
            onEvent: { log.note($0) })
        let sessions = TokenAuthenticator(
            secret: settings.secret, identity: settings.identityKey, store: database, lifetime: settings.sessionSeconds,
            addresses: settings.addresses, keepsContacts: try settings.sources.keepsContacts(),
            overlap: isPooled ? TokenAuthenticator.overlap : 0)
        let people: any Authenticator = try settings.externalAuthenticator(database, log: log, audit) ?? sessions
        let authenticator = KeyAuthenticator(beside: people, store: database, secret: settings.keySecret)
        let mail = MailBoard(on: board)
        login = try LoginService(settings, sessions, database, mail, log: log)
        memory = MemoryCache(maximumBytes: settings.cacheBytes, purged: purged)
        let metrics = Metrics.shared(settings, log: log)
        providers = try Providers(
            settings, on: CircuitBoard(on: board),
            ceiling: try CallCeiling(settings, counter: database, on: board, log: log),
            observers: (metrics.map { [$0] } ?? []) + (tracer.map { [$0] } ?? []), log: log)
        let ids = ExchangeIDGenerator { [database] in database.claimWorkerNumber() }
        let place = isPooled ? RelayPlace(settings, ids) : nil
        let client = place.map { RelayClient($0.name, worker: $0.worker) }
        let streams = ResumableStreams(
            window: .seconds(try settings.sources.required(Catalog.streamResume)), background: .loop)
        let (models, prices) = (try settings.models(of: providers), providers.prices(from: settings.prices))
        let cache = AnswerCache(
            memory: memory, ledger: database, answers: database, leases: database, relay: client,
            lifetimes: settings.cacheLifetimes, firstModel: providers.models.first,
            staleLifetime: settings.staleSeconds,
            keepsTruncated: try settings.sources.required(Catalog.cacheTruncated),
            streamCommit: try settings.sources.required(Catalog.streamCommit), background: .loop)
        (self.streams, relay) = (streams, place.map { Relay($0, cache, streams) })
        let pipeline = ChatPipeline(
            authenticator: authenticator, sanitizer: MessageSanitizer(mode: settings.sanitizerMode), cache: cache,
            model: providers.model, ledger: database, ids: ids,
            policy: try settings.policy(of: providers, models, prices),
            load: ConcurrencyLimit(limit: settings.maxInFlight), background: .loop)
        responder = ChatService(
            pipeline: pipeline,
            // What programs send must reach the model as it is: a remover of markup would break their code.
            completions: pipeline.under(
                try settings.completionPolicy(of: providers, models, prices), MessageSanitizer(mode: .off)),
            streams: streams, relay: client, authenticator: authenticator, login: login.login, ledger: database,
            conversations: database, usage: database,
            keys: settings.keySecret.map { [database] in KeyRegistry(store: database, secret: $0) },
            health: Health(
                store: database, source: providers, memory: memory, board: outbox, kinds: settings.sources.outboxKinds,
                isPooled: isPooled, mail: settings.authMode == .code ? mail : nil),
            metrics: metrics.map { [providers] in
                MetricsPage($0, providers, outbox, settings.sources.outboxKinds)
            },
            settings: ServiceSettings(
                version: Version.text, messageLimit: settings.messageLimit,
                minimumUserAgentLength: settings.minimumUserAgentLength, corsOrigins: settings.corsOrigins,
                completionBodyLimit: try settings.sources.required(Catalog.completionBody),
                tracing: try settings.tracing),
            telemetry: SeveralTelemetries(
                [requestLog] + (metrics.map { [$0] } ?? []) + (tracer.map { [$0] } ?? [])), audit: audit)
    }
}

extension Background {
    /// On the event loop, by its timers.
    static let loop = Background(clock: LoopClock()) { work in LoopActor.start { await work() } }
}

extension Settings {
    /// - Returns: nil where people log in here.
    fileprivate func externalAuthenticator(_ database: Database, log: Logger, _ audit: AuditFile?)
        throws(SettingFault) -> (any Authenticator)?
    {
        guard authMode == .external else { return nil }
        return ExternalAuthenticator(
            try sources.identityProvider(), identity: identityKey, store: database, background: .loop,
            onLogin: { audit?.record(AuditEvent(.login, user: $0.user, session: $0.id)) },
            onNews: { log.noteKeys($0, $1) })
    }

    fileprivate func policy(of providers: Providers, _ models: ModelList, _ prices: PriceList) throws(SettingFault)
        -> ChatPolicy
    {
        ChatPolicy(
            system: try sources.systemPrompt(),
            temperature: try sources.required(Catalog.temperature),
            maxTokens: try sources.required(Catalog.maxTokens),
            models: providers.identity, modelList: models, prices: prices, deadline: requestDeadline,
            danger: try sources.required(Catalog.dangerous),
            promptInjection: try sources.required(Catalog.promptInjection),
            cacheScope: try sources.required(Catalog.cacheScope),
            contextTokens: try sources.required(Catalog.contextTokens))
    }

    fileprivate func completionPolicy(of providers: Providers, _ models: ModelList, _ prices: PriceList)
        throws(SettingFault) -> ChatPolicy
    {
        ChatPolicy(
            contract: .completion, system: "", temperature: nil,
            maxTokens: try sources.required(Catalog.completionTokens), models: providers.identity,
            modelList: models, prices: prices, deadline: completionDeadline,
            danger: try sources.required(Catalog.dangerous),
            promptInjection: try sources.required(Catalog.promptInjection),
            cacheScope: try sources.required(Catalog.cacheScope),
            cachesTools: try sources.required(Catalog.cacheTools))
    }

    fileprivate func models(of providers: Providers) throws(SettingFault) -> ModelList {
        let models = providers.health.map { ModelList.Model(name: $0.model, owner: $0.name) }
        return ModelList(models, aliases: try sources.optional(Catalog.modelAliases) ?? [:])
    }
}

/// What GET /health tells.
private struct Health: HealthSource {
    let store: Database
    let source: Providers
    let memory: MemoryCache
    let board: OutboxBoard
    let kinds: [OutboxKind]
    let isPooled: Bool
    /// Nil where nobody is sent any.
    let mail: MailBoard?

    var isMailTaken: Bool? { mail.map { !$0.isFailing } }
    var providers: [ProviderHealth] { source.health }
    var isEcho: Bool { providers.allSatisfy { $0.name == "echo" } }
    var cacheBytes: Int { memory.bytes }

    func outbox() async -> [OutboxHealth] {
        var all: [OutboxHealth] = []
        for kind in kinds {
            var status = board.status(of: kind)
            // Where no worker sends, nobody tells the board how many wait. A store that fails is named beside this.
            if !isPooled, let counts = try? await store.counts(of: kind) { status.counts = counts }
            all.append(OutboxHealth(kind.rawValue, status))
        }
        return all
    }

    func database() async -> StoreHealth {
        let health = await store.health()
        return StoreHealth(
            readingFault: health.reading?.rawValue, writingFault: health.writing?.rawValue, cause: health.cause)
    }
}

extension Logger {
    fileprivate func note(_ alert: BudgetAlert) {
        warning(
            "budget nearly spent",
            metadata: [
                "key": "\(alert.key.rawValue)", "name": "\(alert.name)", "budget": "\(alert.budget)",
                "spent": "\(alert.spent.dollars)usd",
            ])
    }
}
