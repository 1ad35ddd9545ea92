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
        for name in settings.providers {
            let (provider, model) = try builder.provider(name)
            models.append(Retrying(provider, provider: name, policy: policy) { log.note($0) })
            names.append((name, model))
        }
        model = Fallback(models)
        self.names = names
        let addresses = try [Catalog.geminiURL, Catalog.openRouterURL, Catalog.openAIURL].map { url in
            try settings.sources.optional(url) ?? ""
        }
        identity = (names.map { "\($0.provider)/\($0.model)" } + addresses).joined(separator: " ")
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

    func provider(_ name: String) throws -> (any LanguageModel & Probing, model: String) {
        do {
            switch name {
            case "gemini":
                let model = try sources.required(Catalog.geminiModel)
                return (
                    try Gemini(
                        key: try sources.required(Catalog.geminiKey), model: model,
                        baseURL: try sources.required(Catalog.geminiURL), timeouts: timeouts,
                        upstream: upstream), model
                )
            case "openrouter":
                let model = try sources.required(Catalog.openRouterModel)
                return (
                    try OpenAICompatible(
                        .openrouter, key: try sources.required(Catalog.openRouterKey), model: model,
                        baseURL: try sources.required(Catalog.openRouterURL), timeouts: timeouts,
                        upstream: upstream), model
                )
            case "openai":
                let model = try sources.required(Catalog.openAIModel)
                return (
                    try OpenAICompatible(
                        .openai, key: try sources.optional(Catalog.openAIKey), model: model,
                        baseURL: try sources.required(Catalog.openAIURL), timeouts: timeouts,
                        upstream: upstream), model
                )
            default:
                return (Echo(), Echo.model)
            }
        } catch let fault as InvalidProviderSetting {
            let endings = ["base URL": "BASE_URL", "model": "MODEL", "key": "API_KEY"]
            guard let ending = endings[fault.setting] else { throw SettingFault("\(name): \(fault)") }
            throw SettingFault("CHAT_\(name.uppercased())_\(ending) \(fault.rule)")
        } catch let fault as SettingFault {
            throw SettingFault("\(fault.reason), but CHAT_PROVIDERS comes to \(name)")
        }
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
