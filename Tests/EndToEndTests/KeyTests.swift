import Foundation
import Synchronization
import Testing

/// API keys against a running pool: made by the command line and over HTTP, used with curl.
@Suite(.timeLimit(.minutes(3))) struct KeyTests {
    @Test func aKeyWorksWhereASessionDoesAndIsDeadOnceRevoked() async throws {
        let run = try await Deployment(["CHAT_MESSAGE_LIMIT": "2"])
        let made = try await run.keyObject("create", "--name", "ci", "--expires", "90d", "--models", "echo-1")
        let token = try #require(made["key"] as? String)
        let id = try #require(made["id"] as? String)
        #expect(token.hasPrefix("prl_") && token.count == 40 && token.hasPrefix(made["prefix"] as? String ?? "?"))
        #expect(made["budget"] is NSNull && made["spent"] as? Int == 0 && made["disabled"] as? Bool == false)
        for number in 1...4 {
            let reply = try await run.post("/chat", token: token, ["message": "question \(number)"])
            #expect(reply.status == 200 && reply.text("response") == "You said: question \(number)", "\(reply)")
        }
        let history = try await run.get("/chat/history", token: token)
        #expect(history.number("count") == 4, "its own history, and no quota of messages")
        #expect(try await run.get("/history/\(id)", token: token).status == 200)
        let session = try await run.get("/auth/session", token: token)
        #expect(session.text("user_id") == id && session.json["message_limit"] is NSNull)
        #expect(try await run.post("/auth/logout", token: token, [:]).status == 403)
        #expect(try await run.get("/v1/keys", token: token).status == 403)
        let list = try await run.parley(["key", "list"])
        #expect(list.contains(id) && list.contains("ci") && !list.contains(token))

        #expect(try await run.keyObject("revoke", "ci")["disabled"] as? Bool == true)
        for reply in try await run.everyWorker({ try await run.get("/chat/history", token: token) }) {
            #expect(reply.status == 401 && reply.headers["www-authenticate"] == "Bearer", "\(reply)")
        }
        let wrong = String(token.dropLast()) + (token.hasSuffix("0") ? "1" : "0")
        #expect(try await run.post("/chat", token: wrong, ["message": "q"]).status == 401)
        #expect(!run.log.contains(token), "no line has a key")
    }

    @Test func theCommandLineSaysWhatIsWrong() async throws {
        let run = try await Deployment()
        func refusal(_ arguments: String...) async throws -> String {
            try await run.parley(["key"] + arguments, fails: true)
        }
        #expect(try await refusal("create", "--name", "x", "--budget", "20usd").contains("20usd/month"))
        #expect(try await refusal("create", "--name", "x", "--rpm", "0").contains("rpm"))
        #expect(try await refusal("create", "--name", " ").contains("name"))
        #expect(try await refusal("show", "nobody").hasPrefix("Error: There is no key “nobody”"))
        _ = try await run.key("--name", "twice")
        _ = try await run.key("--name", "twice")
        #expect(try await refusal("revoke", "twice").contains("Several keys"))
        let ended = try await EndToEndTests.run(
            Program.path, ["key", "list"],
            environment: [
                "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_ENV_FILE": "",
                "CHAT_DATABASE_URL": "sqlite:\(run.folder)/parley.sqlite",
            ])
        #expect(ended.code != 0 && ended.errors.contains("CHAT_KEY_SECRET"), "\(ended)")
        let help = try await run.parley(["key", "--help"])
        for word in ["create", "list", "show", "revoke", "rotate"] { #expect(help.contains(word)) }
    }

    @Test func aManagementKeyManagesOverHTTP() async throws {
        let run = try await Deployment()
        let manager = try await run.key("--name", "m", "--management")
        #expect(try await run.post("/chat", token: manager, ["message": "q"]).status == 403)
        let made = try await run.post(
            "/v1/keys", token: manager,
            ["name": "app", "rpm": 5, "budget": "1.5usd/day", "expires": "24h", "models": ["echo-1"]])
        let token = try #require(made.text("key"))
        let id = try #require(made.text("id"))
        #expect(made.status == 201 && made.text("budget") == "1.5usd/day" && made.number("rpm") == 5)
        #expect(try await run.post("/chat", token: token, ["message": "q"]).status == 200)
        let list = try await run.get("/v1/keys", token: manager)
        #expect((list.json["data"] as? [[String: Any]])?.count == 2 && list.text("object") == "list")
        #expect(!list.body.contains(token) && !list.body.contains("\"key\""))
        let rotated = try await run.post("/v1/keys/app/rotate", token: manager, ["grace": "1h"])
        let newer = try #require(rotated.text("key"))
        #expect(rotated.status == 200 && newer != token && rotated.text("id") == id)
        for token in [token, newer] {
            #expect(try await run.post("/chat", token: token, ["message": "q"]).status == 200)
        }
        #expect(try await run.get("/chat/history", token: newer).number("count") == 3, "one key, one history")
        #expect(try await run.send("DELETE", "/v1/keys/\(id)", token: manager).flag("disabled") == true)
        #expect(try await run.post("/chat", token: newer, ["message": "q"]).status == 401)

        let refused = try await run.post("/v1/keys", token: manager, ["name": "x", "budgets": "1usd/day"])
        let error = try #require(refused.json["error"] as? [String: Any])
        #expect(refused.status == 400 && error["param"] as? String == "budgets", "\(refused)")
        #expect(error["type"] as? String == "invalid_request_error" && error.keys.contains("code"))
        let unknown = try await run.get("/v1/keys/nobody", token: manager)
        #expect(unknown.status == 404 && unknown.json["error"] is [String: Any])
        let stranger = try await run.get("/v1/keys", token: try await run.logIn())
        #expect(stranger.status == 403 && stranger.json["error"] is [String: Any])
    }

    /// All questions at once, and the provider answers none before all have been admitted or refused.
    @Test func noCrowdExceedsABudget() async throws {
        let gate = AsyncGate()
        let provider = try await ScriptedProvider { _, _ in
            await gate.wait()
            return .answer("hello")
        }
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // 500 tokens at the worst are 0.50 dollars, the 5 that it has are 0.005.
        let prices = try Deployment.prices("scripted-gpt", output: 1000, in: folder)
        let run = try await Deployment(provider.asOpenAI.merging(["CHAT_PRICES": prices]) { $1 })
        let token = try await run.key("--name", "crowd", "--budget", "2.2usd/total")
        let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
            for number in 0..<16 {
                group.addTask {
                    let reply = try await run.post("/chat", token: token, ["message": "question \(number)"])
                    if reply.status == 429 { gate.count(of: 12) }
                    return reply
                }
            }
            return try await group.reduce(into: [Reply]()) { $0.append($1) }
        }
        #expect(replies.filter { $0.status == 200 }.count == 4)
        #expect(provider.asked.count == 4)
        for reply in replies where reply.status != 200 {
            #expect(reply.status == 429 && reply.headers["x-should-retry"] == "false", "\(reply)")
            #expect(reply.headers["retry-after"] == nil && reply.text("error") == "Budget spent")
        }
        #expect(try await run.keyObject("show", "crowd")["spent"] as? Double == 0.02)
        #expect(try await run.post("/chat", token: token, ["message": "again"]).status == 200)
        // What was answered before costs nothing, and is given though nothing else is.
        let small = try await run.key("--name", "small", "--budget", "0.5usd/total")
        #expect(try await run.post("/chat", token: small, ["message": "kept"]).status == 200)
        #expect(try await run.post("/chat", token: small, ["message": "other"]).status == 429)
        let cached = try await run.post("/chat", token: small, ["message": "kept"])
        #expect(cached.status == 200 && cached.flag("cached") == true)
    }

    @Test func aKeySpeaksOpenAIsContract() async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("hello") }
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let prices = try Deployment.prices("scripted-gpt", output: 1000, in: folder)
        let run = try await Deployment(provider.asOpenAI.merging(["CHAT_PRICES": prices]) { $1 })
        let token = try await run.key("--name", "app", "--budget", "0.15usd/total", "--rpm", "3")
        func ask(_ text: String, _ most: Int, _ token: String) async throws -> Reply {
            try await run.post(
                "/v1/chat/completions", token: token,
                [
                    "model": "scripted-gpt", "messages": [["role": "user", "content": text]], "max_tokens": most,
                ])
        }
        func error(_ reply: Reply) -> [String: Any] { reply.json["error"] as? [String: Any] ?? [:] }
        // 100 tokens at the worst are 0.10 dollars, the 5 that it has 0.005.
        let answered = try await ask("one", 100, token)
        #expect(answered.status == 200 && answered.headers["x-ratelimit-remaining-requests"] == "2", "\(answered)")
        let spent = try await ask("two", 200, token)
        #expect(spent.status == 429 && spent.headers["x-should-retry"] == "false", "\(spent)")
        #expect(error(spent)["code"] as? String == "insufficient_quota")
        for _ in 0..<2 { #expect(try await ask("one", 100, token).headers["x-parley-cache"] == "hit") }
        let limited = try await ask("one", 100, token)
        #expect(limited.status == 429 && limited.headers["retry-after"] != nil, "\(limited)")
        #expect(limited.headers["x-should-retry"] == nil)
        #expect(error(limited)["code"] as? String == "rate_limit_exceeded")
        #expect(try await run.get("/v1/models", token: token).status == 200)
        #expect(error(try await ask("one", 100, "prl_wrong"))["code"] as? String == "invalid_api_key")
        #expect(try await run.keyObject("show", "app")["spent"] as? Double == 0.005)
        #expect(provider.asked.count == 1)
    }

    @Test func anUnknownPriceIsRefusedToAKeyWithABudget() async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("hello") }
        let run = try await Deployment(provider.asOpenAI)
        let limited = try await run.key("--name", "limited", "--budget", "5usd/day")
        let reply = try await run.post("/chat", token: limited, ["message": "q"])
        #expect(reply.status == 400 && reply.text("error") == "Model not priced", "\(reply)")
        #expect(provider.asked.isEmpty)
        let free = try await run.key("--name", "free")
        #expect(try await run.post("/chat", token: free, ["message": "q"]).status == 200)
    }

    @Test func ratesHoldOverThePool() async throws {
        let run = try await Deployment()
        let token = try await run.key("--name", "slow", "--rpm", "2")
        let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
            for number in 0..<12 {
                group.addTask { try await run.post("/chat", token: token, ["message": "question \(number % 3)"]) }
            }
            return try await group.reduce(into: [Reply]()) { $0.append($1) }
        }
        #expect(replies.filter { $0.status == 200 }.count == 2)
        for reply in replies where reply.status == 200 {
            #expect(reply.headers["x-ratelimit-limit-requests"] == "2", "\(reply)")
            #expect(["0", "1"].contains(reply.headers["x-ratelimit-remaining-requests"]), "\(reply)")
        }
        for reply in replies where reply.status != 200 {
            let wait = try #require(reply.headers["retry-after"].flatMap(Int.init))
            #expect(reply.status == 429 && (1...30).contains(wait), "\(reply)")
            #expect(reply.headers["x-ratelimit-limit-requests"] == "2")
            #expect(reply.headers["x-ratelimit-remaining-requests"] == "0")
        }
    }

    @Test func aStreamTellsItsRatesInItsHead() async throws {
        let run = try await Deployment()
        let token = try await run.key("--name", "streams", "--rpm", "9", "--tpm", "10000")
        let reply = try await run.post("/chat", token: token, ["message": "hello", "stream": true])
        #expect(reply.status == 200 && reply.body.contains("event: done"), "\(reply)")
        #expect(reply.headers["x-ratelimit-remaining-requests"] == "8")
        let left = try #require(reply.headers["x-ratelimit-remaining-tokens"].flatMap(Int.init))
        #expect((9_000...9_500).contains(left), "held at the worst: 500 tokens of answer, and the prompt's bytes")
        #expect(reply.headers["x-ratelimit-reset-requests"]?.hasSuffix("s") == true)
        #expect(try await run.get("/health/live").headers["x-ratelimit-limit-requests"] == nil)
    }

    @Test func theLogTellsWhenFourFifthsAreSpent() async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("hello") }
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let prices = try Deployment.prices("scripted-gpt", output: 100, in: folder)
        // 5 tokens at the worst, and as many as there are: 0.0005 dollars.
        let run = try await Deployment(
            provider.asOpenAI.merging(["CHAT_PRICES": prices, "CHAT_MAX_TOKENS": "5"]) { $1 })
        let token = try await run.key("--name", "alarm", "--budget", "0.0025usd/day")
        for number in 1...5 {
            #expect(try await run.post("/chat", token: token, ["message": "question \(number)"]).status == 200)
        }
        #expect(try await run.post("/chat", token: token, ["message": "one more"]).status == 429)
        try await run.logLine { line in
            line["message"] as? String == "budget nearly spent" && line["name"] as? String == "alarm"
                && line["spent"] as? String == "0.002usd" && line["level"] as? String == "warning"
        }
    }
}

/// Opens once; whoever waits goes on.
private final class AsyncGate: Sendable {
    private let counted = Mutex(0)
    private let waiters = Mutex<[CheckedContinuation<Void, Never>]?>([])

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = waiters.withLock { waiters in
                waiters?.append(continuation)
                return waiters == nil
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Opens when it was called so many times.
    func count(of all: Int) {
        let count = counted.withLock { count in
            count += 1
            return count
        }
        if count == all { open() }
    }

    private func open() {
        let waiting = waiters.withLock { waiters in
            defer { waiters = nil }
            return waiters ?? []
        }
        for continuation in waiting { continuation.resume() }
    }
}
