import Foundation
import Testing

/// The HTTP contract through nginx, over TLS, with the embedded provider.
@Suite(.timeLimit(.minutes(5))) struct ContractTests {
    let run: Deployment

    init() async throws { run = try await Deployment(["CHAT_CORS_ORIGINS": "https://app.example"]) }

    @Test func bothDialectsAnswerInTheirOwnWords() async throws {
        let token = try await run.logIn()
        let one = try await run.post("/chat", token: token, ["content": "hello there"])
        #expect(one.status == 200)
        #expect(
            Set(one.json.keys)
                == [
                    "id", "content", "model", "timestamp", "cached", "stale", "blocked", "finish_reason",
                    "conversation_id", "parent", "usage",
                ])
        let two = try await run.post("/chat", token: token, ["message": "hello there"])
        #expect(
            two.flag("success") == true && two.flag("cached") == true && two.text("response") == one.text("content"))
        #expect(two.text("message_id")?.hasPrefix("msg_") == true)
        let usage = try #require(two.json["usage"] as? [String: Int])
        #expect(usage["total_tokens"] == usage["prompt_tokens"]! + usage["completion_tokens"]!)
        try #expect(two.text("timestamp")?.wholeMatch(of: Regex(#"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"#)) != nil)
    }

    @Test func sessionTellsWhatIsLeftAndEndsAtOnceInEveryWorker() async throws {
        let run = run
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["message": "one"])
        let session = try await run.get("/auth/session", token: token)
        #expect(session.number("messages_used") == 1 && session.number("messages_left") == 49)
        #expect(try await run.send("POST", "/auth/logout", token: token).status == 200)
        for reply in try await run.everyWorker({ try await run.get("/auth/session", token: token) }) {
            try expectError(reply, 401)
        }
    }

    @Test func historyPagesAndKeepsToItsOwnSession() async throws {
        let (ann, bob) = (try await run.logIn("ann@example.com"), try await run.logIn("bob@example.com"))
        for number in 1...5 { _ = try await run.post("/chat", token: ann, ["message": "question \(number)"]) }
        let newest = try await run.get("/chat/history?limit=2", token: ann)
        let messages = try #require(newest.json["messages"] as? [[String: Any]])
        #expect(messages.map { $0["message"] as? String } == ["question 4", "question 5"])
        #expect(newest.flag("has_more") == true)
        let before = try #require(messages[0]["id"] as? String)
        let older = try await run.get("/chat/history?limit=100&before=\(before)", token: ann)
        #expect(older.number("count") == 3 && older.flag("has_more") == false)
        #expect(try await run.get("/chat/history", token: bob).number("count") == 0)

        let user = try #require(try await run.get("/auth/session", token: ann).text("user_id"))
        let own = try await run.get("/history/\(user)?limit=2", token: ann)
        let list = try #require(try JSONSerialization.jsonObject(with: Data(own.body.utf8)) as? [[String: Any]])
        #expect(list.map { $0["content"] as? String } == ["question 4", "question 5"])
        #expect(list.allSatisfy { $0["user_id"] as? String == user && ($0["response"] as? String)?.isEmpty == false })
        try expectError(try await run.get("/history/\(user)", token: bob), 403)
        for query in ["limit=0", "limit=101", "limit=x", "before=5", "before=msg_zz"] {
            try expectError(try await run.get("/chat/history?\(query)", token: ann), 422, "\(query)")
        }
    }

    @Test func aStreamHasTheSameAnswerInPieces() async throws {
        let token = try await run.logIn()
        let plain = try await run.post("/chat", token: token, ["message": "stream me this"])
        for body in [
            ["message": "stream me this", "stream": true], ["message": "stream something new", "stream": true],
        ] {
            let reply = try await run.post("/chat", token: token, body)
            #expect(reply.headers["content-type"]?.hasPrefix("text/event-stream") == true)
            let events = try events(of: reply)
            let done = try #require(events.last)
            #expect(done.name == "done" && events.first?.name == "start")
            #expect(events.dropFirst().dropLast().allSatisfy { $0.name == "delta" })
            #expect(events.first?.data["message_id"] as? String == done.data["message_id"] as? String)
            let text = events.dropLast().compactMap { $0.data["text"] as? String }.joined()
            #expect(text == done.data["response"] as? String)
            #expect(Set(done.data.keys) == Set(plain.json.keys))
        }
        let accepted = try await run.post(
            "/chat", token: token, ["content": "stream me this"], headers: ["Accept: text/event-stream"])
        #expect(try events(of: accepted).last?.data["cached"] as? Bool == true)
    }

    @Test func everyShapeOfAnAnswerSaysWhyItEnds() async throws {
        let short = try await Deployment(["CHAT_MAX_TOKENS": "3"])
        let token = try await short.logIn()
        for dialect in ["content", "message"] {
            let cut = try await short.post("/chat", token: token, [dialect: "one two three"])
            #expect(cut.text("finish_reason") == "length" && cut.flag("cached") == false)
        }
        let whole = try await short.post("/chat", token: token, ["message": "one"])
        #expect(whole.text("finish_reason") == "stop")
        let blocked = try await short.post("/chat", token: token, ["message": "'; DROP TABLE users; --"])
        #expect(blocked.text("finish_reason") == "blocked")
        let stream = try await short.post("/chat", token: token, ["message": "four five six", "stream": true])
        #expect(try events(of: stream).last?.data["finish_reason"] as? String == "length")
        let history = try await short.get("/chat/history", token: token)
        let messages = try #require(history.json["messages"] as? [[String: Any]])
        #expect(
            messages.map { $0["finish_reason"] as? String } == ["length", "length", "stop", "blocked", "length"])
    }

    @Test func conversationsGoOnAndAreTheirSessionsOwn() async throws {
        let (ann, bob) = (try await run.logIn("ann@example.com"), try await run.logIn("bob@example.com"))
        let first = try await run.post("/chat", token: ann, ["message": "one"])
        let conversation = try #require(first.text("conversation_id"))
        let next = try await run.post("/chat", token: ann, ["message": "two", "conversation_id": conversation])
        #expect(next.text("conversation_id") == conversation)
        for (token, id) in [(bob, conversation), (ann, "conv_0000000000000001"), (ann, "nonsense")] {
            try expectError(try await run.post("/chat", token: token, ["message": "x", "conversation_id": id]), 404)
        }
    }

    @Test func dangerousMessagesAreHeldAndMarkupIsRemoved() async throws {
        let token = try await run.logIn()
        for (text, category) in [
            ("<script>alert('xss')</script>", "xss"), ("'; DROP TABLE users; --", "sql"),
            ("{{constructor.constructor('return process')().exit()}}", "template"), ("../../../etc/passwd", "path"),
        ] {
            let reply = try await run.post("/chat", token: token, ["message": text])
            #expect(reply.status == 200 && reply.flag("blocked") == true && reply.flag("cached") == false)
            #expect(reply.json["details"] as? [String] == ["category: \(category)"])
            #expect(
                reply.text("response")?.contains("safety") == true
                    && reply.text("response")?.contains("rephrase") == true)
        }
        let code = try await run.post(
            "/chat", token: token, ["message": "<b>Why</b> vector<int> and #include <stdio.h>?"])
        #expect(code.text("response") == "You said: Why vector<int> and #include <stdio.h>?")
    }

    @Test func healthTellsItsComponents() async throws {
        let health = try await run.get("/health?detailed=true")
        #expect(health.status == 200 && health.text("status") == "healthy" && health.text("database") == "connected")
        #expect((health.json["components"] as? [String: Any])?.keys.contains("providers") == true)
        #expect(try await run.send("HEAD", "/health").status == 200)
    }

    @Test func theCallersRequestIDIsKeptEverywhere() async throws {
        let id = "my-request.id_42"
        let reply = try await run.send("GET", "/nowhere", headers: ["X-Request-ID: \(id)"])
        #expect(reply.headers["x-request-id"] == id && reply.text("request_id") == id)
        try await run.logLine { $0["request_id"] as? String == id && $0["status"] as? Int == 404 }
        let short = try await run.send("GET", "/nowhere", headers: ["X-Request-ID: short"])
        #expect(short.headers["x-request-id"]?.count == 32)
    }

    @Test func pagesOfAnAllowedOriginMayCallAndReadEveryReply() async throws {
        let origin = "Origin: https://app.example"
        let preflight = try await run.send(
            "OPTIONS", "/chat", headers: [origin, "Access-Control-Request-Method: POST"])
        #expect(preflight.status == 204)
        expectReadable(preflight, by: "https://app.example")
        let other = try await run.send("OPTIONS", "/chat", headers: ["Origin: https://evil.example"])
        #expect(other.status == 405 && other.headers["access-control-allow-origin"] == nil)

        let large = Data(repeating: 32, count: 140_000)
        let requests: [(method: String, path: String, body: Data?, header: String, status: Int)] = [
            ("GET", "/auth/session", nil, "X: y", 401), ("POST", "/chat", large, "X: y", 413),
            ("TRACE", "/chat", nil, "X: y", 405), ("GET", "/health", nil, "Host: evil.example", 421),
            ("GET", "/health/live", nil, "X: y", 200), ("GET", "/docs/", nil, "X: y", 200),
        ]
        for version in ["--http1.1", "--http2"] {
            for (method, path, body, header, status) in requests {
                let readable = try await run.send(
                    method, path, body: body, headers: [origin, header], options: [version])
                #expect(readable.status == status, "\(version) \(path)")
                expectReadable(readable, by: "https://app.example")
                let foreign = try await run.send(
                    method, path, body: body, headers: ["Origin: https://evil.example", header], options: [version])
                #expect(foreign.status == status && foreign.headers["access-control-allow-origin"] == nil)
            }
        }
    }

    @Test func aDeadPoolIsReadableTooAndLifeNeedsNoDatabase() async throws {
        let run = try await Deployment(["CHAT_CORS_ORIGINS": "https://app.example", "CHAT_WORKERS": "1"])
        try FileManager.default.removeItem(atPath: run.folder + "/parley.sqlite")
        // It looks once a second.
        while try await run.get("/health").status == 200 {}
        #expect(try await run.get("/health").status == 503)
        #expect(try await run.get("/health/live").text("status") == "alive")
        try FileManager.default.removeItem(atPath: run.socket)
        // nginx would use the connections that it has kept.
        for worker in run.workers { kill(worker, SIGKILL) }
        var reply: Reply
        repeat {
            reply = try await run.send("GET", "/health/live", headers: ["Origin: https://app.example"])
        } while reply.status == 200
        try expectError(reply, 502)
        expectReadable(reply, by: "https://app.example")
    }

    private func events(of reply: Reply) throws -> [(name: String, data: [String: Any])] {
        try reply.body.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { block in
            let lines = block.split(separator: "\n")
            let name = lines[0].replacing("event: ", with: "")
            let data = Data(lines[2].dropFirst("data: ".count).utf8)
            return (String(name), try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any]))
        }
    }
}
