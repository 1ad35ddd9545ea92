import Chat
import Logging
import Models
import Sanitizing
import Sessions

/// The effective settings, each checked: what exists here can be used.
struct Settings: Sendable {
    let sources: SettingSources

    let secret: TokenSecret
    let identityKey: IdentityKey
    /// Nil when there are no API keys.
    let keySecret: KeySecret?
    let prices: PriceTable
    let sessionSeconds: Double
    let authMode: AuthMode
    let database: DatabaseLocation
    /// Where locks and board are; nil for beside the database.
    let stateDirectory: String?
    let providers: [String]
    let cacheLifetimes: CacheLifetimes
    let staleSeconds: Double
    let cacheBytes: Int
    let cacheStoreBytes: Int
    let addresses: AddressStorage
    let retentionDays: Int?
    let messageLimit: Int
    let sanitizerMode: MessageSanitizer.Mode
    let minimumUserAgentLength: Int?
    let corsOrigins: [String]
    let workers: Int
    let maxInFlight: Int
    let socket: String
    let logFile: String?
    let drainSeconds: Double
    let requestDeadline: Duration
    let completionDeadline: Duration
    let logLevel: Logger.Level

    /// - Parameter cores: what the machine has.
    /// - Throws: ``SettingFault`` with every setting that is wrong, a line each.
    init(_ sources: SettingSources, cores: Int) throws(SettingFault) {
        try Self.checkAll(sources)
        self.sources = sources
        secret = try sources.required(Catalog.jwtSecret)
        identityKey = try sources.optional(Catalog.identityKey) ?? IdentityKey(of: secret)
        keySecret = try sources.optional(Catalog.keySecret)
        prices = try sources.optional(Catalog.prices)?.table ?? .builtIn
        sessionSeconds = try sources.required(Catalog.jwtHours) * 3_600
        authMode = try sources.required(Catalog.authMode)
        database = try sources.required(Catalog.database)
        stateDirectory = try sources.optional(Catalog.stateDirectory)
        providers = try sources.providers()
        cacheLifetimes = try sources.required(Catalog.cacheTTL)
        staleSeconds = try sources.required(Catalog.staleTTL)
        cacheBytes = try sources.required(Catalog.cacheBytes)
        cacheStoreBytes = try sources.required(Catalog.cacheStoreBytes)
        addresses = try sources.required(Catalog.storeAddress)
        retentionDays = try sources.optional(Catalog.retentionDays)
        messageLimit = try sources.required(Catalog.messageLimit)
        sanitizerMode = try sources.required(Catalog.sanitize)
        minimumUserAgentLength =
            try sources.required(Catalog.botDetection) ? sources.required(Catalog.userAgentLength) : nil
        corsOrigins = try sources.optional(Catalog.corsOrigins) ?? []
        workers = try sources.optional(Catalog.workers) ?? defaultWorkers(onCores: cores)
        maxInFlight = try sources.required(Catalog.maxInFlight)
        socket = try sources.required(Catalog.socket)
        logFile = try sources.optional(Catalog.logFile)
        drainSeconds = try sources.required(Catalog.drainDeadline)
        requestDeadline = .seconds(try sources.required(Catalog.deadline))
        completionDeadline = .seconds(try sources.required(Catalog.completionDeadline))
        logLevel = try sources.required(Catalog.logLevel)
    }

    private static func checkAll(_ sources: SettingSources) throws(SettingFault) {
        var faults: [String] = []
        for setting in Catalog.all {
            guard let found = sources.find(setting) else { continue }
            do { _ = try setting.canonical(found.text) } catch {
                faults.append("\(error.reason) (from: \(found.source))")
            }
        }
        if sources.find(Catalog.jwtSecret) == nil {
            faults.append(
                "CHAT_JWT_SECRET is not set: it signs the session tokens; make one with `openssl rand -hex 32`")
        }
        if let secret = try? sources.optional(Catalog.jwtSecret), secret.hasPrevious,
            sources.find(Catalog.identityKey) == nil
        {
            faults.append(
                "CHAT_JWT_SECRET has a secret before its present one, and CHAT_IDENTITY_KEY is not set: people would "
                    + "be strangers; `parley secret rotate` sets both")
        }
        if sources.find(Catalog.systemPromptFile) != nil, sources.find(Catalog.systemPrompt)?.source != "default" {
            faults.append("CHAT_SYSTEM_PROMPT and CHAT_SYSTEM_PROMPT_FILE are both set: only one of them can be")
        }
        // What is wrong with one setting alone is told first.
        if faults.isEmpty { faults = sources.loginFaults() + sources.outboxFaults() }
        guard faults.isEmpty else { throw SettingFault(faults.joined(separator: "\n")) }
    }
}

extension SettingSources {
    func optional<Value>(_ setting: Setting<Value>) throws(SettingFault) -> Value? {
        guard let found = find(setting) else { return nil }
        return try setting.value(of: found.text)
    }

    func required<Value>(_ setting: Setting<Value>) throws(SettingFault) -> Value {
        guard let value = try optional(setting) else { throw SettingFault("\(setting.name) is not set") }
        return value
    }

    /// What the model is told before every question.
    func systemPrompt() throws(SettingFault) -> String {
        if let file = try optional(Catalog.systemPromptFile) { return file.text }
        return try required(Catalog.systemPrompt)
    }

    /// The order of fallback: as set, else whatever has a key or, for the OpenAI-compatible one, an address.
    func providers() throws(SettingFault) -> [String] {
        if let named = try optional(Catalog.providers), !named.isEmpty { return named }
        var names: [String] = []
        if find(Catalog.geminiKey) != nil { names.append("gemini") }
        if find(Catalog.openRouterKey) != nil { names.append("openrouter") }
        if find(Catalog.openAIKey) != nil || find(Catalog.openAIURL) != nil { names.append("openai") }
        return names.isEmpty ? ["echo"] : names
    }

    /// What a setting comes to, computed defaults included, and where it came from.
    func effective(_ setting: any AnySetting, cores: Int) throws(SettingFault) -> Found? {
        if setting.name == Catalog.oidcOrigins.name {
            // All that the page may ask for tokens, and only where it does; wrong settings are told of elsewhere.
            guard let login = try? pageLogin() else { return nil }
            return Found(text: login.allowed.joined(separator: ","), source: find(setting)?.source ?? "default")
        }
        if let found = find(setting) { return found }
        switch setting.name {
        case Catalog.providers.name:
            return Found(text: try providers().joined(separator: ","), source: "default")
        case Catalog.workers.name: return Found(text: String(defaultWorkers(onCores: cores)), source: "default")
        default: return nil
        }
    }
}

extension SettingSources {
    /// The environment for a worker: this process's own, with every setting as it was found here.
    func workerEnvironment(_ environment: [String: String]) -> [String: String] {
        var environment = environment.filter { !$0.key.hasPrefix("CHAT_") }
        for setting in Catalog.all {
            if let found = find(setting), found.source != "default" { environment[setting.name] = found.text }
        }
        // As the pool has read it: a worker that is replaced later must not tell the model something else.
        if let prompt = try? optional(Catalog.systemPromptFile) {
            environment[Catalog.systemPrompt.name] = prompt.text
            environment[Catalog.systemPromptFile.name] = nil
        }
        // Whatever a file said is in there; a worker must not read another one.
        environment[Self.fileVariable] = ""
        // glibc gives threads arenas of their own, and threads come and go: what a burst has left free in one arena is of
        // no use to the next burst, whose threads have another.
        environment["MALLOC_ARENA_MAX"] = environment["MALLOC_ARENA_MAX"] ?? "1"
        return environment
    }
}

/// One process that dies must not be all there is.
private func defaultWorkers(onCores cores: Int) -> Int { max(2, cores) }
