import Foundation
import Testing

/// A log file that is a FIFO: nobody waits for its reader.
@Suite(.timeLimit(.minutes(1))) final class LogPipeTests {
    private let folder: String
    private var log: String { folder + "/log" }

    init() throws {
        folder = try Deployment.newFolder()
        try #require(mkfifo(folder + "/log", 0o600) == 0)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private var environment: [String: String] {
        [
            "PATH": "/usr/bin:/bin", "CHAT_ENV_FILE": "", "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
            "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite", "CHAT_SOCKET": folder + "/s",
            "CHAT_LOG_FILE": log, "CHAT_WORKERS": "1",
        ]
    }

    @Test func withoutAReaderTheStartIsRefused() async throws {
        let ended = try await run(Program.path, ["serve"], environment: environment)
        #expect(ended.code == 78 && ended.errors.contains("\(log), which cannot be opened"), "\(ended)")
    }

    @Test func aReaderGetsTheLinesAndThePoolOutlivesIt() async throws {
        // Both ways, so that the opening itself waits for nobody.
        let reader = open(log, O_RDWR | O_CLOEXEC)
        try #require(reader >= 0)
        let copy = try RunningProcess("/bin/cat", [log], environment: [:])
        defer { copy.signal(SIGKILL) }
        let process = try RunningProcess(Program.path, ["serve"], environment: environment)
        defer { process.signal(SIGKILL) }
        _ = try await copy.output(until: "worker ready")
        process.signal(SIGUSR1)
        _ = try await copy.output(until: "log opened anew")
        copy.signal(SIGKILL)
        _ = await copy.end()
        close(reader)
        // What cannot be opened anew stays what it was, and no line hinders the end.
        process.signal(SIGUSR1)
        process.signal(SIGTERM)
        #expect(await process.end() == 0, "\(process.errors)")
    }
}
