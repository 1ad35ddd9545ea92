import Foundation
import Testing

/// OpenAI's own client, and others that speak its contract, against the real program behind the real nginx.
@Suite(.timeLimit(.minutes(10))) struct OpenAIClientTests {
    @Test func theClientsOfOpenAIWorkAsTheyDoWithOpenAI() async throws {
        let python = Program.repository + "/.build/clients"
        let (code, _, errors) = try await run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(code == 0, "\(errors)")
        let site = try await Deployment(["CHAT_MODEL_ALIASES": "gpt-4o=echo-1"])
        // Each in a session of its own, at the same time: loading them takes longest.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in ["openai", "litellm", "langchain"] {
                let environment = [
                    "BASE_URL": site.origin + "/v1", "TOKEN": try await site.logIn(), "SSL_CERT_FILE": site.certificate,
                ]
                group.addTask {
                    let outcome = try await run(
                        python + "/bin/python", [Program.repository + "/Tests/Clients/\(client)_client.py"],
                        environment: environment)
                    #expect(
                        outcome.code == 0 && outcome.output.contains("all as with OpenAI"),
                        "\(client): \(outcome.errors)\(site.log)")
                }
            }
            try await group.waitForAll()
        }
    }

    /// The provider asks for two calls until it has results; with 100 turns before the last, for none.
    @Test(arguments: [false, true]) func theOpenAIPackageCallsTools(_ isGemini: Bool) async throws {
        let python = Program.repository + "/.build/clients"
        let (code, _, errors) = try await run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(code == 0, "\(errors)")
        let provider = try await ScriptedProvider { asked, _ in
            let json = try? JSONSerialization.jsonObject(with: asked.body) as? [String: Any]
            let messages = (json?["messages"] ?? json?["contents"]) as? [[String: Any]]
            let parts = messages?.last?["parts"] as? [[String: Any]]
            let hasResult = messages?.last?["role"] as? String == "tool" || parts?.first?["functionResponse"] != nil
            return hasResult
                ? .answer("It rains, after \(messages?.count ?? 0) messages.")
                : .call("weather", [#"{"city":"Paris"}"#, #"{"city":"Rome"}"#])
        }
        let site = try await Deployment(isGemini ? provider.asGemini : provider.asOpenAI)
        let outcome = try await run(
            python + "/bin/python", [Program.repository + "/Tests/Clients/openai_tools.py"],
            environment: [
                "BASE_URL": site.origin + "/v1", "TOKEN": try await site.logIn(), "SSL_CERT_FILE": site.certificate,
                "MODEL": isGemini ? "gemini-2.5-flash-lite" : "scripted-gpt",
            ])
        #expect(outcome.code == 0 && outcome.output.contains("all as with OpenAI"), "\(outcome.errors)\(site.log)")
        let signed = provider.asked.filter { String(decoding: $0.body, as: UTF8.self).contains("c2lnbmVk") }
        #expect(signed.isEmpty == !isGemini, "Gemini's mark comes back with the calls")
    }
}
