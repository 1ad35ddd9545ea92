import Chat
import Synchronization
import Testing

/// `Cache-Control` on requests, and `X-Parley-Cache` on replies, in both contracts, whole and streamed.
@Suite(.timeLimit(.minutes(1))) struct CacheControlTests {
    private static let requests = [
        ("/chat", #"{"message":"hello"}"#), ("/chat", #"{"message":"hello","stream":true}"#),
        ("/v1/chat/completions", #"{"model":"scripted-1","messages":[{"role":"user","content":"hello"}]}"#),
        (
            "/v1/chat/completions",
            #"{"model":"scripted-1","messages":[{"role":"user","content":"hello"}],"stream":true}"#
        ),
    ]

    @Test(arguments: requests) func aReplySaysWhereItsAnswerCameFrom(_ path: String, _ body: String) async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        for (control, outcome, calls) in [
            (nil, "miss", 1), (nil, "hit", 1), ("no-cache", "miss", 2), ("max-age=0, No-Cache", "miss", 3),
            (nil, "hit", 3), ("no-store", "miss", 4), ("max-age=60", "hit", 4), ("no-transform", "hit", 4),
        ] {
            let reply = await stage.post(
                path, token: token, body, headers: control.map { ["CACHE_CONTROL": $0] } ?? [:])
            #expect(reply.status == 200 && reply.header("x-parley-cache") == outcome, "\(control ?? "none")")
            #expect(stage.model.requests.withLock { $0.count } == calls, "\(control ?? "none")")
        }
    }

    @Test(arguments: requests) func whatIsNotToBeStoredIsNot(_ path: String, _ body: String) async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        for _ in 0..<2 {
            let reply = await stage.post(path, token: token, body, headers: ["CACHE_CONTROL": "no-store, no-cache"])
            #expect(reply.header("x-parley-cache") == "miss")
        }
        #expect(await stage.post(path, token: token, body).header("x-parley-cache") == "miss")
    }

    @Test func whatNoModelAnsweredSaysNothingOfTheCache() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let held = await stage.post("/chat", token: token, #"{"message":"'; DROP TABLE users; --"}"#)
        #expect(held.status == 200 && held.header("x-parley-cache") == nil)
        stage.model.pieces.withLock { $0 = [] }
        stage.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .timedOut, detail: "") }
        let failed = await stage.post("/chat", token: token, #"{"message":"hello","stream":true}"#)
        #expect(failed.status == 503 && failed.header("x-parley-cache") == nil)
    }

    @Test func whatIsRefusedIsNoHit() async throws {
        let stage = try await Stage(messageLimit: 1)
        let token = try await stage.logIn()
        let body = #"{"content":"hello"}"#
        #expect(await stage.post("/chat", token: token, body).status == 200)
        expectError(await stage.post("/chat", token: token, body), 429)
        let line = try #require(stage.log.lines.last)
        #expect(line["status"] == "429" && line["cache"] == nil, "\(line)")
    }
}
