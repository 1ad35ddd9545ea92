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
}
