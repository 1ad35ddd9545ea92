import Foundation
import Testing

/// What `parley check` finds before a user does, and what it says to do about it.
@Suite(.timeLimit(.minutes(2))) final class CheckTests {
    private let folder: String

    init() throws { folder = try Deployment.newFolder() }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// With a database and a socket in this folder.
    private func parley(
        _ arguments: String..., settings: [String: String] = [:], launcher: [String] = []
    ) async throws -> (code: Int32, output: String, errors: String) {
        let all = [
            "PATH": "/usr/sbin:/usr/bin:/bin", "CHAT_ENV_FILE": "",
            "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
            "CHAT_SOCKET": folder + "/s",
        ].merging(settings) { $1 }
        let command = launcher + [Program.path] + arguments
        return try await run(command[0], Array(command.dropFirst()), environment: all)
    }

    @Test func countsTheOpenFilesThatAWorkerNeeds() async throws {
        let (code, output, _) = try await parley(
            "check", settings: ["CHAT_MAX_IN_FLIGHT": "100"], launcher: ["/usr/bin/prlimit", "--nofile=64:64"])
        #expect(code == 1)
        #expect(output.contains("WRONG open files: a worker may have 64 and needs 456"), "\(output)")
        #expect(output.contains("LimitNOFILE="))
    }

    @Test func missesADatabaseThatWasThere() async throws {
        let path = folder + "/parley.sqlite"
        #expect(try await parley("migrate").code == 0)
        for ending in ["", "-wal", "-shm"] { unlink(path + ending) }
        let (code, output, _) = try await parley("check")
        #expect(code == 1)
        #expect(output.contains("WRONG database: \(path) is gone"), "\(output)")
        #expect(output.contains("parley restore FILE"))
    }

    @Test func printsWhatIsWrongWithTheSettingsAsJSONToo() async throws {
        let wrong = ["CHAT_MESSAGE_LIMIT": "banana", "CHAT_RETRIES": "many"]
        let (code, output, _) = try await parley("check", "--json", settings: wrong)
        #expect(code == 1)
        let found = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        let checks = try #require(found["checks"] as? [[String: String]])
        #expect(found["ok"] as? Bool == false && checks.map { $0["name"] } == ["settings", "settings"], "\(output)")
        #expect(checks.contains { $0["detail"]?.contains("is “banana”") == true }, "\(output)")

        let unread = try await parley("check", "--env-file", folder + "/none")
        #expect(unread.code == 1)
        #expect(unread.output.contains("WRONG settings: the settings file \(folder)/none cannot be read"), "\(unread)")
    }

    /// Its workers would go on without it, and might give answers that others have deleted.
    @Test func findsABoardThatThePoolCannotOpen() async throws {
        let board = folder + "/parley.sqlite-board"
        try "".write(toFile: board, atomically: true, encoding: .utf8)
        if geteuid() == 0 { chown(folder, 65_534, 65_534) } else { chmod(board, 0) }
        let (code, output, _) = try await parley("check")
        #expect(code == 1)
        #expect(output.contains("WRONG board: \(board): "), "\(output)")
        #expect(output.contains("chown USER: \(board)"), "\(output)")
    }

    @Test func findsAFileThatIsNoDatabase() async throws {
        let path = folder + "/parley.sqlite"
        try String(repeating: "no database ", count: 1_000).write(toFile: path, atomically: true, encoding: .utf8)
        let (code, output, _) = try await parley("check")
        #expect(code == 1)
        #expect(output.contains("WRONG database") && output.contains(path), "\(output)")
    }

    @Test func passesOnWhatNginxSaysOfItsConfiguration() async throws {
        let path = folder + "/nginx.conf"
        try "wroker_processes 2;\n".write(toFile: path, atomically: true, encoding: .utf8)
        let refused = try await parley("check", "--nginx", path)
        #expect(refused.code == 1)
        #expect(refused.output.contains("wroker_processes") && refused.output.contains("correct \(path)"))
        let missing = try await parley("check", "--nginx", folder + "/none.conf")
        #expect(missing.code == 1)
        #expect(missing.output.contains("none.conf: No such file") && missing.output.contains("name it: --nginx FILE"))
    }

    /// The dynamic linker finds a file of that name that is no library.
    @Test func namesALibcurlThatCannotBeLoaded() async throws {
        let path = folder + "/libcurl.so.4"
        try "no library".write(toFile: path, atomically: true, encoding: .utf8)
        let settings = [
            "LD_LIBRARY_PATH": folder, "CHAT_GEMINI_API_KEY": "key", "CHAT_GEMINI_BASE_URL": "http://127.0.0.1:1",
        ]
        let (code, output, _) = try await parley("check", settings: settings)
        #expect(code == 1)
        #expect(output.contains("WRONG libcurl: libcurl cannot be loaded: \(path): file too short"), "\(output)")
        #expect(output.contains("apt-get install libcurl4"))
        // What calls nobody needs none.
        #expect(try await parley("migrate", settings: settings).code == 0)
        #expect(try await parley("check", settings: ["LD_LIBRARY_PATH": folder]).output.contains("ok    provider echo"))
    }

    @Test(arguments: [(200, 0), (401, 1)] as [(Int, Int32)])
    func asksOpenRouterWhetherItTakesTheKey(status: Int, code expected: Int32) async throws {
        let provider = try await ScriptedProvider { _, _ in status == 200 ? .answer("models") : .refuse(status) }
        let (code, output, _) = try await parley("check", settings: provider.asOpenRouter)
        #expect(code == expected, "\(output)")
        #expect(output.contains((status == 200 ? "ok    " : "WRONG ") + "provider openrouter"), "\(output)")
        let asked = try #require(provider.asked.first)
        #expect(asked.path == "/api/v1/models" && asked.headers["authorization"] == "Bearer openrouter-test-key")
    }
}

/// OpenRouter as a chat's provider.
@Suite(.timeLimit(.minutes(2))) struct OpenRouterTests {
    @Test func answersAndIsAskedAsItsContractSays() async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("Hello from afar") }
        let run = try await Deployment(provider.asOpenRouter)
        let reply = try await run.post("/chat", token: try await run.logIn(), ["content": "Hi"])
        #expect(reply.text("content") == "Hello from afar", "\(reply)")
        let asked = try #require(provider.asked.first)
        #expect(asked.path == "/api/v1/chat/completions")
        #expect(asked.headers["authorization"] == "Bearer openrouter-test-key")
        let body = try #require(try JSONSerialization.jsonObject(with: asked.body) as? [String: Any])
        #expect(body["model"] as? String == "scripted/gpt" && body["stream"] as? Bool == true)
    }
}
