import Foundation
import Testing

/// Exchanges as they are posted to an address of the operator's, verified by the standard's own package.
@Suite(.timeLimit(.minutes(3))) struct WebhookTests {
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private struct Received: Decodable {
        struct Event: Decodable {
            struct Exchange: Decodable {
                let id: String
                let question: String
                let answer: String
                let user: String
                let cached: Bool

                enum CodingKeys: String, CodingKey {
                    case id, question, answer, cached
                    case user = "user_id"
                }
            }
            let type: String
            let data: Exchange
        }
        let id: String
        let status: Int
        let event: Event
    }

    /// The receiver's process, and what it says.
    private func receiver(_ statuses: [String]) async throws -> (process: RunningProcess, url: String) {
        let python = Program.repository + "/.build/clients"
        let environment = ProcessInfo.processInfo.environment
        let installed = try await EndToEndTests.run(
            Program.repository + "/Tests/Clients/install", [python], environment: environment)
        try #require(installed.code == 0, "\(installed.errors)")
        let process = try RunningProcess(
            python + "/bin/python", [Program.repository + "/Tests/Clients/webhook.py", Self.secret] + statuses,
            environment: environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 })
        let said = try await process.output(until: "\n")
        return (process, "http://127.0.0.1:\(said.split { $0.isWhitespace }[1])/hook")
    }

    private func received(_ process: RunningProcess, _ count: Int) async throws -> [Received] {
        let said = try await process.output(until: "\(count) posts") { $0.split(separator: "\n").count > count }
        return try said.split(separator: "\n").dropFirst().map {
            try JSONDecoder().decode(Received.self, from: Data($0.utf8))
        }
    }

    @Test func eachIsSignedAndHasItsOwnID() async throws {
        let (process, url) = try await receiver(["500", "429", "302"])
        defer {
            process.signal(SIGTERM)
            process.waitBlocking()
        }
        let run = try await Deployment(["CHAT_WEBHOOK_URL": url, "CHAT_WEBHOOK_SECRET": Self.secret])
        let token = try await run.logIn()
        var ids: [String] = []
        for number in 0..<3 {
            let reply = try await run.post("/chat", token: token, ["content": "quéstion \(number / 2)"])
            ids.append(try #require(reply.text("id")))
        }
        let posts = try await received(process, 6)
        #expect(posts.map(\.status).sorted() == [204, 204, 204, 302, 429, 500])
        #expect(posts.allSatisfy { $0.id == $0.event.data.id && $0.event.type == "exchange.completed" })
        let taken = posts.filter { $0.status == 204 }
        #expect(taken.map(\.id) == ids && Set(posts.map(\.id)) == Set(ids), "the same id in each attempt, in order")
        #expect(taken.map(\.event.data.question) == ["quéstion 0", "quéstion 0", "quéstion 1"])
        #expect(taken.map(\.event.data.cached) == [false, true, false])
        #expect(taken[2].event.data.answer == "You said: quéstion 1" && taken[2].event.data.user.hasPrefix("user_"))
        #expect(!run.log.contains(Self.secret))
    }

    @Test func aReceiverThatIsSilentHoldsUpNoStop() async throws {
        let (asked, ask) = AsyncStream.makeStream(of: Void.self)
        let receiver = try ProviderSocket { connection in
            if connection.request() != nil { ask.yield() }
            // Until the other side goes.
            _ = connection.request()
        }
        let run = try await Deployment([
            "CHAT_WEBHOOK_URL": "http://127.0.0.1:\(receiver.port)/", "CHAT_WEBHOOK_SECRET": Self.secret,
        ])
        _ = try await run.post("/chat", token: try await run.logIn(), ["content": "one"])
        for await _ in asked { break }
        let start = ContinuousClock.now
        #expect(await run.stop() == 0)
        #expect(.now - start < .seconds(12), "the post itself may take 15 s")
    }

    @Test func whoWantsNoMoreGetsNoMore() async throws {
        let (process, url) = try await receiver(["410"])
        defer {
            process.signal(SIGTERM)
            process.waitBlocking()
        }
        let settings = ["CHAT_WEBHOOK_URL": url, "CHAT_WEBHOOK_SECRET": Self.secret]
        let run = try await Deployment(settings)
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["content": "one"])
        _ = try await run.post("/chat", token: token, ["content": "two"])
        try await run.logLine {
            $0["message"] as? String == "outbox stopped until a reload" && $0["kind"] as? String == "webhook"
        }
        let folder = run.folder
        _ = await run.stop()
        #expect(try await received(process, 1).map(\.status) == [410])
        // By hand it is tried again, as where nothing runs but CGI.
        let sets = settings.flatMap { ["--set", "\($0)=\($1)"] }
        #expect(try await run.parley(["outbox"] + sets).contains("webhook: stopped, 2 pending"))
        #expect(try await run.parley(["outbox", "--send"] + sets) == "2 sent\nwebhook: sending, 0 pending\n")
        #expect(try await received(process, 3).suffix(2).map(\.event.data.question) == ["one", "two"])
        withExtendedLifetime(folder) {}
    }
}
