import API
import Chat
import Curl
import EventLoop
import FoundationEssentials
import Logging
import Models

/// The providers that the settings name, each with its retries behind its circuit, and one behind the other.
struct Providers {
    let model: any LanguageModel
    /// Everything about them that decides an answer, addresses too: part of the cache key.
    let identity: String
    private let circuits: [(name: String, model: String, circuit: Circuit)]
    private let ceiling: CallCeiling?

    /// - Throws: ``SettingFault`` for a provider that lacks a setting or has one that cannot be, and for a setting that
    ///   names a model which none of them has.
    ///
    /// - Parameter observers: hear of each call.
    init(
        _ settings: Settings, on board: CircuitBoard, ceiling: CallCeiling?,
        observers: [any ModelAttemptObserver] = [], log: Logger
    ) throws {
        self.ceiling = ceiling
        let retries = try settings.sources.required(Catalog.retries)
        let builder = try ProviderBuilder(settings)
        var models: [any LanguageModel] = []
        var circuits: [(name: String, model: String, circuit: Circuit)] = []
        var identities: [String] = []
        for name in settings.providers {
            let built = try builder.provider(name)
            let circuit = try built.circuit(on: board, settings.sources)
            let policy = RetryPolicy(retries: retries, hasFallback: name != settings.providers.last)
            let provider = built.calls(ceiling, observers, settings.prices)
            let patient = Retrying(
                provider, provider: name, policy: policy, mayRetry: { circuit.isClosed },
                observer: { log.note($0, isNews: circuit.isClosed) }, sleep: { try await LoopClock().sleep(for: $0) })
            models.append(
                CircuitBreaking(patient, provider: name, circuit: circuit) { log.note($0, $1, of: name) })
            circuits.append((name, built.model, circuit))
            identities.append("\(name)/\(built.model) \(built.address)")
        }
        model = Fallback(models, names: circuits.map(\.model))
        self.circuits = circuits
        identity = identities.joined(separator: " ")
        try settings.checkNames(of: circuits.map(\.model))
    }

    /// The models' names, in the order of fallback.
    var models: [String] { circuits.map(\.model) }

    func prices(from table: PriceTable) -> PriceList {
        PriceList(Dictionary(uniqueKeysWithValues: circuits.map { ($0.name, table.price(of: $0.model)) }))
    }

    /// For people: each provider, and whether it is asked.
    var summary: String {
        let calls = ceiling.map { [$0.summary(on: Int(Date().timeIntervalSince1970 / 86_400))] } ?? []
        return (calls + health.map(Self.words)).joined(separator: "; ")
    }

    private static func words(_ provider: ProviderHealth) -> String {
        var text = "\(provider.name) \(provider.circuit)"
        if let cause = provider.cause { text += ", \(cause)" }
        if let wait = provider.retryIn { text += ", again in \(Int(wait.milliseconds / 1_000)) s" }
        return text
    }

    var health: [ProviderHealth] {
        circuits.map { name, model, circuit in
            let status = circuit.status
            return ProviderHealth(
                name: name, model: model, circuit: status.state, cause: status.cause, retryIn: status.retryIn)
        }
    }
}

extension Settings {
    fileprivate func checkNames(of models: [String]) throws(SettingFault) {
        for (alias, name) in try sources.optional(Catalog.modelAliases) ?? [:] where !models.contains(name) {
            throw SettingFault("CHAT_MODEL_ALIASES gives \(alias) to \(name), which no provider has")
        }
        for name in cacheLifetimes.models.keys where !models.contains(name) {
            throw SettingFault("CHAT_CACHE_TTL has a lifetime for \(name), a model that no provider has")
        }
    }

    /// Whether any provider is asked over the network.
    var callsProviders: Bool { providers.contains { $0 != "echo" } }
}

/// One provider, and what decides its answers: its model, and the address that it is asked at.
struct BuiltProvider {
    let name: String
    let provider: any LanguageModel & Probing
    let model: String
    let address: String
    let key: String?

    /// Its calls, counted and told. One that costs nothing has no ceiling.
    func calls(_ ceiling: CallCeiling?, _ observers: [any ModelAttemptObserver], _ prices: PriceTable)
        -> any LanguageModel
    {
        var calls: any LanguageModel = provider
        if !observers.isEmpty {
            calls = ObservedCalls(
                calls, name: name, model: model, at: server, price: prices.price(of: model), observers: observers)
        }
        if let ceiling, !(provider is Echo) { calls = CappedCalls(calls, provider: name, ceiling: ceiling) }
        return calls
    }

    private var server: ServerAddress? {
        guard let url = try? HTTPURL(address) else { return nil }
        return ServerAddress(host: url.host.filter { !"[]".contains($0) }, port: url.port)
    }

    func circuit(on board: CircuitBoard, _ sources: SettingSources) throws(SettingFault) -> Circuit {
        Circuit(
            on: board, identity: [name, model, address, key ?? ""].joined(separator: "\u{0}"),
            Circuit.Cooldowns(
                outage: .seconds(try sources.required(Catalog.breakerCooldown)),
                key: .seconds(try sources.required(Catalog.keyCooldown)),
                probe: .seconds(try sources.required(Catalog.modelTimeout))))
    }
}

/// Makes providers from their settings, on one network.
struct ProviderBuilder {
    private let sources: SettingSources
    private let timeouts: Timeouts
    private let upstream: Upstream

    init(_ settings: Settings) throws {
        sources = settings.sources
        timeouts = try Timeouts(
            firstToken: .seconds(try sources.required(Catalog.firstTokenTimeout)),
            stall: .seconds(try sources.required(Catalog.stallTimeout)),
            whole: .seconds(try sources.required(Catalog.modelTimeout)))
        upstream = Upstream()
    }

    func provider(_ name: String) throws -> BuiltProvider {
        do {
            switch name {
            case "gemini":
                let key = try sources.required(Catalog.geminiKey)
                return try build(name, key, Catalog.geminiModel, Catalog.geminiURL) { model, address in
                    try Gemini(key: key, model: model, baseURL: address, timeouts: timeouts, upstream: upstream)
                }
            case "openrouter":
                let key = try sources.required(Catalog.openRouterKey)
                return try build(name, key, Catalog.openRouterModel, Catalog.openRouterURL) { model, address in
                    try OpenAICompatible(
                        .openrouter, key: key, model: model, baseURL: address, timeouts: timeouts, upstream: upstream)
                }
            case "openai":
                let key = try sources.optional(Catalog.openAIKey)
                return try build(name, key, Catalog.openAIModel, Catalog.openAIURL) { model, address in
                    try OpenAICompatible(
                        .openai, key: key, model: model, baseURL: address, timeouts: timeouts, upstream: upstream)
                }
            default:
                return BuiltProvider(name: name, provider: Echo(), model: Echo.model, address: "", key: nil)
            }
        } catch let fault as InvalidProviderSetting {
            let endings = ["base URL": "BASE_URL", "model": "MODEL", "key": "API_KEY"]
            guard let ending = endings[fault.setting] else { throw SettingFault("\(name): \(fault)") }
            throw SettingFault("CHAT_\(name.uppercased())_\(ending) \(fault.rule)")
        } catch let fault as SettingFault {
            throw SettingFault("\(fault.reason), but CHAT_PROVIDERS comes to \(name)")
        }
    }

    private func build(
        _ name: String, _ key: String?, _ model: Setting<String>, _ address: Setting<String>,
        _ make: (_ model: String, _ address: String) throws -> any LanguageModel & Probing
    ) throws -> BuiltProvider {
        let (model, address) = (try sources.required(model), try sources.required(address))
        return BuiltProvider(
            name: name, provider: try make(model, address), model: model, address: address, key: key)
    }
}

extension Logger {
    /// A failed try is worth a line, as long as its circuit has not said so for all; a good one is in its request's
    /// line, and so is a verdict on the question.
    fileprivate func note(_ attempt: Attempt, isNews: Bool) {
        guard case .failed(let failure) = attempt.outcome else { return }
        switch failure.reason {
        case .circuitOpen, .dailyCallsSpent, .filtered, .tooLong: return
        default: break
        }
        log(
            level: isNews ? .warning : .debug, "provider failed",
            metadata: [
                "provider": "\(attempt.provider)", "try": .stringConvertible(attempt.number),
                "ms": .stringConvertible(attempt.milliseconds), "cause": "\(failure.reason): \(failure.detail)",
            ])
    }

    fileprivate func note(_ change: CircuitChange, _ detail: String, of provider: String) {
        switch change {
        case .opened(let cause, let wait):
            error(
                "provider is left alone",
                metadata: [
                    "provider": "\(provider)", "cause": "\(cause)", "detail": "\(detail)",
                    "for_ms": .stringConvertible(Int(wait.milliseconds)),
                ])
        case .closed: notice("provider is back", metadata: ["provider": "\(provider)"])
        }
    }
}
