import Chat
import Foundation
import Testing

/// GET /v1/usage.
@Suite(.timeLimit(.minutes(2))) struct UsageTests {
    @Test func aSessionIsShownWhatItHasAsked() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        #expect(await stage.get("/v1/usage", token: token).json["data"] as? [String] == [])
        for _ in 0..<2 { _ = await stage.post("/chat", token: token, #"{"message":"hello"}"#) }
        // The same user, and another session.
        let other = try await stage.logIn()
        _ = await stage.post("/chat", token: other, #"{"message":"hello"}"#)
        let today = UsageDay(of: .now).description
        for (query, name, value) in [("", "model", "scripted-1"), ("?by=day&since=\(today)", "day", today)] {
            let reply = await stage.get("/v1/usage" + query, token: token)
            let rows = reply.json["data"] as? [[String: Any]]
            let row = try #require(rows?.first, "\(reply)")
            #expect(reply.status == 200 && reply.text("object") == "list" && rows?.count == 1)
            #expect(row[name] as? String == value && row["requests"] as? Int == 2)
            #expect(row["prompt_tokens"] as? Int == 3 && row["completion_tokens"] as? Int == 2, "of the one call")
            #expect(row["unpriced"] as? Int == 1 && row["cost_picodollars"] as? Int == 0)
            #expect(row["saved_picodollars"] as? Int == 0 && row["estimated"] as? Int == 0)
        }
    }

    @Test func whatIsWrongIsNamed() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        for (query, name) in [
            ("by=key", "by"), ("by=year", "by"), ("since=soon", "since"), ("since=2026-02-30", "since"),
        ] {
            let reply = await stage.get("/v1/usage?" + query, token: token)
            let error = reply.json["error"] as? [String: Any]
            #expect(reply.status == 400 && error?["param"] as? String == name, "\(reply)")
        }
        #expect(await stage.get("/v1/usage").status == 401)
        let ended = await stage.post("/auth/logout", token: token, "{}")
        #expect(ended.status == 200)
        #expect(await stage.get("/v1/usage", token: token).status == 401)
    }
}
