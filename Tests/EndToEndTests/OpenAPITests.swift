import Foundation
import Testing

/// The document that `parley openapi` prints: whether it is valid, whether the real program behind the real nginx keeps
/// to it, and what becomes of requests that are made up from it. What is checked is in Tests/Contract.
@Suite(.timeLimit(.minutes(10))) struct OpenAPITests {
    @Test func itIsTheSameWithoutAnySettingAndWithBrokenOnes() async throws {
        let bare = try await EndToEndTests.run(Program.path, ["openapi"], environment: [:])
        let broken = try await EndToEndTests.run(
            Program.path, ["openapi"], environment: ["CHAT_WORKERS": "many", "CHAT_ENV_FILE": "/nowhere"])
        #expect(bare.code == 0 && bare.errors.isEmpty && bare.output == broken.output)
        #expect(bare.output.hasPrefix("{\n  \"openapi\": \"3.1.0\",\n") && bare.output.hasSuffix("}\n"))
    }

    @Test func itIsValidAndEveryReplyKeepsToIt() async throws {
        let stage = try await OpenAPIStage()
        for script in ["document.py", "replies.py", "fuzz.py"] { try await stage.run(script) }
    }
}

/// The three servers of Tests/Contract/replies.py, each the real program behind the real nginx, and what runs the
/// scripts.
private final class OpenAPIStage: Sendable {
    private let faulty: FaultyProvider
    private let well: Deployment
    private let failing: Deployment
    private let coded: Deployment
    private let mailbox: Mailbox
    private let python: String
    private let environment: [String: String]
    private let folder: String

    init() async throws {
        python = Program.repository + "/.build/clients"
        let installed = try await EndToEndTests.run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(installed.code == 0, "\(installed.errors)")
        let faulty = try FaultyProvider.told("faulty", wordsOfTheSlow: 0)
        folder = try Deployment.newFolder()
        let pages = folder + "/pages"
        try FileManager.default.createDirectory(atPath: pages, withIntermediateDirectories: false)
        try await EndToEndTests.run(Program.path, ["openapi"], environment: [:]).output
            .write(toFile: pages + "/openapi.json", atomically: true, encoding: .utf8)
        let prices = try Deployment.prices("faulty-model", output: 100, in: folder)
        let limits = [
            "DOCS": pages, "CHAT_PRICES": prices, "CHAT_REQUEST_DEADLINE": "2", "CHAT_V1_DEADLINE": "2",
            "CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_AUTH_RATE": "1/minute", "CHAT_CHAT_RATE": "1/minute",
            "CHAT_READ_RATE": "1/minute",
        ]
        async let first = Deployment(["CHAT_MESSAGE_LIMIT": "1000000", "DOCS": pages])
        async let second = Deployment(faulty.settings(as: .openai).merging(limits) { $1 })
        let mailbox = try await Mailbox("clear")
        let codes = mailbox.settings()
        async let third = Deployment(codes)
        (well, failing, coded) = try await (first, second, third)
        (self.faulty, self.mailbox) = (faulty, mailbox)

        let certificates = folder + "/certificates.pem"
        try [well, failing, coded].map { try String(contentsOfFile: $0.certificate, encoding: .utf8) }.joined()
            .write(toFile: certificates, atomically: true, encoding: .utf8)
        let keys = [
            "free": try await well.key("--name", "free"),
            "manager": try await well.key("--name", "manager", "--management"),
            "other": try await failing.key("--name", "other"),
            "slow": try await failing.key("--name", "slow", "--rpm", "2"),
            "spent": try await failing.key("--name", "spent", "--budget", "0.001usd/month"),
        ]
        environment = [
            "OPENAPI": pages + "/openapi.json", "REQUESTS_CA_BUNDLE": certificates, "PYTHONDONTWRITEBYTECODE": "1",
            "BASE_URL": well.origin, "FAULTY_URL": failing.origin, "CODED_URL": coded.origin, "MAILS": mailbox.file,
            "HOME": folder,
            "KEYS": String(decoding: try JSONEncoder().encode(keys), as: UTF8.self),
        ]
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func run(_ script: String) async throws {
        let outcome = try await EndToEndTests.run(
            python + "/bin/python", [Program.repository + "/Tests/Contract/" + script],
            environment: environment)
        #expect(outcome.code == 0, "\(script): \(outcome.output)\(outcome.errors)\(well.log)")
    }
}
