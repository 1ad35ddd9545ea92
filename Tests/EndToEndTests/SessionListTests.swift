import Foundation
import GRDB
import Testing

/// `parley sessions` and `parley purge`, and what a pool purges by itself.
@Suite(.timeLimit(.minutes(2))) struct SessionListTests {
    private func list(_ arguments: String..., on run: Deployment) async throws -> [[String: Any]] {
        let output = try await run.parley(["sessions", "--json"] + arguments)
        return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]], "\(output)")
    }

    @Test func anOperatorFindsTheSessionsOfAnAbuse() async throws {
        let run = try await Deployment()
        func logIn(_ email: String) async throws -> (token: String, user: String) {
            let reply = try await run.post("/auth/email", ["email": email])
            return (try #require(reply.text("access_token")), try #require(reply.text("user_id")))
        }
        let ann = try await logIn("ann@example.com")
        let bob = try await logIn("bob@example.com")
        _ = try await run.post("/chat", token: ann.token, ["message": "hello"])
        #expect(try await run.post("/auth/logout", token: bob.token, [:]).status == 200)

        let all = try await list(on: run)
        #expect(Set(all.compactMap { $0["user_id"] as? String }) == [ann.user, bob.user])
        let created = all.compactMap { $0["created_at"] as? String }
        #expect(created == created.sorted(by: >), "the newest first")
        #expect(!"\(all)".contains("127.0.0.1") && !"\(all)".contains("example.com"), "nothing in clear")
        for name in [ann.user, "ann@example.com"] {
            let found = try await list("--user", name, on: run)
            #expect(found.count == 1 && found[0]["state"] as? String == "open")
            #expect(found[0]["messages_used"] as? Int == 1 && found[0]["last_message_at"] is String)
        }
        let ended = try await list("--user", bob.user, on: run)
        #expect(ended[0]["state"] as? String == "logged out" && ended[0]["last_message_at"] is NSNull)
        let address = try #require(all[0]["address"] as? String)
        #expect(address.count == 64 && all.allSatisfy { $0["address"] as? String == address })
        let loopback = try await list("--address", "127.0.0.1", on: run) + list("--address", "::1", on: run)
        #expect(loopback.count == 2)
        #expect(try await list("--address", "127.0.0.2", on: run).isEmpty)
        #expect(try await list("--limit", "1", on: run).count == 1)

        // Who ends nobody's sessions is told so.
        #expect(try await run.parley(["sessions", "end", "--user", "eve@example.com"], fails: true).isEmpty)

        let table = try await run.parley(["sessions"])
        #expect(table.hasPrefix("CREATED") && table.contains(ann.user) && table.contains("logged out"), "\(table)")
    }

    @Test func addressesAreKeptAsTheOperatorWants() async throws {
        let cases: [(String, [String?])] = [("full", ["127.0.0.1", "::1"]), ("none", [nil])]
        for (setting, stored) in cases {
            let run = try await Deployment(["CHAT_STORE_ADDRESS": setting, "CHAT_WORKERS": "1"])
            _ = try await run.logIn()
            let record = try #require(try await list(on: run).first)
            #expect(stored.contains(record["address"] as? String))
        }
    }

    @Test func whatIsPastItsDaysGoesByItselfOrByHand() async throws {
        let run = try await Deployment(["CHAT_WORKERS": "2"])
        defer { withExtendedLifetime(run) {} }  // and its folder
        let token = try await run.logIn()
        for number in 0..<3 { _ = try await run.post("/chat", token: token, ["message": "\(number)"]) }
        let age = "UPDATE exchanges SET created_at = created_at - 10 * 86400000"
        try await DatabaseQueue(path: run.folder + "/parley.sqlite").write {
            try $0.execute(sql: age + " WHERE question <> '2'")
        }
        #expect(try await run.parley(["purge"]).contains("Deleted: 0 exchanges"), "texts are kept")
        #expect(try await run.parley(["purge", "--days", "7"]).contains("Deleted: 2 exchanges"))
        #expect(try await run.get("/chat/history", token: token).number("count") == 1)
        try await DatabaseQueue(path: run.folder + "/parley.sqlite").write { try $0.execute(sql: age) }
        #expect(await run.stop() == 0)

        let again = try await Deployment(folder: run.folder, ["CHAT_RETENTION_DAYS": "7", "CHAT_WORKERS": "2"])
        try await again.logLine { $0["message"] as? String == "purged" && $0["exchanges"] as? Int == 1 }
        #expect(try await again.get("/chat/history", token: token).number("count") == 0)
    }
}
