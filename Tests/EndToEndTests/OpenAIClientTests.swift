import Foundation
import Testing

/// OpenAI's own client against the real program behind the real nginx.
@Suite(.timeLimit(.minutes(5))) struct OpenAIClientTests {
    @Test func theOpenAIPackageWorksAsItDoesWithOpenAI() async throws {
        let python = Program.repository + "/.build/clients"
        let (code, _, errors) = try await run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(code == 0, "\(errors)")
        let site = try await Deployment(["CHAT_MODEL_ALIASES": "gpt-4o=echo-1"])
        let outcome = try await run(
            python + "/bin/python", [Program.repository + "/Tests/Clients/openai_client.py"],
            environment: [
                "BASE_URL": site.origin + "/v1", "TOKEN": try await site.logIn(), "SSL_CERT_FILE": site.certificate,
            ])
        #expect(outcome.code == 0 && outcome.output.contains("all as with OpenAI"), "\(outcome.errors)\(site.log)")
    }
}
