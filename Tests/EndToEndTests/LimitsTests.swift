import Foundation
import Testing

/// The limits, each reached: what is refused, with which status, and what still works.
@Suite(.timeLimit(.minutes(5))) struct LimitsTests {
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

    @Test func fiveLoginsPassAtOnceAndReadingAndLeavingAreNotCounted() async throws {
        let run = try await Deployment([
            "CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_CORS_ORIGINS": "https://app.example",
        ])
        var statuses: [Int] = []
        for number in 1...6 {
            let reply = try await run.post("/auth/email", ["email": "user\(number)@example.com"])
            statuses.append(reply.status)
            guard let token = reply.text("access_token") else { continue }
            #expect(try await run.send("POST", "/auth/logout", token: token).status == 200)
        }
        #expect(statuses == [200, 200, 200, 200, 200, 429])
        let refused = try await run.post(
            "/auth/email", ["email": "late@example.com"], headers: ["Origin: https://app.example"])
        try expectError(refused, 429)
        #expect(refused.headers["retry-after"] == "12")
        expectReadable(refused, by: "https://app.example")
        try expectError(try await run.get("/auth/session"), 401)
    }

    @Test func looksAtSessionsAndHistoriesHaveALimitOfTheirOwn() async throws {
        let run = try await Deployment(["CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_READ_RATE": "4/minute"])
        let token = try await run.logIn()
        for path in ["/auth/session", "/chat/history", "/history/user_0", "/%63hat/history?limit=1"] {
            #expect([200, 403].contains(try await run.get(path, token: token).status), "\(path)")
        }
        for (method, path) in [("GET", "/auth/session"), ("HEAD", "/chat/history"), ("GET", "/history/user_0")] {
            let refused = try await run.send(method, path, token: token)
            #expect(refused.status == 429 && refused.headers["retry-after"] == "15", "\(method) \(path)")
        }
        for path in ["/health", "/health/live", "/docs/"] {
            for _ in 1...5 { #expect(try await run.get(path).status == 200, "\(path)") }
        }
        #expect(try await run.post("/chat", token: token, ["message": "hello"]).status == 200)
        #expect(try await run.send("POST", "/auth/logout", token: token).status == 200)
    }

    /// Programs behind one address are not held to a person's limits, and a key that is none gets nobody around these.
    @Test func aKeyIsNotCountedAgainstItsAddress() async throws {
        let run = try await Deployment([
            "CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_CHAT_RATE": "1/minute", "CHAT_READ_RATE": "1/minute",
            "CHAT_AUTH_RATE": "2/minute",
        ])
        let key = try await run.key("--name", "program")
        let madeUp = "prl_" + String(repeating: "0", count: 36)
        let session = try await run.logIn()
        for (token, status) in [(key, 200), (key, 429), (madeUp, 429)] {
            #expect(
                try await run.send("POST", "/auth/email", token: token, body: Data(#"{"email":"a@example.com"}"#.utf8))
                    .status == status)
        }
        let question: [String: Any] = ["model": "echo-1", "messages": [["role": "user", "content": "hello"]]]
        func statuses(_ token: String, headers: [String] = []) async throws -> [Int] {
            [
                try await run.post("/chat", token: token, ["message": "hello"], headers: headers).status,
                try await run.post("/v1/chat/completions", token: token, question, headers: headers).status,
                try await run.send("GET", "/chat/history", token: token, headers: headers).status,
                try await run.send("GET", "/%61uth/session", token: token, headers: headers).status,
            ]
        }
        for _ in 1...3 { #expect(try await statuses(key) == [200, 200, 200, 200]) }
        // From here on there is a minute.
        #expect(try await statuses(session) == [200, 429, 200, 429])
        #expect(try await statuses(session) == [429, 429, 429, 429])
        #expect(try await statuses(key) == [200, 200, 200, 200])
        #expect(try await statuses(madeUp) == [401, 401, 401, 401])
        for token in ["prl_x", madeUp + "0", "\(madeUp) \(session)", "\(session) \(madeUp)"] {
            #expect(try await statuses(token) == [429, 429, 429, 429], "\(token)")
        }
        #expect(try await statuses(session, headers: ["Authorization: Bearer \(key)"]) == [400, 400, 400, 400])
    }

    /// Each line is the address that a proxy on this machine tells, and whether its login is one too many.
    @Test func anAddressIsOneOfIPv4OrANetworkOfIPv6() async throws {
        let run = try await Deployment([
            "CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_AUTH_RATE": "2/minute",
            "CHAT_TRUSTED_PROXIES": "127.0.0.0/8, ::1, 10.0.0.0/8",
        ])
        for (addresses, status) in [
            ("2001:db8:0:0:1::1", 200), ("2001:db8::2", 200), ("2001:DB8:0:0::3", 429), ("2001:db8:0:1::1", 200),
            ("::ffff:192.0.2.7", 200), ("192.0.2.7", 200), ("::ffff:192.0.2.7", 429), ("::ffff:192.0.2.8", 200),
            ("198.51.100.1, 192.0.2.7", 429), ("192.0.2.7, 10.1.2.3", 429), ("192.0.2.7, 198.51.100.1", 200),
        ] {
            let reply = try await run.post(
                "/auth/email", ["email": "ann@example.com"], headers: ["X-Forwarded-For: \(addresses)"])
            #expect(reply.status == status, "\(addresses)")
        }
    }

    @Test func nobodyElseCanNameAnAddress() async throws {
        let run = try await Deployment(["CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_AUTH_RATE": "1/minute"])
        for (address, status) in [("192.0.2.1", 200), ("192.0.2.2", 429)] {
            let reply = try await run.post(
                "/auth/email", ["email": "ann@example.com"], headers: ["X-Forwarded-For: \(address)"])
            #expect(reply.status == status)
        }
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
            "CHAT_SERVER_NAME": "chat.example, www.chat.example", "CHAT_READ_RATE": "2/second",
            "CHAT_CORS_ORIGINS": "https://a.example , *,", "CHAT_TRUSTED_PROXIES": " 192.0.2.1,2001:db8::/32 ,",
        ])
        #expect(try await run.send("GET", "/health", headers: ["Host: chat.example"]).status == 200)
        expectReadable(try await run.send("TRACE", "/chat", headers: ["Origin: null"]), by: "null")
    }
}
