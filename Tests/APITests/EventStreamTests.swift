import Chat
import FastCGI
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventStreamTests {
    private let streamed = #"{"message":"hello","stream":true}"#

    @Test func piecesComeAsDeltasAndTheWholeAtTheEnd() async throws {
        let stage = try await Stage()
        stage.model.pieces.withLock { $0 = ["one\ntwo\r\n", "\n", "\"three\" \u{2028}é"] }
        let token = try await stage.logIn()
        let reply = await stage.post("/chat", token: token, streamed)
        #expect(reply.status == 200 && reply.header("content-type") == "text/event-stream; charset=utf-8")
        #expect(reply.header("x-accel-buffering") == "no" && reply.header("content-length") == nil)
        let events = reply.events
        #expect(events.map(\.name) == ["start", "delta", "delta", "delta", "done"])
        let text = events.dropLast().compactMap { $0.data["text"] as? String }.joined()
        #expect(text == "one\ntwo\r\n\n\"three\" \u{2028}é")
        #expect(events.last?.data["response"] as? String == text)
        let plain = await stage.post("/chat", token: token, #"{"message":"hello"}"#)
        let done = try #require(events.last)
        #expect(Set(plain.json.keys) == Set(done.data.keys))
        let cached = await stage.post("/chat", token: token, streamed).events
        #expect(
            cached.last?.data["cached"] as? Bool == true && cached.map(\.name) == ["start", "delta", "done"]
                && cached[1].data["text"] as? String == text)
    }

    @Test func whatFailsBeforeTheFirstPieceIsAnOrdinaryError() async throws {
        let stage = try await Stage()
        stage.model.pieces.withLock { $0 = [] }
        stage.model.failure.withLock { $0 = ModelFailure(provider: "scripted", reason: .unreachable, detail: "") }
        let reply = await stage.post("/chat", token: try await stage.logIn(), streamed)
        expectError(reply, 503)
        expectError(await stage.post("/chat", streamed), 401)
    }

    @Test func whatFailsLaterIsAnErrorEventAndNoEnd() async throws {
        let stage = try await Stage()
        stage.model.failure.withLock { $0 = ModelFailure(provider: "scripted", reason: .truncated, detail: "") }
        let token = try await stage.logIn()
        let reply = await stage.post("/chat", token: token, streamed)
        #expect(reply.status == 200 && reply.events.map(\.name) == ["start", "delta", "delta", "error"])
        #expect(reply.events.last?.data["status_code"] as? Int == 503)
        #expect(reply.events.last?.data["request_id"] as? String == reply.header("x-request-id"))
        #expect(stage.log.lines.last?["status"] == "503")
        #expect(await stage.get("/auth/session", token: token).number("messages_used") == 0)
    }

    @Test func whoHangsUpIsNotedAndHasUsedHisMessage() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let body = Array(streamed.utf8)
        let reply = await stage.send("POST", "/chat", token: token, body: .complete(body), piecesTaken: 1)
        #expect(reply.events.first?.name == "start")
        let line = try #require(stage.log.lines.last)
        #expect(line["status"] == "499" && line["model_ms"] != nil, "what he waited for: \(line)")
        // The model's call ends a little later than its caller's.
        let limit = ContinuousClock.now + .seconds(20)
        while await stage.get("/auth/session", token: token).number("messages_used") != 1 {
            try #require(ContinuousClock.now < limit)
            await Task.yield()
        }
    }
}
