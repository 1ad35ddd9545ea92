import Foundation
import GRDB
import Testing

/// Logging in with codes that a real mail server has taken, through nginx and two workers.
@Suite(.timeLimit(.minutes(5))) struct LoginCodeTests {
    @Test func aCodeComesByMailAndOpensASessionOnce() async throws {
        let mailbox = try await Mailbox("smtps")
        let run = try await Deployment(mailbox.settings(["CHAT_LOG_LEVEL": "debug"]))
        let asked = try await run.post("/auth/email", ["email": "Ann@Example.com"])
        #expect(asked.status == 202 && asked.text("status") == "code_sent")
        let mail = try #require(try await mailbox.mails(to: "ann@example.com").first)
        #expect(mail.tls && mail.from == "parley@example.org" && mail.headers["To"] == "ann@example.com")
        #expect(mail.headers["Auto-Submitted"] == "auto-generated" && mail.headers["Date"]?.hasSuffix("+0000") == true)
        let code = try #require(mail.code)
        #expect(mail.headers.values.allSatisfy { !$0.contains(code) }, "a locked screen shows the subject")
        let rows = try await DatabaseQueue(path: run.folder + "/parley.sqlite").read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM login_codes").description
        }
        #expect(!rows.contains(code) && !rows.contains("example"))

        // A reload does not change what was sent.
        let workers = run.workers
        kill(try #require(parent(of: workers[0])), SIGHUP)
        try await run.logLine { $0["message"] as? String == "pool reloaded" }
        let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
            for _ in 0..<4 {
                group.addTask { try await run.post("/auth/email", ["email": "ann@example.com", "code": code]) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.map(\.status).sorted() == [200, 401, 401, 401])
        let one = try #require(replies.first { $0.status == 200 })
        #expect(one.flag("proved") == true)
        let token = try #require(one.text("access_token"))
        _ = try await run.post("/chat", token: token, ["message": "hello"])

        let two = try await run.logIn("ann@example.com", by: mailbox, mail: 2)
        let other = try #require(two.text("access_token"))
        #expect(two.text("user_id") == one.text("user_id"))
        #expect(try await run.get("/chat/history", token: other).number("count") == 1)
        #expect(try await run.send("DELETE", "/auth/sessions", token: other).number("ended") == 2)
        for reply in try await run.everyWorker({ try await run.get("/auth/session", token: token) }) {
            #expect(reply.status == 401)
        }
        #expect(!run.log.contains(code) && !run.log.contains("ann@"))
    }

    @Test func twentyGuessesAtOnceUseACodeUp() async throws {
        let mailbox = try await Mailbox("starttls", login: ("parley", "pass word"))
        let run = try await Deployment(mailbox.settings())
        _ = try await run.post("/auth/email", ["email": "ann@example.com"])
        let mail = try #require(try await mailbox.mails(to: "ann@example.com").first)
        #expect(mail.tls && mail.user == "parley")
        let code = try #require(mail.code.flatMap(Int.init))
        let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
            for number in 1...20 {
                let text = String(String(1_000_000 + (code + number) % 1_000_000).dropFirst())
                group.addTask { try await run.post("/auth/email", ["email": "ann@example.com", "code": text]) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.allSatisfy { $0.status == 401 }, "\(code): \(replies)")
        let right = String(String(1_000_000 + code).dropFirst())
        let late = try await run.post("/auth/email", ["email": "ann@example.com", "code": right])
        try expectError(late, 401)
        #expect(try await run.logIn("ann@example.com", by: mailbox, mail: 2).status == 200)

        // What the server will not take, or not yet, nobody is told of.
        for name in ["refused", "later"] {
            #expect(try await run.post("/auth/email", ["email": "\(name)@example.com"]).body == asked(run))
        }
        #expect(try await mailbox.mails(to: "later@example.com").count == 1)
        try await run.logLine { $0["message"] as? String == "code not sent yet" }
        try await run.logLine {
            $0["message"] as? String == "code not sent" && ($0["cause"] as? String)?.contains("550") == true
        }
        #expect(!run.log.contains("refused@") && !run.log.contains("pass word"))
        let limit = ContinuousClock.now + .seconds(20)
        while try await run.get("/health").text("status") != "healthy" { try #require(ContinuousClock.now < limit) }

        // What was proved stays out of reach when nothing is proved any more.
        let proved = try #require(try await run.logIn("ann@example.com", by: mailbox, mail: 3).text("access_token"))
        _ = try await run.post("/chat", token: proved, ["message": "proved"])
        let folder = run.folder
        #expect(await run.stop() == 0)
        let open = try await Deployment(folder: folder, ["CHAT_CACHE_SCOPE": "user"])
        let typed = try await open.logIn("ann@example.com")
        #expect(try await open.get("/chat/history", token: typed).number("count") == 0)
        #expect(try await open.post("/chat", token: typed, ["message": "proved"]).flag("cached") == false)
        #expect(try await open.get("/chat/history", token: proved).number("count") == 1, "a token stays good")
        try expectError(try await open.send("DELETE", "/auth/sessions", token: typed), 403)

        let listed = try await open.parley(["sessions", "--user", "ann@example.com", "--json"])
        let sessions = try JSONSerialization.jsonObject(with: Data(listed.utf8)) as? [[String: Any]]
        #expect(sessions?.compactMap { $0["proved"] as? Bool }.sorted { !$0 && $1 } == [false, true, true])
        #expect(try await open.parley(["sessions", "end", "--user", "ann@example.com"]) == "3 sessions ended\n")
        try expectError(try await open.get("/chat/history", token: proved), 401)
        withExtendedLifetime(run) {}
    }

    private func asked(_ run: Deployment) async throws -> String {
        try await run.post("/auth/email", ["email": "somebody@example.com"]).body
    }

    /// Neither is a mail sent, nor is anybody told.
    @Test(arguments: ["bare", "untrusted", "gone"]) func withoutTLSNothingIsSent(_ fault: String) async throws {
        let mailbox = try await Mailbox(fault == "untrusted" ? "smtps" : "bare")
        var settings = mailbox.settings()
        if fault == "untrusted" { settings["CHAT_SMTP_CA_FILE"] = nil }
        if fault == "gone" { settings["CHAT_SMTP_URL"] = "smtp://localhost:\(try freePort())" }
        let run = try await Deployment(settings)
        let began = ContinuousClock.now
        let reply = try await run.post("/auth/email", ["email": "ann@example.com"])
        #expect(reply.status == 202 && ContinuousClock.now - began < .seconds(5))
        try await run.logLine { $0["message"] as? String == "code not sent yet" && $0["attempt"] as? Int == 2 }
        let health = try await run.get("/health?detailed=true")
        #expect(health.status == 200 && health.text("status") == "degraded")
        #expect((health.json["components"] as? [String: Any])?["mail"] as? String == "failing")
        if fault == "gone" {
            let outside = try await EndToEndTests.run(
                Program.path, ["check", "--url", run.origin, "--ca", run.certificate, "--no-limits"])
            #expect(outside.output.contains("WARN  health: degraded (mail is not taken), version"), "\(outside)")
            #expect(outside.output.contains("WARN  mail: the mail server did not take the last code"), "\(outside)")
        }
        let check = try await EndToEndTests.run(
            Program.path, ["check"],
            environment: settings.merging([
                "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_ENV_FILE": "", "PATH": "/usr/bin:/bin",
                "CHAT_DATABASE_URL": "sqlite:\(run.folder)/parley.sqlite", "CHAT_SOCKET": run.socket,
            ]) { $1 })
        #expect(check.code == 1 && check.output.contains("WRONG mail server: "), "\(check)")
    }
}
