import Chat
import Logging
import Sanitizing
import Sessions

/// Every setting, declared once. The manual's tables are tested against it.
enum Catalog {
    static let jwtSecret = Setting<TokenSecret>(
        "CHAT_JWT_SECRET", nil,
        "Signs session tokens: 32 bytes or more, the same in every worker. Nothing starts without it. A comma and the secret before it may follow, whose tokens stay good.",
        isSecret: true
    ) { text throws(SettingFault) in
        do throws(ChatError) { return try TokenSecret(text) } catch { throw SettingFault(rule: error) }
    }
    static let identityKey = Setting<IdentityKey>(
        "CHAT_IDENTITY_KEY", nil,
        "Under it people are stored: 64 hexadecimal digits, the same in every worker. By default made from CHAT_JWT_SECRET; `parley secret rotate` writes it down.",
        isSecret: true
    ) { text throws(SettingFault) in
        do throws(ChatError) { return try IdentityKey(text) } catch { throw SettingFault(rule: error) }
    }
    static let jwtHours = Setting.number(
        "CHAT_JWT_EXPIRE_HOURS", "24", 0.001...8_760, "Hours that a session lives.")
    static let keySecret = Setting<KeySecret>(
        "CHAT_KEY_SECRET", nil,
        "Under it API keys are stored: 32 bytes or more, the same in every worker. Without it there are no API keys.",
        isSecret: true
    ) { text throws(SettingFault) in
        do { return try KeySecret(text) } catch {
            throw SettingFault("must have at least \(KeySecret.minimumBytes) bytes, has \(text.utf8.count)")
        }
    }
    static let database = Setting<DatabaseLocation>(
        "CHAT_DATABASE_URL", "sqlite:" + DatabaseLocation.defaultPath,
        "Where messages are kept: sqlite: and a path."
    ) { text throws(SettingFault) in try DatabaseLocation(text) }
    static let stateDirectory = Setting.folder(
        "CHAT_STATE_DIR",
        "Folder of one database's locks and board, which its processes share while they run; it must exist. The database's own by default."
    )
    static let storeAddress = Setting<AddressStorage>.choice(
        "CHAT_STORE_ADDRESS", .hash,
        "What a session keeps of its caller's network address. hash: a keyed hash; full: the address; none: nothing.")
    static let retentionDays = Setting.whole(
        "CHAT_RETENTION_DAYS", nil, 1...36_500,
        "Days after which questions and answers are deleted; by default they are kept.")

    static let providers = Setting.list(
        "CHAT_PROVIDERS",
        "Order of fallback, between commas. By default the ones that have a key, in this order: gemini, openrouter, openai; else echo.",
        allowed: ["gemini", "openrouter", "openai", "echo"])
    static let geminiKey = Setting.text("CHAT_GEMINI_API_KEY", nil, "Key of Google's Gemini API.", isSecret: true)
    static let geminiModel = Setting.text("CHAT_GEMINI_MODEL", "gemini-2.5-flash-lite", "Gemini's model.")
    static let geminiURL = Setting.text(
        "CHAT_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com", "Where Gemini is.")
    static let openRouterKey = Setting.text("CHAT_OPENROUTER_API_KEY", nil, "Key of OpenRouter.", isSecret: true)
    static let openRouterModel = Setting.text("CHAT_OPENROUTER_MODEL", "openai/gpt-4o-mini", "OpenRouter's model.")
    static let openRouterURL = Setting.text(
        "CHAT_OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1", "Where OpenRouter is.")
    static let openAIKey = Setting.text(
        "CHAT_OPENAI_API_KEY", nil, "Key of an OpenAI-compatible server, if it wants one.", isSecret: true)
    static let openAIModel = Setting.text("CHAT_OPENAI_MODEL", nil, "That server's model.")
    static let openAIURL = Setting.text(
        "CHAT_OPENAI_BASE_URL", nil,
        "Where that server is, such as http://127.0.0.1:11434/v1 (vLLM, Ollama, llama.cpp).")

    static let dailyCalls = Setting.whole(
        "CHAT_DAILY_CALLS", 0, 0...1_000_000_000_000,
        "The most calls of providers in a day (UTC), all workers and tries together, echo not counted; 0 for no limit.")
    static let prices = Setting<PriceFile>(
        "CHAT_PRICES", nil, "File of models' prices, before the ones that are built in.", parse: PriceFile.init)

    static let systemPrompt = Setting.text(
        "CHAT_SYSTEM_PROMPT", "You are a helpful assistant. Answer clearly and briefly.",
        "What the model is told before every question.")
    static let systemPromptFile = Setting<PromptFile>(
        "CHAT_SYSTEM_PROMPT_FILE", nil,
        "File with what the model is told before every question, instead of CHAT_SYSTEM_PROMPT; read at start and reload.",
        parse: PromptFile.init)
    static let contextTokens = Setting.whole(
        "CHAT_CONTEXT_TOKENS", 8_000, 0...10_000_000,
        "The most tokens, estimated, of the earlier messages of a conversation that a question takes along.")
    static let temperature = Setting.number("CHAT_TEMPERATURE", "0.7", 0...2, "How freely the model words its answer.")
    static let maxTokens = Setting.whole("CHAT_MAX_TOKENS", 500, 1...1_000_000, "The most tokens of an answer.")
    static let modelTimeout = Setting.number(
        "CHAT_MODEL_TIMEOUT", "30", 0.05...3_600, "Seconds that one call of a model may take.")
    static let firstTokenTimeout = Setting.number(
        "CHAT_FIRST_TOKEN_TIMEOUT", "10", 0.05...3_600,
        "Seconds until a model's first word, or between two of its signs of life before that.")
    static let stallTimeout = Setting.number(
        "CHAT_STALL_TIMEOUT", "10", 0.05...3_600, "Seconds that a model may fall silent within an answer.")
    static let deadline = Setting.number(
        "CHAT_REQUEST_DEADLINE", "60", 0.1...3_600, "Seconds that one question may take, all tries together.")
    static let completionTokens = Setting.whole(
        "CHAT_V1_MAX_TOKENS", 4_096, 1...1_000_000,
        "The most tokens of an answer under /v1 to a request that does not say.")
    static let completionDeadline = Setting.number(
        "CHAT_V1_DEADLINE", "600", 0.1...3_600, "Seconds that one request under /v1 may take, all tries together.")
    static let completionBody = Setting.whole(
        "CHAT_V1_BODY_LIMIT", 4_194_304, 131_072...67_108_864, "Bytes of a request for a chat completion under /v1.")
    static let modelAliases = Setting<[String: String]>(
        "CHAT_MODEL_ALIASES", nil,
        "Other names of models under /v1, between commas, such as gpt-4o=gemini-2.5-flash-lite."
    ) { text throws(SettingFault) in
        var aliases: [String: String] = [:]
        for item in text.split(separator: ",") {
            let parts = item.split(separator: "=").map { $0.filter { !$0.isWhitespace } }
            guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
                throw SettingFault("takes name=model between commas; is “\(text)”")
            }
            guard aliases.updateValue(parts[1], forKey: parts[0]) == nil else {
                throw SettingFault("names something twice: “\(text)”")
            }
        }
        return aliases
    }
    static let retries = Setting.whole("CHAT_RETRIES", 2, 0...10, "Further tries of a provider after its first.")

    static let breakerCooldown = Setting.number(
        "CHAT_BREAKER_COOLDOWN", "20", 0.1...3_600,
        "The most seconds that a failing provider is left alone before one question tries it again; it begins with a quarter."
    )
    static let keyCooldown = Setting.number(
        "CHAT_KEY_COOLDOWN", "600", 0.1...86_400,
        "Seconds that a provider which refused its key or credit is left alone.")

    static let cacheTTL = Setting.lifetimes(
        "CHAT_CACHE_TTL", "3600", 0...31_536_000,
        "Seconds that an answer may be given again; 0 switches the cache off. Exceptions may follow: 3600,conversation=600,structured=60,model:NAME=0."
    )
    static let staleTTL = Setting.number(
        "CHAT_STALE_TTL", "86400", 0...31_536_000,
        "Seconds that an expired answer may still be given when no provider answers; 0 for never.")
    static let cacheBytes = Setting.whole(
        "CHAT_CACHE_MAX_BYTES", 67_108_864, 0...68_719_476_736, "Bytes of answers in each worker's memory.")
    static let cacheStoreBytes = Setting.whole(
        "CHAT_CACHE_STORE_BYTES", 268_435_456, 16_777_216...1_099_511_627_776,
        "Bytes of cached answers in the database; the oldest go.")
    static let cacheScope = Setting<ChatPolicy.CacheScope>.choice(
        "CHAT_CACHE_SCOPE", .session,
        "session: each session has a cache of its own; user: all sessions of one email address, which is not proved, share one; shared: one for all users."
    )
    static let cacheTruncated = Setting.flag(
        "CHAT_CACHE_TRUNCATED", false, "Whether an answer that was cut by length is given again.")
    static let cacheTools = Setting.flag(
        "CHAT_CACHE_TOOLS", false, "Whether requests with tools share answers and are answered from the cache.")
    static let streamResume = Setting.number(
        "CHAT_STREAM_RESUME", "10", 0...3_600,
        "Seconds that a resumable stream goes on after its connection is lost; 0 for not at all.")
    static let streamCommit = Setting<AnswerCache.StreamCommit>.choice(
        "CHAT_STREAM_COMMIT", .immediate,
        "immediate: a stream's text goes out as it comes; buffered: when the answer is whole.")
    static let messageLimit = Setting.whole(
        "CHAT_MESSAGE_LIMIT", 50, 1...1_000_000_000_000, "Messages of one session.")
    static let dangerous = Setting<ChatPolicy.Danger>.choice(
        "CHAT_DANGEROUS_CONTENT", .hold,
        "hold: no model sees it; flag: it is answered and marked; off: it is answered.")
    static let promptInjection = Setting<ChatPolicy.Danger>.choice(
        "CHAT_PROMPT_INJECTION", .flag,
        "The same for a message that would talk the model out of its instructions.")
    static let sanitize = Setting<MessageSanitizer.Mode>.choice(
        "CHAT_SANITIZE", .smart, "smart: markup goes, code stays; strict: what nh3 gives; off: control characters only."
    )

    static let rateLimiting = Setting.flag(
        "CHAT_RATE_LIMITING_ENABLED", true, "Whether nginx limits each address.")
    static let chatRate = Setting.rate("CHAT_CHAT_RATE", "10/minute", "Chats of one address, by nginx.")
    static let authRate = Setting.rate("CHAT_AUTH_RATE", "5/minute", "Logins of one address, by nginx.")
    static let readRate = Setting.rate(
        "CHAT_READ_RATE", "120/minute", "Looks of one address at sessions and histories, by nginx.")
    static let trustedProxies = Setting.list(
        "CHAT_TRUSTED_PROXIES",
        "Addresses and networks of proxies before nginx, between commas, whose X-Forwarded-For is believed. None by default.",
        characters: "addresses and networks, such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32"
    ) { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
    static let botDetection = Setting.flag(
        "CHAT_BOT_DETECTION_ENABLED", true, "Whether a short user agent is refused.")
    static let userAgentLength = Setting.whole(
        "CHAT_MIN_USER_AGENT_LENGTH", 10, 1...1_000, "The fewest characters of a user agent.")
    static let corsOrigins = Setting.list(
        "CHAT_CORS_ORIGINS", "Origins whose pages may call this server, between commas; * for all. None by default.")

    static let serverName = Setting.list(
        "CHAT_SERVER_NAME", "Host names that nginx answers to besides localhost, between commas.",
        characters: "letters, digits, dots and hyphens"
    ) { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
    static let socket = Setting.text(
        "CHAT_SOCKET", "/run/parley/parley.sock", "The unix socket that `parley serve` opens for nginx.")
    static let socketMode = Setting<SocketMode>(
        "CHAT_SOCKET_MODE", "0660", "The socket's permissions in octal: who may write may connect. Never for all."
    ) { text throws(SettingFault) in try SocketMode(text) }
    static let socketOwner = Setting.text(
        "CHAT_SOCKET_OWNER", nil, "User who owns the socket, a name or a number; the program's own by default.")
    static let socketGroup = Setting.text(
        "CHAT_SOCKET_GROUP", nil,
        "Group of the socket, a name or a number, such as nginx's; the program's own by default.")
    static let workers = Setting.whole(
        "CHAT_WORKERS", nil, 1...256, "Worker processes; by default as many as there are cores, and two at least.")
    static let maxInFlight = Setting.whole(
        "CHAT_MAX_IN_FLIGHT", 1_024, 1...100_000,
        "Questions that one worker puts to models at once; more get a 503. Cached answers do not count.")
    static let workerMaxRequests = Setting.whole(
        "CHAT_WORKER_MAX_REQUESTS", 0, 0...1_000_000_000_000,
        "Requests, a tenth more or less, after which a worker is replaced; 0 for never.")
    static let workerMaxMemory = Setting.whole(
        "CHAT_WORKER_MAX_RSS", 536_870_912, 0...1_099_511_627_776,
        "Resident bytes above which a worker is replaced; 0 for never.")
    static let workerStallTimeout = Setting<Double>(
        "CHAT_WORKER_STALL_TIMEOUT", "10",
        "Seconds without a sign of life after which a worker is killed and replaced; 0 for never."
    ) { text throws(SettingFault) in
        // A sign comes once a second.
        guard let seconds = Double(text), seconds == 0 || (2...3_600).contains(seconds) else {
            throw SettingFault("must be a number from 2 to 3600, or 0; is “\(text)”")
        }
        return seconds
    }
    static let drainDeadline = Setting.number(
        "CHAT_DRAIN_DEADLINE", "70", 0...3_600, "Seconds that a stopping worker has to finish what it holds.")
    static let logFile = Setting.text(
        "CHAT_LOG_FILE", nil, "File that the log is appended to, opened anew on SIGUSR1; standard error by default.")
    static let logLevel = Setting<Logger.Level>.choice(
        "CHAT_LOG_LEVEL", .info, "The least that is logged.")

    static let all: [any AnySetting] = [
        jwtSecret, jwtHours, identityKey, keySecret, database, stateDirectory, storeAddress, retentionDays, providers,
        geminiKey,
        geminiModel,
        geminiURL,
        authMode, smtpURL, smtpFrom, smtpUser, smtpPassword, smtpTLS, smtpAuthorities, codesPerMailbox, codesPerClient,
        jwksURL, issuer, audience, clients, oidcClient, oidcScope, oidcOrigins,
        openRouterKey, openRouterModel,
        openRouterURL, openAIKey, openAIModel, openAIURL, dailyCalls, prices, systemPrompt, systemPromptFile,
        contextTokens,
        temperature, maxTokens, modelTimeout,
        firstTokenTimeout, stallTimeout, deadline, completionTokens,
        completionDeadline, completionBody, modelAliases, retries, breakerCooldown, keyCooldown, cacheTTL, staleTTL,
        cacheBytes, cacheStoreBytes, cacheScope, cacheTruncated, cacheTools, streamResume, streamCommit,
        messageLimit, dangerous, promptInjection, sanitize,
        rateLimiting,
        chatRate, authRate,
        readRate,
        trustedProxies, botDetection,
        userAgentLength, corsOrigins, serverName, socket, socketMode, socketOwner, socketGroup, workers, maxInFlight,
        workerMaxRequests, workerMaxMemory, workerStallTimeout, drainDeadline, logFile, logLevel, logFormat,
        logShare, auditLog,
        otlpEndpoint, otlpHeaders, traceRatio, traceCallers, traceContent,
        discordWebhook, discordToken, discordChannel, discordDetails, discordAPI, webhookURL, webhookSecret,
    ]
}

extension SettingFault {
    /// - Parameter error: of a value that a setting gives: its rule without its name.
    init(rule error: ChatError) {
        self.init(String(error.message.dropFirst((error.field?.count ?? -1) + 1)))
    }
}

extension Setting<String> {
    /// `N/second`, `N/minute` or `N/hour`.
    fileprivate static func rate(_ name: String, _ fallback: String, _ help: String) -> Self {
        Setting(name, fallback, help) { text throws(SettingFault) in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let count = Int(parts[0]), (1...100_000).contains(count),
                ["second", "minute", "hour"].contains(parts[1])
            else { throw SettingFault("must be a number per second, minute or hour, such as 10/minute; is “\(text)”") }
            guard parts[1] != "hour" || count % 60 == 0 else {
                throw SettingFault("must be a multiple of 60/hour, as nginx counts by the minute; is “\(text)”")
            }
            return text
        }
    }
}
