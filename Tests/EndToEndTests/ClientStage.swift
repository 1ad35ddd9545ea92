import Foundation
import Testing

/// The two servers of Tests/Clients/servers.py, each the real program behind the real nginx, and what runs its scripts.
final class ClientStage: Sendable {
    let provider: ScriptedProvider
    let faulty: FaultyProvider
    private let healthy: Deployment
    private let failing: Deployment
    private let python: String
    private let environment: [String: String]
    private let folder: String

    init() async throws {
        python = Program.repository + "/.build/clients"
        let installed = try await EndToEndTests.run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(installed.code == 0, "\(installed.errors)")
        let provider = try await ScriptedProvider { asked, _ in Self.conduct(asked) }
        // Each client asks a question that is answered before each that is not: five in a row that are not, and the
        // provider would be left alone.
        let faulty = try FaultyProvider.told("faulty", wordsOfTheSlow: 3)
        folder = try Deployment.newFolder()
        // 60 tokens are 0.006 dollars.
        let prices = try Deployment.prices("faulty-model", output: 100, in: folder)
        let wires = provider.asOpenAI.merging(provider.asGemini) { $1 }
        let whole = ["CHAT_PROVIDERS": "echo,gemini,openai", "CHAT_MODEL_ALIASES": "gpt-4o=echo-1"]
        async let first = Deployment(wires.merging(whole) { $1 })
        async let second = Deployment(faulty.settings(as: .openai).merging(["CHAT_PRICES": prices]) { $1 })
        (healthy, failing) = try await (first, second)
        (self.provider, self.faulty) = (provider, faulty)

        let keys = [
            "free": try await failing.key("--name", "free"),
            "revoked": try await failing.key("--name", "revoked"),
            "manager": try await failing.key("--name", "manager", "--management"),
            "slow": try await failing.key("--name", "slow", "--rpm", "60"),
            "spent": try await failing.key("--name", "spent", "--budget", "0.001usd/month"),
            "crowd": try await failing.key("--name", "crowd", "--budget", "0.3usd/total"),
        ]
        _ = try await failing.parley(["key", "revoke", "revoked"])
        let certificates = folder + "/certificates.pem"
        try [healthy, failing].map { try String(contentsOfFile: $0.certificate, encoding: .utf8) }.joined()
            .write(toFile: certificates, atomically: true, encoding: .utf8)
        environment = [
            "BASE_URL": healthy.origin + "/v1", "FAULTY_URL": failing.origin + "/v1", "SSL_CERT_FILE": certificates,
            "PYTHONDONTWRITEBYTECODE": "1",
            "KEYS": String(decoding: try JSONEncoder().encode(keys), as: UTF8.self),
        ]
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Runs scripts of Tests/Clients in one interpreter, with a key of their own, and so a cache.
    func run(_ scripts: String...) async throws {
        let token = try await healthy.key("--name", scripts[0])
        let outcome = try await EndToEndTests.run(
            python + "/bin/python", [Program.repository + "/Tests/Clients/run.py"] + scripts,
            environment: environment.merging(["TOKEN": token]) { $1 })
        #expect(
            outcome.code == 0 && outcome.output.contains("all as with OpenAI"),
            "\(scripts): \(outcome.errors)\(healthy.log)\(failing.log)")
    }

    func spent(_ key: String) async throws -> Double? { try await failing.keyObject("show", key)["spent"] as? Double }

    /// What the provider does with what it is asked, by either wire.
    static func conduct(_ asked: ScriptedProvider.Asked) -> ScriptedProvider.Conduct {
        let json = (try? JSONSerialization.jsonObject(with: asked.body) as? [String: Any]) ?? [:]
        let question = json["contents"] == nil ? WireQuestion(json) : WireQuestion(gemini: json)
        let place = #"{"city":"Paris","people":2100000}"#
        if let schema = question.schema { return isPlace(schema) ? .answer(place) : .refuse(400) }
        if question.isJSON { return .answer(#"{"sky":"rain"}"#) }
        if question.chosen == "Place" { return .call("Place", [place]) }
        if question.hasResult { return .answer("It rains, after \(question.count) messages.") }
        guard question.hasTools else { return .answer("hello from the wire") }
        return .call("weather", [#"{"city":"Paris"}"#, #"{"city":"Rome"}"#])
    }

    private static func isPlace(_ schema: [String: Any]) -> Bool {
        let properties = schema["properties"] as? [String: [String: Any]]
        return schema["required"] as? [String] == ["city", "people"] && schema["type"] as? String == "object"
            && schema["additionalProperties"] as? Bool == false
            && properties?.mapValues { $0["type"] as? String } == ["city": "string", "people": "integer"]
    }
}

/// What a request to the provider has, whichever wire it came by.
private struct WireQuestion {
    let schema: [String: Any]?
    let isJSON: Bool
    let chosen: String?
    let hasResult: Bool
    let hasTools: Bool
    let count: Int

    init(_ json: [String: Any]) {
        let format = json["response_format"] as? [String: Any]
        let described = format?["json_schema"] as? [String: Any]
        // All three clients ask for exactly this schema.
        schema = described.map { $0["strict"] as? Bool == true ? $0["schema"] as? [String: Any] ?? [:] : [:] }
        isJSON = format?["type"] as? String == "json_object"
        chosen = ((json["tool_choice"] as? [String: Any])?["function"] as? [String: Any])?["name"] as? String
        hasTools = json["tools"] != nil
        let messages = json["messages"] as? [[String: Any]] ?? []
        hasResult = messages.last?["role"] as? String == "tool"
        count = messages.count
    }

    init(gemini json: [String: Any]) {
        let settings = json["generationConfig"] as? [String: Any]
        schema = settings?["responseJsonSchema"] as? [String: Any]
        isJSON = settings?["responseMimeType"] as? String == "application/json"
        let choice = (json["toolConfig"] as? [String: Any])?["functionCallingConfig"] as? [String: Any]
        chosen = (choice?["allowedFunctionNames"] as? [String])?.first
        hasTools = json["tools"] != nil
        let contents = json["contents"] as? [[String: Any]] ?? []
        hasResult = (contents.last?["parts"] as? [[String: Any]])?.first?["functionResponse"] != nil
        count = contents.count
    }
}
