import Foundation
import Testing

/// The limits, each reached: what is refused, with which status, and what still works.
@Suite struct LimitsTests {
    @Test func aSessionThatUsedItsMessagesIsToldToLogInAgain() async throws {
        let run = try await Deployment(["CHAT_MESSAGE_LIMIT": "2"])
        let token = try await run.logIn()
        for number in 1...2 {
            #expect(try await run.post("/chat", token: token, ["message": "question \(number)"]).status == 200)
        }
        let reply = try await run.post("/chat", token: token, ["message": "question 1"])
        try expectError(reply, 429)
        #expect(reply.text("message")?.contains("2 messages") == true)
        #expect(reply.headers["retry-after"] == nil, "waiting does not help")
        #expect(try await run.get("/chat/history", token: token).number("count") == 2)
        #expect(try await run.post("/chat", token: try await run.logIn(), ["message": "question 1"]).status == 200)
    }

    @Test func fiveLoginsPassAtOnceAndReadingIsNotCounted() async throws {
        let run = try await Deployment(["CHAT_RATE_LIMITING_ENABLED": "true"])
        var statuses: [Int] = []
        for number in 1...6 {
            statuses.append(try await run.post("/auth/email", ["email": "user\(number)@example.com"]).status)
        }
        #expect(statuses == [200, 200, 200, 200, 200, 429])
        let refused = try await run.post("/auth/email", ["email": "late@example.com"])
        try expectError(refused, 429)
        #expect(refused.headers["retry-after"] == "12")
        try expectError(try await run.get("/auth/session"), 401)
    }

    @Test func moreChatsThanAWorkerMayHoldAreRefusedAtOnce() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, _ in
            arrived.yield()
            for await _ in permissions { break }
            return .answer("at last")
        }
        let run = try await Deployment(
            provider.asGemini.merging(["CHAT_WORKERS": "1", "CHAT_MAX_IN_FLIGHT": "1"]) { $1 })
        let token = try await run.logIn()
        async let first = run.post("/chat", token: token, ["message": "first"])
        for await _ in arrivals { break }
        let second = try await run.post("/chat", token: token, ["message": "second"])
        try expectError(second, 503)
        #expect(second.headers["retry-after"] == "1")
        #expect(try await run.get("/health").status == 200)
        permitted.yield()
        #expect(try await first.text("response") == "at last")
    }

    @Test func aModelThatIsTooSlowIsA504() async throws {
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, _ in
            for await _ in permissions { break }
            return .answer("too late")
        }
        let run = try await Deployment(provider.asGemini.merging(["CHAT_REQUEST_DEADLINE": "0.3"]) { $1 })
        let token = try await run.logIn()
        try expectError(try await run.post("/chat", token: token, ["message": "hello"]), 504)
        permitted.finish()
        #expect(try await run.get("/auth/session", token: token).number("messages_used") == 0)
    }

    @Test func onlyModernTLSIsSpokenAndHTTP2() async throws {
        let run = try await Deployment()
        func version(_ options: String...) async throws -> String {
            try await EndToEndTests.run(
                "/usr/bin/curl",
                ["-s", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--cacert", run.certificate] + options
                    + [run.origin + "/health"]
            ).output
        }
        #expect(try await version() == "2 200")
        #expect(try await version("--tls-max", "1.2") == "2 200")
        #expect(try await version("--tlsv1.3") == "2 200")
        #expect(try await version("--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0").hasSuffix("000"))
        let reply = try await run.get("/health")
        for header in [
            "strict-transport-security", "x-content-type-options", "content-security-policy", "x-request-id",
        ] {
            #expect(reply.headers[header] != nil, "\(header)")
        }
    }

    @Test func dangerAndSanitizingAreTheOperatorsChoice() async throws {
        let run = try await Deployment(["CHAT_DANGEROUS_CONTENT": "flag", "CHAT_SANITIZE": "off"])
        let reply = try await run.post("/chat", token: try await run.logIn(), ["message": "<b>'; DROP TABLE users</b>"])
        #expect(reply.flag("blocked") == false && reply.text("response") == "You said: <b>'; DROP TABLE users</b>")
    }

    @Test func settingsMayBeWrittenInEveryWayTheyMay() async throws {
        let run = try await Deployment([
            "CHAT_RATE_LIMITING_ENABLED": "off", "CHAT_REQUEST_DEADLINE": "6e1", "CHAT_CHAT_RATE": "120/hour",
            "CHAT_SERVER_NAME": "chat.example, www.chat.example",
        ])
        #expect(try await run.send("GET", "/health", headers: ["Host: chat.example"]).status == 200)
    }
}
