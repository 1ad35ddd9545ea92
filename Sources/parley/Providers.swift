import Chat
import Logging
import Models

/// The providers that the settings name, behind retry and fallback.
struct Providers {
    let model: any LanguageModel
    /// In the order of fallback.
    let names: [(provider: String, model: String)]
    /// Everything about them that decides an answer, addresses too: part of the cache key.
    let identity: String

    /// - Throws: ``SettingFault`` for a provider that lacks a setting or has one that cannot be.
    init(_ settings: Settings, log: Logger) throws {
        let policy = RetryPolicy(retries: try settings.sources.required(Catalog.retries))
        let builder = try ProviderBuilder(settings)
        var models: [any LanguageModel] = []
        var names: [(provider: String, model: String)] = []
        var identities: [String] = []
        for name in settings.providers {
            let built = try builder.provider(name)
            models.append(Retrying(built.provider, provider: name, policy: policy) { log.note($0) })
            names.append((name, built.model))
            identities.append("\(name)/\(built.model) \(built.address)")
        }
        model = Fallback(models)
        self.names = names
        identity = identities.joined(separator: " ")
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
        upstream = try Upstream()
    }

    /// One provider, and what decides its answers: its model, and the address that it is asked at.
    typealias Built = (provider: any LanguageModel & Probing, model: String, address: String)

    func provider(_ name: String) throws -> Built {
        do {
            switch name {
            case "gemini":
                let key = try sources.required(Catalog.geminiKey)
                return try build(Catalog.geminiModel, Catalog.geminiURL) { model, address in
                    try Gemini(key: key, model: model, baseURL: address, timeouts: timeouts, upstream: upstream)
                }
            case "openrouter":
                let key = try sources.required(Catalog.openRouterKey)
                return try build(Catalog.openRouterModel, Catalog.openRouterURL) { model, address in
                    try OpenAICompatible(
                        .openrouter, key: key, model: model, baseURL: address, timeouts: timeouts, upstream: upstream)
                }
            case "openai":
                let key = try sources.optional(Catalog.openAIKey)
                return try build(Catalog.openAIModel, Catalog.openAIURL) { model, address in
                    try OpenAICompatible(
                        .openai, key: key, model: model, baseURL: address, timeouts: timeouts, upstream: upstream)
                }
            default:
                return (Echo(), Echo.model, "")
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
        _ model: Setting<String>, _ address: Setting<String>,
        _ make: (_ model: String, _ address: String) throws -> any LanguageModel & Probing
    ) throws -> Built {
        let (model, address) = (try sources.required(model), try sources.required(address))
        return (try make(model, address), model, address)
    }
}

extension Logger {
    /// A failed try is worth a line; a good one is in its request's line.
    fileprivate func note(_ attempt: Attempt) {
        guard case .failed(let failure) = attempt.outcome else { return }
        warning(
            "provider failed",
            metadata: [
                "provider": "\(attempt.provider)", "try": .stringConvertible(attempt.number),
                "ms": .stringConvertible(attempt.milliseconds), "cause": "\(failure.reason): \(failure.detail)",
            ])
    }
}
