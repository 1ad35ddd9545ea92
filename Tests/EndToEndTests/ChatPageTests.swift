import Foundation
import Testing

/// The chat page in Debian's Chromium, against the real program behind the real nginx and a model on a real socket: from
/// logging in to an answer, lost connections, killed workers, two tabs, attacks, accessibility. What is done there is in
/// Tests/Browser; a part of it is run by `Tests/Browser/run.py PART`.
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
        let port = try #require(said.split(separator: "\n")[0].split(separator: " ").last)
        let model = [
            "CHAT_PROVIDERS": "openai", "CHAT_OPENAI_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "CHAT_OPENAI_MODEL": "scripted",
        ]
        let narrow = [
            "CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_CHAT_RATE": "1/second", "CHAT_AUTH_RATE": "100/second",
            "CHAT_READ_RATE": "100/second", "CHAT_MESSAGE_LIMIT": "3",
        ]
        let mailbox = try await Mailbox("clear")
        async let first = Deployment(model)
        async let second = Deployment(model.merging(narrow) { $1 })
        async let third = Deployment(mailbox.settings(model))
        let (wide, limited, coded) = try await (first, second, third)
        let place: [String: Any] = [
            "origin": wide.origin, "pool": wide.pid, "limited": limited.origin, "coded": coded.origin,
            "mails": mailbox.file,
        ]
        checks.send(try JSONSerialization.data(withJSONObject: place) + Data("\n".utf8))
        let (output, errors) = await checks.everything()
        #expect(
            await checks.end() == 0 && output.contains("the chat page works"),
            "\(output)\(errors)\(wide.log)\(limited.log)\(coded.log)")
    }
}
