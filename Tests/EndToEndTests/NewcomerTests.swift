import Foundation
import Testing

/// The first hour with Parley, as the README tells it: limits on, no provider key.
@Suite(.timeLimit(.minutes(5))) struct NewcomerTests {
    @Test func theFirstConversationWorksAndSurvivesARestart() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = try freePort()
        var token = ""
        do {
            let run = try await Deployment(folder: folder, port: port, ["CHAT_RATE_LIMITING_ENABLED": "true"])
            #expect(run.announcement.contains("echo") && run.announcement.contains("CHAT_GEMINI_API_KEY"))
            let (first, pasted) = try await paste(run.announcement)
            #expect(first.flag("cached") == false && first.text("content")?.contains("What is a socket?") == true)
            token = pasted
            let again = try await paste(run.announcement, token: token).reply
            #expect(again.flag("cached") == true && again.text("content") == first.text("content"))

            let history = try #require(
                try await run.get("/chat/history", token: token).json["messages"] as? [[String: Any]])
            #expect(history.map { $0["id"] as? String } == [first.text("id"), again.text("id")])

            var statuses: [Int] = []
            for number in 3...11 {
                statuses.append(try await run.post("/chat", token: token, ["message": "burst \(number)"]).status)
            }
            #expect(statuses == Array(repeating: 200, count: 8) + [429], "ten at once, then no more")
            try expectError(try await run.post("/chat", token: token, ["message": "one more"]), 429)
            #expect(try await run.get("/health").status == 200, "what is not limited goes on")

            let worker = try #require(run.workers.first)
            kill(worker, SIGKILL)
            // Until it is dead, nginx may still hand it a request on a connection that it keeps; that is a 502.
            try await run.logLine { $0["message"] as? String == "worker ended" && $0["worker"] as? Int == Int(worker) }
            #expect(try await run.get("/chat/history", token: token).status == 200)

            #expect(await run.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: run.socket))
            #expect(processes(naming: folder).isEmpty)
        }
        let run = try await Deployment(folder: folder, port: port)
        let kept = try await run.post("/chat", token: token, ["content": "What is a socket?"])
        #expect(kept.flag("cached") == true, "the stored cache outlives the processes")
        let history = try await run.get("/chat/history?limit=100", token: token)
        #expect(history.number("count") == 11)
    }

    /// In another terminal, which knows nothing of the run's settings.
    @Test func theRunCanBeLookedAtWithOneLine() async throws {
        let run = try await Deployment([
            "CHAT_SYSTEM_PROMPT": "It's \"quoted\" $HOME", "CHAT_GEMINI_API_KEY": "secret-key",
            "CHAT_WEBHOOK_URL": "http://127.0.0.1:1/hook",
            "CHAT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "CHAT_IDENTITY_KEY": String(repeating: "0a", count: 32),
        ])
        try await run.bothWorkersReady()
        let line = try #require(run.announcement.split(separator: "\n").first { $0.hasPrefix(". ") })
        let script = """
            \(line)
            parley status && parley config --value CHAT_SYSTEM_PROMPT && parley config && parley check --nginx "$1"
            """
        let (_, output, errors) = try await EndToEndTests.run(
            "/bin/sh", ["-c", script, "sh", run.folder + "/nginx/nginx.conf"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(output.contains("2 of 2 workers serve"), "\(output)\(errors)")
        #expect(output.contains("\nIt's \"quoted\" $HOME\n") && output.contains(run.socket))
        #expect(
            output.contains("ok    settings") && output.contains("ok    database") && output.contains("ok    nginx"))
        #expect(output.contains(/CHAT_IDENTITY_KEY +\(secret, 64 bytes\)/), "people are who they are in the run")
        let written = try String(contentsOfFile: run.folder + "/environment", encoding: .utf8)
        #expect(!written.contains("secret-key"))
        let attributes = try FileManager.default.attributesOfItem(atPath: run.folder + "/environment")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    /// All lines for a shell, in the repository's folder, as they stand but for the port and the folder of the run.
    @Test func theFirstConversationOfTheREADMECanBePasted() async throws {
        let blocks = try Manual.blocks("README.md", section: "A first conversation")
        let run = try await Deployment()
        try await run.bothWorkersReady()
        let commands = blocks.joined(separator: "\n\n").components(separatedBy: "\n\n")
        #expect(commands.count >= 6 && !commands.contains { $0.hasPrefix("$ ") }, "no prompts")
        let script =
            "set -e\n"
            + commands.joined(separator: "\nprintf '\\n--\\n'\n")
            .replacing("localhost:8443", with: "localhost:\(run.port)").replacing(".run/", with: "$RUN/")
        let (code, output, errors) = try await EndToEndTests.run(
            "/bin/bash", ["-c", script],
            environment: ["PATH": "/usr/bin:/bin", "RUN": run.folder])
        #expect(code == 0, "\(output)\(errors)")
        var replies = output.components(separatedBy: "\n--\n")
        #expect(replies.count == commands.count)
        let look = replies.removeLast()
        for reply in replies.dropFirst() {
            #expect(reply.hasPrefix("{") || reply.hasPrefix("event: start"), "\(reply)")
        }
        #expect(replies.last?.contains(#""status_code":422"#) == true)
        for words in ["2 of 2 workers serve", "ok    nginx", "prl_"] { #expect(look.contains(words), "\(look)") }
    }

    @Test func aTakenPortIsAClearError() async throws {
        let run = try await Deployment()
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = await #expect(throws: RunningProcess.Ended.self) {
            _ = try await Deployment(folder: folder, port: run.port)
        }
        #expect(error?.description.contains("PORT \(run.port) is taken") == true)
    }

    /// Runs the two printed commands in a shell, as a person would paste them.
    private func paste(_ announcement: String, token: String? = nil) async throws -> (reply: Reply, token: String) {
        let lines = announcement.split(separator: "\n")
        let login = try #require(lines.first { $0.hasPrefix("TOKEN=") })
        let chat = try #require(lines.first { $0.hasPrefix("curl") })
        let script = """
            \(token.map { "TOKEN=\($0)" } ?? String(login))
            printf '%s\\n' "$TOKEN"
            \(chat.replacing("curl -sk", with: "curl -sk --include"))
            """
        let (code, output, errors) = try await run("/bin/bash", ["-c", script])
        #expect(code == 0, "\(errors)")
        let parts = output.split(separator: "\n", maxSplits: 1)
        let reply = Reply(String(parts[1]))
        #expect(reply.status == 200, "\(reply)")
        return (reply, String(parts[0]))
    }

    private func processes(naming text: String) -> [String] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { Int($0) != nil } ?? []
        return numbers.filter { number in
            let arguments = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(number)/cmdline"))) ?? Data()
            return String(decoding: arguments, as: UTF8.self).contains(text)
        }
    }
}

/// Expects the one error object, whoever made it.
func expectError(
    _ reply: Reply, _ status: Int, _ note: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(reply.status == status, note, sourceLocation: sourceLocation)
    #expect(reply.headers["content-type"]?.hasPrefix("application/json") == true, note, sourceLocation: sourceLocation)
    #expect(
        Set(reply.json.keys) == ["error", "message", "details", "status_code", "request_id"], "\(reply.body)",
        sourceLocation: sourceLocation)
    #expect(reply.number("status_code") == status, note, sourceLocation: sourceLocation)
    #expect(reply.text("message")?.isEmpty == false, note, sourceLocation: sourceLocation)
    #expect(reply.text("request_id") == reply.headers["x-request-id"], note, sourceLocation: sourceLocation)
    for header in ["strict-transport-security", "x-content-type-options", "content-security-policy", "referrer-policy"]
    {
        #expect(reply.headers[header] != nil, "\(header)", sourceLocation: sourceLocation)
    }
}

/// Expects that a browser lets a page of this origin read the reply.
func expectReadable(_ reply: Reply, by origin: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let expected = [
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "Retry-After, X-Request-ID, X-Parley-Cache, X-Should-Retry",
    ]
    #expect(
        reply.headers["vary"]?.components(separatedBy: ", ").contains("Origin") == true, "\(reply.status) vary",
        sourceLocation: sourceLocation)
    for (name, value) in expected {
        #expect(reply.headers[name] == value, "\(reply.status) \(name)", sourceLocation: sourceLocation)
    }
}
