import Foundation
import Testing

/// CHAT_DAILY_CALLS: the providers get no more calls than that, whoever asks, over both workers, a kill, a reload and a
/// restart; what is known already is still answered.
@Suite(.timeLimit(.minutes(3))) struct DailyCallTests {
    private func ask(_ run: Deployment, _ token: String, _ questions: Range<Int>) async throws -> [Reply] {
        try await withThrowingTaskGroup(of: Reply.self) { group in
            for number in questions {
                group.addTask {
                    switch number % 3 {
                    case 0: try await run.post("/chat", token: token, ["content": "question \(number)"])
                    case 1: try await run.post("/chat", token: token, ["content": "q \(number)", "stream": true])
                    default:
                        try await run.post(
                            "/v1/chat/completions", token: token,
                            ["model": "scripted-gpt", "messages": [["role": "user", "content": "question \(number)"]]])
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func providersGetNoMoreCallsThanThat() async throws {
        let (never, end) = AsyncStream.makeStream(of: Void.self)
        defer { end.finish() }
        let provider = try await ScriptedProvider { _, call in
            if call == 1 { for await _ in never {} }
            return .answer("answer \(call)")
        }
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let settings = provider.asOpenAI.merging(["CHAT_DAILY_CALLS": "10", "CHAT_FIRST_TOKEN_TIMEOUT": "60"]) { $1 }
        let run = try await Deployment(folder: folder, settings)
        let token = try await run.logIn()

        async let lost = run.post("/chat", token: token, ["content": "whose worker dies"])
        let limit = ContinuousClock.now + .seconds(30)
        while provider.asked.isEmpty {
            try #require(ContinuousClock.now < limit)
            await Task.yield()
        }
        let workers = run.workers
        for worker in workers { kill(worker, SIGKILL) }
        #expect(try await lost.status >= 500)
        while Set(run.workers).intersection(workers).isEmpty == false || run.workers.count < 2 {
            try #require(ContinuousClock.now < limit)
            await Task.yield()
        }
        kill(try #require(parent(of: run.workers[0])), SIGHUP)
        try await run.logLine { $0["message"] as? String == "pool reloaded" }

        let replies = try await ask(run, token, 0..<32)
        #expect(provider.asked.count == 10)
        #expect(replies.filter { $0.status == 200 }.count == 9, "one was lost with its worker")
        let refused = replies.filter { $0.status != 200 }
        for reply in refused {
            #expect(reply.status == 429 && reply.headers["x-should-retry"] == "false", "\(reply)")
            let wait = try #require(reply.headers["retry-after"].flatMap { Double($0) })
            let midnight = (Date().timeIntervalSince1970 / 86_400).rounded(.up) * 86_400
            #expect(abs(Date().timeIntervalSince1970 + wait - midnight) < 30)
            if let error = reply.json["error"] as? [String: Any] {
                #expect(error["code"] as? String == "insufficient_quota", "\(reply)")
            } else {
                #expect(reply.text("error") == "Daily limit reached" && reply.text("message")?.contains("UTC") == true)
            }
        }
        #expect(Set(refused.map { $0.json["error"] is String }) == [true, false], "both dialects")
        #expect(try await run.get("/auth/session", token: token).number("messages_used").map { $0 <= 10 } == true)

        let again = try await ask(run, token, 0..<32)
        #expect(again.filter { $0.status == 200 }.count == 9, "what is cached is given still")
        #expect(again.filter { $0.status == 200 }.allSatisfy { $0.headers["x-parley-cache"] == "hit" })
        // A worker reports once a second.
        let shown = ContinuousClock.now + .seconds(20)
        while try await !run.parley(["status", "--set", "CHAT_SOCKET=\(run.socket)"]).contains("10 of 10 calls today") {
            try #require(ContinuousClock.now < shown)
        }
        #expect(run.logLines.filter { $0["message"] as? String == "daily calls nearly used up" }.count == 1)
        #expect(run.logLines.filter { $0["message"] as? String == "daily calls used up" }.count == 1)

        let port = run.port
        _ = await run.stop()
        let later = try await Deployment(
            folder: folder, port: port, settings.merging(["CHAT_DAILY_CALLS": "11"]) { $1 })
        #expect(try await ask(later, token, 40..<44).filter { $0.status == 200 }.count == 1)
        #expect(provider.asked.count == 11)
    }
}
