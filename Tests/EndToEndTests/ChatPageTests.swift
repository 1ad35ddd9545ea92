import Foundation
import Testing

/// The chat page in Debian's Chromium, against the real program behind the real nginx and a model on a real socket: from
/// logging in, also with an identity provider, to an answer, lost connections, killed workers, two tabs, attacks,
/// accessibility. What is done there is in Tests/Browser; a part of it is run by `Tests/Browser/run.py PART`.
@Suite(.timeLimit(.minutes(10))) struct ChatPageTests {
    @Test func theChatPageWorksInABrowser() async throws {
        let python = Program.repository + "/.build/clients"
        let installed = try await EndToEndTests.run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(installed.code == 0, "\(installed.errors)")

        let checks = try RunningProcess(
            python + "/bin/python", [Program.repository + "/Tests/Browser/run.py"],
            environment: ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 })
        let said = try await checks.output(until: "\n")
        let ports = said.split(separator: "\n")[0].split(separator: " ").compactMap { UInt16($0) }
        try #require(ports.count == 2)
        let model = [
            "CHAT_PROVIDERS": "openai", "CHAT_OPENAI_BASE_URL": "http://127.0.0.1:\(ports[0])/v1",
            "CHAT_OPENAI_MODEL": "scripted",
        ]
        let issuer = "http://127.0.0.1:\(ports[1])/realms/main"
        let external = [
            "CHAT_AUTH_MODE": "external", "CHAT_JWKS_URL": issuer + "/certs", "CHAT_JWT_ISSUER": issuer,
            "CHAT_JWT_AUDIENCE": "parley", "CHAT_OIDC_CLIENT_ID": "chat",
            "CHAT_OIDC_ORIGINS": "http://localhost:\(ports[1])",
        ]
        let narrow = [
            "CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_CHAT_RATE": "1/second", "CHAT_AUTH_RATE": "100/second",
            "CHAT_READ_RATE": "100/second", "CHAT_MESSAGE_LIMIT": "3",
        ]
        let mailbox = try await Mailbox("clear")
        async let first = Deployment(model)
        async let second = Deployment(model.merging(narrow) { $1 })
        async let third = Deployment(mailbox.settings(model))
        async let fourth = Deployment(model.merging(external) { $1 })
        let (wide, limited, coded, elsewhere) = try await (first, second, third, fourth)
        let place: [String: Any] = [
            "origin": wide.origin, "pool": wide.pid, "limited": limited.origin, "coded": coded.origin,
            "mails": mailbox.file, "external": elsewhere.origin,
        ]
        checks.send(try JSONSerialization.data(withJSONObject: place) + Data("\n".utf8))
        let (output, errors) = await checks.everything()
        #expect(
            await checks.end() == 0 && output.contains("the chat page works"),
            "\(output)\(errors)\(wide.log)\(limited.log)\(coded.log)\(elsewhere.log)")
    }
}
