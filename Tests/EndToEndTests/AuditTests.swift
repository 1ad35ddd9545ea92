import Foundation
import Testing

/// The audit log of a real pool: what is in it, and what is never.
@Suite(.timeLimit(.minutes(3))) struct AuditTests {
    private struct Line {
        let json: [String: Any]
        var action: String { json["action"] as? String ?? "" }
        func text(_ name: String) -> String? { json[name] as? String }
        var objects: [String] { json["of"] as? [String] ?? [] }
    }

    private func lines(_ path: String) throws -> [Line] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasSuffix("\n"))
        return try text.split(separator: "\n").map { line in
            Line(json: try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]))
        }
    }

    @Test func whoDidWhatIsKeptAndNoText() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, settings) = (folder + "/audit.jsonl", folder + "/settings")
        try "CHAT_RETRIES=1\nCHAT_CONTEXT_TOKENS=90\n".write(toFile: settings, atomically: true, encoding: .utf8)
        let run = try await Deployment(["CHAT_AUDIT_LOG": file, "CHAT_ENV_FILE": settings])
        let login = try await run.post("/auth/email", ["email": "ann@example.com"])
        let token = try #require(login.text("access_token"))
        let chat = try await run.post("/chat", token: token, ["message": "a private question"])
        let conversation = try #require(chat.text("conversation_id"))
        let deleted = try await run.send("DELETE", "/chat/conversations/\(conversation)", token: token)
        #expect(deleted.status == 200)
        _ = try await run.send("DELETE", "/chat/history", token: token)
        // What is refused was not done.
        #expect(try await run.send("DELETE", "/auth/account", token: token).status == 403)
        #expect(try await run.post("/auth/logout", token: token, [:]).status == 200)
        let at = ["--set", "CHAT_AUDIT_LOG=\(file)"]
        let manager = try await run.keyObject(["create", "--name", "manager", "--management"] + at)
        let secret = try #require(manager["key"] as? String)
        let made = try await run.post("/v1/keys", token: secret, ["name": "ci"])
        let id = try #require(made.text("id"))
        _ = try await run.parley(["key", "rotate", "ci"] + at)
        _ = try await run.send("DELETE", "/v1/keys/\(id)", token: secret)
        _ = try await run.parley(["sessions", "end", "--all"] + at)

        // Renamed and opened anew: by every process.
        try FileManager.default.moveItem(atPath: file, toPath: file + ".1")
        let supervisor = try #require(parent(of: run.workers[0]))
        kill(supervisor, SIGUSR1)
        let again = try await run.post("/auth/email", ["email": "bob@example.com"])
        try "CHAT_RETRIES=2\nCHAT_STALE_TTL=9\n".write(toFile: settings, atomically: true, encoding: .utf8)
        kill(supervisor, SIGHUP)
        try await run.logLine { $0["message"] as? String == "pool reloaded" }
        #expect(await run.stop() == 0)
        _ = try await run.parley(["backup", folder + "/backup"])
        _ = try await run.parley(["restore", folder + "/backup"] + at)

        let first = try lines(file + ".1")
        let second = FileManager.default.fileExists(atPath: file) ? try lines(file) : []
        let all = first + second
        #expect(
            all.map(\.action) == [
                "login", "conversation_deleted", "history_deleted", "logout", "key_created", "key_created",
                "key_rotated", "key_revoked", "sessions_ended", "login", "settings_changed", "restored",
            ])
        #expect(second.map(\.action).suffix(2) == ["settings_changed", "restored"])
        #expect(all[0].text("user") == login.text("user_id") && all[0].text("session") == login.text("session_id"))
        #expect(all[0].text("request_id") == login.headers["x-request-id"])
        #expect(all[1].objects == [conversation] && all[1].text("request_id") == deleted.headers["x-request-id"])
        #expect(all[5].text("user") == manager["id"] as? String && all[5].objects == [id])
        #expect(all[6].json["uid"] as? Int == Int(getuid()) && all[6].text("user") == nil)
        #expect(all[9].text("user") == again.text("user_id"))
        #expect(all[10].objects == ["CHAT_CONTEXT_TOKENS", "CHAT_RETRIES", "CHAT_STALE_TTL"])
        for line in all { #expect(line.text("time")?.hasSuffix("Z") == true) }
        let text = try String(contentsOfFile: file + ".1", encoding: .utf8)
        for word in ["private", "example.com", secret, token, "127.0.0.1"] { #expect(!text.contains(word)) }
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func aMissingFolderOrAFullDiskFailsNoRequest() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let place = folder + "/later"
        let run = try await Deployment(["CHAT_AUDIT_LOG": place + "/audit.jsonl", "CHAT_WORKERS": "1"])
        try await run.logLine { $0["message"] as? String == "audit log not available" }
        _ = try await run.logIn("ann@example.com")
        _ = try await run.logIn("bob@example.com")
        try await run.logLine { $0["message"] as? String == "audit line not written" }
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        _ = try await run.logIn("eve@example.com")
        try await run.logLine { $0["message"] as? String == "audit lines lost" && $0["lines"] as? Int == 2 }
        #expect(try lines(place + "/audit.jsonl").map(\.action) == ["login"])
        // A file that somebody deleted is made anew, and what is no file is not written to.
        try FileManager.default.removeItem(atPath: place + "/audit.jsonl")
        _ = try await run.logIn("ann@example.com")
        #expect(try lines(place + "/audit.jsonl").count == 1)
        try FileManager.default.removeItem(atPath: place + "/audit.jsonl")
        try #require(mkfifo(place + "/audit.jsonl", 0o600) == 0)
        _ = try await run.logIn("ann@example.com")
        #expect(await run.stop() == 0)
    }

    @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount"))
    func aLineThatHadNoRoomIsSaidAndTornFromNoOther() async throws {
        let disk = try await SmallDisk(bytes: 65_536)
        let file = disk.folder + "/audit.jsonl"
        let run = try await Deployment(["CHAT_AUDIT_LOG": file, "CHAT_WORKERS": "1"])
        _ = try await run.logIn()
        try disk.fill()
        // Those that go into the file's last block are written.
        for number in 0..<40 { _ = try await run.logIn("number\(number)@example.com") }
        try await run.logLine { $0["message"] as? String == "audit line not written" }
        try disk.free()
        _ = try await run.logIn("last@example.com")
        try await run.logLine { $0["message"] as? String == "audit lines lost" }
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let last = try #require(text.split(separator: "\n").last)
        #expect(try JSONSerialization.jsonObject(with: Data(last.utf8)) is [String: Any])
    }

    @Test func linesGoByTheirFormatAndShare() async throws {
        let run = try await Deployment([
            "CHAT_LOG_FORMAT": "ecs", "CHAT_LOG_SHARE": "0", "CHAT_WORKERS": "1",
        ])
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["message": "hello"])
        let blocked = try await run.post("/chat", token: token, ["message": "' OR 1=1; DROP TABLE users; --"])
        let refused = try await run.get("/chat/history", token: "nobody's")
        #expect(blocked.status == 200 && refused.status == 401)
        let id = try #require(refused.headers["x-request-id"])
        try await run.logLine { $0["http.request.id"] as? String == id }
        let lines = run.logLines.filter { $0["http.request.id"] != nil }
        #expect(lines.compactMap { $0["http.request.id"] as? String } == [blocked.headers["x-request-id"], id])
        let line = try #require(lines.last)
        #expect(line["http.response.status_code"] as? Int == 401 && line["log.level"] as? String == "notice")
        #expect(line["trace.id"] as? String == id && line["service.name"] as? String == "parley")
        #expect((line["event.duration"] as? Int ?? 0) > 1_000 && line["parley.route"] as? String == "/chat/history")
        #expect((line["@timestamp"] as? String)?.hasSuffix("Z") == true && line["error.message"] != nil)
    }
}
