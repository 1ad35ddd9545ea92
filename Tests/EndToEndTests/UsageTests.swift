import Foundation
import GRDB
import Testing

/// What calls have cost, also those that answered nobody: `parley usage` and GET /v1/usage.
@Suite(.timeLimit(.minutes(3))) final class UsageTests {
    private let folder: String
    private let provider: FaultyProvider
    private let run: Deployment

    init() async throws {
        provider = try FaultyProvider("primary") { $0.question == "half" ? .stall(after: 20) : .answer }
        folder = try Deployment.newFolder()
        // 500 tokens at the worst are 0.50 dollars.
        let prices = try Deployment.prices("primary-model", output: 1_000, in: folder)
        run = try await Deployment(provider.settings(as: .openai).merging(["CHAT_PRICES": prices]) { $1 })
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func key(_ arguments: String...) async throws -> (id: String, token: String) {
        let key = try await run.keyObject(["create"] + arguments)
        return (try #require(key["id"] as? String), try #require(key["key"] as? String))
    }

    private func usage(_ arguments: String...) async throws -> [[String: Any]] {
        let output = try await run.parley(["usage", "--json"] + arguments)
        return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]], "\(output)")
    }

    /// Asks for a stream, and returns when half of the answer has come.
    private func askForHalf(_ token: String) async throws -> RunningProcess {
        let caller = try RunningProcess(
            "/usr/bin/curl",
            [
                "--silent", "--no-buffer", "--max-time", "60", "--cacert", run.certificate, "--header",
                "Authorization: Bearer \(token)", "--json", #"{"message":"half","stream":true}"#, run.origin + "/chat",
            ], environment: ProcessInfo.processInfo.environment)
        _ = try #require(await provider.attempt { $0.question == "half" && $0.fellSilent != nil })
        _ = try await caller.output(until: "event: delta")
        return caller
    }

    @Test func whoHangsUpHalfWayPaysAndHasNoHistory() async throws {
        let (id, token) = try await key("--name", "a, \"b\"")
        let (_, manager) = try await key("--name", "m", "--management")
        let caller = try await askForHalf(token)
        caller.signal(SIGKILL)
        _ = await caller.end()
        let limit = ContinuousClock.now + .seconds(20)
        while try await usage().isEmpty { try #require(ContinuousClock.now < limit) }
        let row = try #require(try await usage().first)
        #expect(row["key"] as? String == id && row["name"] as? String == "a, \"b\"" && row["requests"] as? Int == 1)
        let cost = try #require(row["cost_picodollars"] as? Int)
        let tokens = try #require(row["completion_tokens"] as? Int)
        // A token is a thousandth of a dollar.
        #expect(tokens > 0 && cost == tokens * 1_000_000_000 && row["unpriced"] as? Int == 0)
        #expect(row["estimated"] as? Int == 1, "the provider did not come to say it")
        #expect(try await run.get("/chat/history", token: token).number("count") == 0)

        let session = try await run.logIn()
        for _ in 0..<2 { _ = try await run.post("/chat", token: session, ["message": "whole"]) }
        #expect(try await usage().contains { $0["name"] as? String == "sessions" && $0["key"] is NSNull })
        let models = try await usage("--by", "model", "--since", "1d")
        #expect(
            models.count == 1 && models[0]["model"] as? String == "primary-model" && models[0]["requests"] as? Int == 3)
        #expect((models[0]["saved_picodollars"] as? Int).map { $0 > 0 } == true)
        #expect(try await usage("--since", "2999-01-01").isEmpty)
        let csv = try await run.parley(["usage", "--csv"])
        #expect(csv.hasPrefix("key,name,requests,prompt_tokens,completion_tokens,cost_picodollars,unpriced,"), "\(csv)")
        #expect(csv.contains("\r\n\(id),\"a, \"\"b\"\"\",1,"), "\(csv)")
        let table = try await run.parley(["usage", "--by", "day"])
        #expect(table.hasPrefix("DAY ") && table.contains("usd"), "\(table)")

        let own = try await run.get("/v1/usage", token: token)
        let data = try #require(own.json["data"] as? [[String: Any]])
        #expect(own.status == 200 && own.text("object") == "list" && data.count == 1)
        #expect(data[0]["model"] as? String == "primary-model" && data[0]["cost_picodollars"] as? Int == cost)
        let all = try await run.get("/v1/usage?since=30d", token: manager)
        #expect((all.json["data"] as? [[String: Any]])?.count == 2, "\(all)")
        let mine = try await run.get("/v1/usage?by=day", token: session)
        #expect((mine.json["data"] as? [[String: Any]])?.first?["requests"] as? Int == 2, "\(mine)")
        for (query, name) in [("by=key", "by"), ("by=hour", "by"), ("since=yesterday", "since")] {
            let refused = try await run.get("/v1/usage?" + query, token: token)
            let error = refused.json["error"] as? [String: Any]
            #expect(refused.status == 400 && error?["param"] as? String == name, "\(refused)")
        }
        #expect(try await run.send("POST", "/v1/usage", token: token).headers["allow"] == "GET, HEAD")
    }

    /// The reservation lapses by itself 30 s after the request's deadline; here its time is set back.
    @Test func aCallWhoseWorkerWasKilledIsUnsettledAndItsBudgetIsFree() async throws {
        let (id, token) = try await key("--name", "k", "--budget", "0.6usd/total")
        let caller = try await askForHalf(token)
        for worker in run.workers { kill(worker, SIGKILL) }
        _ = await caller.end()
        let limit = ContinuousClock.now + .seconds(20)
        var refused: Reply
        repeat {
            try #require(ContinuousClock.now < limit)
            refused = try await run.post("/chat", token: token, ["message": "whole"])
        } while refused.status >= 500
        #expect(refused.status == 429, "the killed call's hold has not lapsed: \(refused)")
        #expect(try await usage().isEmpty)
        try await DatabaseQueue(path: run.folder + "/parley.sqlite").write {
            try $0.execute(sql: "UPDATE reservations SET lapses_at = 0")
        }
        #expect(try await run.parley(["purge"]).contains("1 reservations"))
        let row = try #require(try await usage().first)
        #expect(row["key"] as? String == id && row["requests"] as? Int == 1 && row["unpriced"] as? Int == 1)
        #expect(row["cost_picodollars"] is NSNull)
        #expect(try await run.parley(["usage"]).contains("–"))
        #expect(try await run.post("/chat", token: token, ["message": "whole"]).status == 200, "the budget is free")
        #expect(try await run.get("/chat/history", token: token).number("count") == 1)
    }

    @Test func theCommandSaysWhatIsWrong() async throws {
        #expect(try await run.parley(["usage", "--csv", "--json"], fails: true).contains("give one of them"))
        let since = try await run.parley(["usage", "--since", "last week"], fails: true)
        #expect(since.contains("--since") && since.contains("30d"), "\(since)")
        #expect(try await run.parley(["usage", "--by", "hour"], fails: true).contains("day"))
        let help = try await run.parley(["usage", "--help"])
        for word in ["--by", "--since", "--csv", "--json", "UNPRICED"] { #expect(help.contains(word)) }
        let empty = try await run.parley(["usage"])
        #expect(empty.hasPrefix("NAME") && empty.split(separator: "\n").count == 1, "\(empty)")
        #expect(try await usage().isEmpty)
    }
}
