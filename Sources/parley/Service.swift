import API
import Chat
import Logging
import Models
import Sanitizing
import Sessions
import Storage

/// Everything wired: the one place that knows every adapter.
struct Service {
    let database: Database
    let responder: ChatService

    init(_ settings: Settings, log: Logger) async throws {
        database = try Database(
            path: settings.database.path, messageLimit: settings.messageLimit,
            reservationLifetime: settings.requestDeadline + .seconds(30))
        let gate = await TokenGate(secret: settings.secret, store: database, lifetime: settings.sessionSeconds)
        let memory = MemoryCache(maximumBytes: settings.cacheBytes)
        let providers = try Providers(settings, log: log)
        let pipeline = ChatPipeline(
            gate: gate, sanitizer: MessageSanitizer(mode: settings.sanitizerMode),
            cache: AnswerCache(memory: memory, shared: database, lifetime: settings.cacheSeconds),
            model: providers.model, exchanges: database, policy: try settings.policy(models: providers.identity))
        responder = ChatService(
            pipeline: pipeline, gate: gate, exchanges: database,
            health: Health(database: database, providers: providers.names, memory: memory),
            settings: ServiceSettings(
                version: Version.text, messageLimit: settings.messageLimit,
                minimumUserAgentLength: settings.minimumUserAgentLength, corsOrigins: settings.corsOrigins,
                maxInFlight: settings.maxInFlight),
            log: LogOutput(level: settings.logLevel))
    }
}

extension Settings {
    fileprivate func policy(models: String) throws(SettingFault) -> ChatPolicy {
        ChatPolicy(
            system: try sources.required(Catalog.systemPrompt),
            temperature: try sources.required(Catalog.temperature),
            maxTokens: try sources.required(Catalog.maxTokens),
            models: models, deadline: requestDeadline, messageLimit: messageLimit,
            danger: try sources.required(Catalog.dangerous), cacheScope: try sources.required(Catalog.cacheScope))
    }
}

/// What GET /health tells.
private struct Health: HealthSource {
    let database: Database
    let providers: [(provider: String, model: String)]
    let memory: MemoryCache

    var isEcho: Bool { providers.allSatisfy { $0.provider == "echo" } }
    var cacheBytes: Int { memory.bytes }

    func checkDatabase() async throws { try await database.check() }
}
