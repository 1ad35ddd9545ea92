import Foundation
import Testing

/// A command whose words are lost does not end as if all were well.
@Suite(.timeLimit(.minutes(2))) final class StandardOutputTests {
    private let folder: String

    init() throws { folder = try Deployment.newFolder() }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// - Parameter arguments: of the program and of the shell, redirections too.
    private func parley(_ arguments: String) async throws -> (code: Int32, output: String, errors: String) {
        try await run(
            "/bin/bash", ["-c", "exec \"$0\" \(arguments)", Program.path],
            environment: [
                "PATH": "/usr/sbin:/usr/bin:/bin", "CHAT_ENV_FILE": "", "CHAT_SOCKET": folder + "/s",
                "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
                "CHAT_KEY_SECRET": String(repeating: "k", count: 32),
                "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
            ])
    }

    @Test func endsWith74WhereItsOutputTakesNothing() async throws {
        for command in ["config", "check --json", "secret make", "status", "status --watch", "--help"] {
            let ended = try await parley(command + " >/dev/full")
            #expect(ended.code == 74, "\(command): \(ended)")
            #expect(ended.errors.hasSuffix("Error: standard output cannot be written: No space left on device\n"))
        }
        let closed = try await parley("version >&-")
        #expect(closed.code == 74 && closed.errors.contains("Bad file descriptor"), "\(closed)")
        #expect(try await parley("version").code == 0)
    }

    @Test func saysThatAKeysSecretIsLostAndTheKeyStays() async throws {
        #expect(try await parley("migrate").code == 0)
        for redirection in [">/dev/full", ">&-"] {
            let made = try await parley("key create --name ci \(redirection)")
            #expect(made.code == 74 && made.errors.contains("rotate the key again, parley key rotate "), "\(made)")
            let id = try #require(made.errors.firstMatch(of: /key rotate (\S+)/)?.1)
            let again = try await parley("key rotate \(id) \(redirection)")
            #expect(again.code == 74 && again.errors.contains("the new secret is lost"), "\(again)")
            #expect(try await parley("key rotate \(id)").output.contains("prl_"))
        }
    }
}
