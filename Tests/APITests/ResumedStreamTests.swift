import Chat
import FastCGI
import Foundation
import Support
import Synchronization
import Testing

/// GET /chat/stream/{message} within one worker, comments, and streams that wait for the whole answer.
@Suite(.timeLimit(.minutes(1))) struct ResumedStreamTests {
    private let question = #"{"content":"hello","stream":true,"resumable":true}"#

    private func hold(_ stage: Stage) -> AsyncStream<Void>.Continuation {
        let (gate, opening) = AsyncStream.makeStream(of: Void.self)
        stage.model.pause.withLock { pause in
            pause = {
                for await _ in gate {}
                try Task.checkCancellation()
            }
        }
        return opening
    }

    /// Asks, and hangs up when that many pieces of the reply were taken; the first has the `start` event.
    private func ask(_ stage: Stage, _ token: String, piecesTaken: Int = .max) async throws -> (
        reply: Task<Reply, Never>, id: String
    ) {
        let channel = RecordedReply(piecesTaken: piecesTaken)
        let reply = Task { await stage.send("POST", "/chat", token: token, question, to: channel) }
        try await until("it has begun") { Reply(channel.bytes).events.first?.data["id"] != nil }
        return (reply, try #require(Reply(channel.bytes).events.first?.data["id"] as? String))
    }

    @Test func idsTellWhereTheTextIs() async throws {
        let stage = try await Stage()
        stage.model.pieces.withLock { $0 = ["one ", "é", "秋"] }
        let token = try await stage.logIn()
        let reply = await stage.post("/chat", token: token, question)
        // On a busy machine several pieces come together.
        let deltas = reply.events.dropFirst().dropLast()
        #expect(reply.events.map(\.name) == ["start"] + deltas.map { _ in "delta" } + ["done"])
        #expect(reply.events.first?.id == "0" && reply.events.last?.id == "end" && reply.streamedText == "one é秋")
        var place = 0
        for delta in deltas {
            place += (delta.data["text"] as? String ?? "").utf8.count
            #expect(delta.id == String(place))
        }
        #expect(reply.body.hasPrefix("event: start\nid: 0\ndata: {\"id\":\"msg_"))
        let (start, done) = (try #require(reply.events.first), try #require(reply.events.last))
        #expect(Set(start.data.keys) == ["id", "conversation_id", "parent"])
        for name in ["id", "conversation_id"] {
            #expect(start.data[name] as? String == done.data[name] as? String)
        }
        let named = await stage.post("/chat", token: token, #"{"message":"hello","stream":true}"#).events
        #expect(named.first?.data["message_id"] as? String == named.last?.data["message_id"] as? String)
    }

    @Test func aStoredAnswerIsContinuedFromAnyPlace() async throws {
        let stage = try await Stage()
        stage.model.pieces.withLock { $0 = ["one ", "é", "秋"] }
        let token = try await stage.logIn()
        let asked = await stage.post("/chat", token: token, question)
        let id = try #require(asked.events.last?.data["id"] as? String)
        for (place, text) in [("0", "one é秋"), ("4", "é秋"), ("6", "秋"), ("9", "")] {
            let reply = await stage.get("/chat/stream/\(id)", token: token, headers: ["LAST_EVENT_ID": place])
            #expect(reply.status == 200 && reply.streamedText == text)
            #expect(reply.events.map(\.name) == (text.isEmpty ? ["done"] : ["delta", "done"]))
            #expect(reply.events.last?.data["content"] as? String == "one é秋")
        }
        let whole = await stage.get("/chat/stream/\(id)", token: token)
        #expect(whole.events.map(\.name) == ["start", "delta", "done"] && whole.events.map(\.id) == ["0", "9", "end"])
        for place in ["5", "8", "10", "-1", "x", "", "99999999999999999999"] {
            expectError(
                await stage.get("/chat/stream/\(id)", token: token, headers: ["LAST_EVENT_ID": place]), 422, "\(place)")
        }
        let over = await stage.get("/chat/stream/\(id)", token: token, headers: ["LAST_EVENT_ID": "end"])
        #expect(over.status == 204 && over.body.isEmpty)
        expectError(await stage.get("/chat/stream/\(id)", token: try await stage.logIn()), 404)
        expectError(await stage.get("/chat/stream/msg_0000000000000001", token: token), 404)
        expectError(await stage.get("/chat/stream/x", token: token), 404)
        expectError(await stage.get("/chat/stream/\(id)"), 401)
        expectError(await stage.post("/chat", token: token, #"{"content":"hello","resumable":true}"#), 422)
    }

    @Test func aLostStreamGoesOnAndIsContinuedByTwoAtOnce() async throws {
        let stage = try await Stage()
        let gate = hold(stage)
        let token = try await stage.logIn()
        let (lost, id) = try await ask(stage, token, piecesTaken: 2)
        try await until("the model is asked") { stage.model.requests.withLock { $0.count } == 1 }
        let tabs = [nil, "4"].map { place in
            let channel = RecordedReply(piecesTaken: .max)
            let headers = place.map { ["LAST_EVENT_ID": $0] } ?? [:]
            let reply = Task {
                await stage.send("GET", "/chat/stream/\(id)", token: token, nil, headers: headers, to: channel)
            }
            return (channel, reply)
        }
        for (channel, _) in tabs { try await until("it has begun") { !channel.bytes.isEmpty } }
        expectError(await stage.get("/chat/stream/\(id)", token: token, headers: ["LAST_EVENT_ID": "5"]), 422)
        expectError(await stage.get("/chat/stream/\(id)", token: try await stage.logIn()), 404)
        gate.finish()
        let replies = [await tabs[0].1.value, await tabs[1].1.value]
        #expect(replies[0].streamedText == "You asked." && replies[0].events.first?.name == "start")
        #expect(replies[1].streamedText == "asked." && replies[1].events.map(\.name) == ["delta", "done"])
        #expect(replies.allSatisfy { $0.events.last?.data["content"] as? String == "You asked." })
        #expect(await lost.value.events.map(\.name) == ["start", "delta"])
    }

    @Test func whatIsStoppedIsNotKeptThoughOthersWaitForIt() async throws {
        let stage = try await Stage()
        let gate = hold(stage)
        let token = try await stage.logIn()
        let (reply, id) = try await ask(stage, token)
        try await until("the model is asked") { stage.model.requests.withLock { $0.count } == 1 }
        let channel = RecordedReply(piecesTaken: .max)
        let joined = Task { await stage.send("POST", "/chat", token: token, question, to: channel) }
        try await until("another has joined") { !Reply(channel.bytes).streamedText.isEmpty }
        #expect(await stage.send("DELETE", "/chat/stream/\(id)", token: token).status == 200)
        #expect(await reply.value.events.last?.data["status_code"] as? Int == 409)
        gate.finish()
        let answer = await joined.value
        #expect(answer.streamedText == "You asked." && answer.events.last?.name == "done")
        let history = await stage.get("/chat/history", token: token)
        #expect(history.number("count") == 1 && !history.body.contains(id), "\(history.body)")
        expectError(await stage.get("/chat/stream/\(id)", token: token), 404)
        #expect(await stage.get("/auth/session", token: token).number("messages_used") == 2, "it was paid for")
    }

    /// As when an identity provider renews the token meanwhile.
    @Test func anotherSessionOfAProvedUserGoesOn() async throws {
        let stage = try await Stage(provesUsers: true)
        let gate = hold(stage)
        let (before, after) = (try await stage.logIn(), try await stage.logIn())
        let (lost, id) = try await ask(stage, before, piecesTaken: 2)
        try await until("the model is asked") { stage.model.requests.withLock { $0.count } == 1 }
        let other = await stage.post("/auth/email", #"{"email":"bob@example.com"}"#)
        expectError(await stage.get("/chat/stream/\(id)", token: other.text("access_token")), 404)
        let channel = RecordedReply(piecesTaken: .max)
        let resumed = Task { await stage.send("GET", "/chat/stream/\(id)", token: after, nil, to: channel) }
        try await until("it has begun") { !channel.bytes.isEmpty }
        gate.finish()
        let reply = await resumed.value
        #expect(reply.streamedText == "You asked.", "\(reply.body)")
        #expect(await lost.value.events.map(\.name) == ["start", "delta"])
    }

    @Test func nobodyComesBack() async throws {
        let stage = try await Stage(window: .milliseconds(50))
        let gate = hold(stage)
        let token = try await stage.logIn()
        let (reply, id) = try await ask(stage, token)
        try await until("the model is asked") { stage.model.requests.withLock { $0.count } == 1 }
        reply.cancel()
        _ = await reply.value
        // The model's wait ends by cancellation alone.
        try await until("the message counts") {
            await stage.get("/auth/session", token: token).number("messages_used") == 1
        }
        gate.finish()
        expectError(await stage.get("/chat/stream/\(id)", token: token), 404)
    }

    @Test func whatFailsIsAnErrorForAllWhoFollow() async throws {
        let stage = try await Stage()
        let gate = hold(stage)
        stage.model.failure.withLock { $0 = ModelFailure(provider: "scripted", reason: .truncated, detail: "") }
        let token = try await stage.logIn()
        let (reply, id) = try await ask(stage, token)
        let channel = RecordedReply(piecesTaken: .max)
        let resumed = Task { await stage.send("GET", "/chat/stream/\(id)", token: token, nil, to: channel) }
        try await until("it has begun") { !channel.bytes.isEmpty }
        gate.finish()
        for task in [reply, resumed] {
            let last = try #require(await task.value.events.last)
            #expect(last.name == "error" && last.id == "end" && last.data["status_code"] as? Int == 503)
        }
    }

    @Test(arguments: ["/chat", "/v1/chat/completions"])
    func silenceHasComments(path: String) async throws {
        let stage = try await Stage(commentInterval: .milliseconds(10))
        let gate = hold(stage)
        let token = try await stage.logIn()
        let body =
            path == "/chat"
            ? #"{"content":"hello","stream":true}"#
            : #"{"model":"scripted-1","stream":true,"messages":[{"role":"user","content":"hello"}]}"#
        // The second one waits for the first one's answer, which is plain: it has no text yet.
        stage.model.pieces.withLock { $0 = ["", "asked."] }
        let channel = RecordedReply(piecesTaken: .max)
        let plain = Task {
            await stage.post(path, token: token, body.replacing(#""stream":true"#, with: #""stream":false"#))
        }
        try await until("the model is asked") { stage.model.requests.withLock { $0.count } == 1 }
        let reply = Task { await stage.send("POST", path, token: token, body, to: channel) }
        try await until("there are comments") {
            String(decoding: channel.bytes, as: UTF8.self).components(separatedBy: ": keep-alive\n\n").count > 3
        }
        gate.finish()
        #expect(await plain.value.status == 200)
        let events = await reply.value.body.components(separatedBy: "\n\n").filter { !$0.hasPrefix(":") }
        #expect(events.first?.hasPrefix(path == "/chat" ? "event: start" : "data: ") == true)
        #expect(events.dropLast().last?.hasPrefix(path == "/chat" ? "event: done" : "data: [DONE]") == true)
        #expect(stage.model.requests.withLock { $0.count } == 1)
    }

    @Test func aBufferedStreamShowsNothingOfABrokenAnswer() async throws {
        let stage = try await Stage(streamCommit: .buffered)
        let token = try await stage.logIn()
        let gate = hold(stage)
        stage.model.failure.withLock { $0 = ModelFailure(provider: "scripted", reason: .truncated, detail: "") }
        gate.finish()
        expectError(await stage.post("/chat", token: token, #"{"content":"hello","stream":true}"#), 503)
        stage.model.failure.withLock { $0 = nil }
        let whole = await stage.post("/chat", token: token, #"{"content":"hello","stream":true}"#)
        #expect(whole.events.map(\.name) == ["start", "delta", "done"] && whole.streamedText == "You asked.")
        #expect(whole.header("x-parley-cache") == "miss")
        // Who can come back knows for what from the beginning.
        let opening = hold(stage)
        let (reply, _) = try await ask(stage, try await stage.logIn())
        opening.finish()
        #expect(await reply.value.events.map(\.name) == ["start", "delta", "done"])
        let program = #"{"model":"scripted-1","stream":true,"messages":[{"role":"user","content":"hello"}]}"#
        let chunks = await stage.post("/v1/chat/completions", token: token, program).chunks
        #expect(chunks.count == 3, "its beginning, the text and its end")
    }
}
