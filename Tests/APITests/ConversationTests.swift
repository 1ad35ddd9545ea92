import FastCGI
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConversationTests {
    private func ask(_ stage: Stage, _ token: String, _ json: String) async -> Reply {
        await stage.post("/chat", token: token, json)
    }

    @Test func aReplyNamesTheMessageThatItFollows() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let first = await ask(stage, token, #"{"content":"one"}"#)
        let (one, conversation) = (try #require(first.text("id")), try #require(first.text("conversation_id")))
        #expect(first.body.contains(#""conversation_id":"\#(conversation)","parent":null"#))
        let second = await ask(stage, token, #"{"message":"two","conversation_id":"\#(conversation)"}"#)
        #expect(second.text("parent") == one)
        let edited = await ask(stage, token, #"{"message":"deux","parent":"\#(one)"}"#)
        #expect(edited.text("parent") == one && edited.text("conversation_id") == conversation)
        let begun = await ask(stage, token, #"{"message":"un","parent":null,"conversation_id":"\#(conversation)"}"#)
        #expect(begun.body.contains(#""parent":null"#) && begun.text("conversation_id") == conversation)
        let alone = await ask(stage, token, #"{"message":"un","parent":null}"#)
        #expect(alone.status == 200 && alone.text("conversation_id") != conversation)
        let again = await ask(stage, token, #"{"regenerate":"\#(try #require(second.text("message_id")))"}"#)
        #expect(again.text("parent") == one && again.text("content") != nil && again.json["cached"] as? Bool == false)
        let history = await stage.get("/chat/history", token: token).json["messages"] as? [[String: Any]] ?? []
        #expect(history.map { $0["parent"] as? String } == [nil, one, one, nil, nil, one])
    }

    @Test func whereAQuestionCannotStandIsRefused() async throws {
        let stage = try await Stage()
        let (token, other) = (try await stage.logIn(), try await stage.logIn())
        let one = try #require(await ask(stage, token, #"{"content":"one"}"#).text("id"))
        let conversation = try #require(await ask(stage, token, #"{"content":"x"}"#).text("conversation_id"))
        let unknown = "msg_0000000000000001"
        for (body, status, word) in [
            (#"{"message":"a","parent":"\#(unknown)"}"#, 404, "message"),
            (#"{"message":"a","parent":"x"}"#, 404, "message"),
            (#"{"message":"a","parent":1}"#, 422, "parent"), (#"{"regenerate":"\#(unknown)"}"#, 404, "message"),
            (#"{"regenerate":true}"#, 422, "regenerate"),
            (#"{"message":"a","parent":"\#(one)","conversation_id":"\#(conversation)"}"#, 422, "parent"),
            (#"{"regenerate":"\#(one)","message":"a"}"#, 422, "message"),
            (#"{"regenerate":"\#(one)","content":"a"}"#, 422, "content"),
            (#"{"regenerate":"\#(one)","parent":"\#(one)"}"#, 422, "parent"),
            (#"{"regenerate":"\#(one)","conversation_id":"\#(conversation)"}"#, 422, "conversation_id"),
        ] {
            let reply = await ask(stage, token, body)
            expectError(reply, status, "\(body)")
            #expect(reply.text("message")?.contains(word) == true, "\(reply.body)")
        }
        for body in [#"{"regenerate":"\#(one)"}"#, #"{"message":"a","parent":"\#(one)"}"#] {
            expectError(await ask(stage, other, body), 404)
        }
        #expect(stage.model.requests.withLock { $0.count } == 2)
    }

    @Test func conversationsAreListedReadAndRenamed() async throws {
        let stage = try await Stage()
        let (token, other) = (try await stage.logIn(), try await stage.logIn())
        var ids: [String] = []
        for number in 0..<3 {
            let reply = await ask(stage, token, #"{"content":"question \#(number)\nmore"}"#)
            ids.insert(try #require(reply.text("conversation_id")), at: 0)
        }
        let list = await stage.get("/chat/conversations?limit=2", token: token)
        let shown = try #require(list.json["conversations"] as? [[String: Any]])
        #expect(list.number("count") == 2 && list.json["has_more"] as? Bool == true)
        #expect(shown.map { $0["id"] as? String } == [ids[0], ids[1]])
        #expect(Set(shown[0].keys) == ["id", "title", "count", "created_at", "last_activity"])
        #expect(shown[0]["title"] as? String == "question 2" && shown[0]["count"] as? Int == 1)
        for cursor in [try #require(list.text("next")), ids[1]] {
            let rest = await stage.get("/chat/conversations?before=\(cursor)", token: token)
            #expect(rest.body.contains(#""has_more":false,"next":null"#) && rest.body.contains(ids[2]))
            #expect(rest.number("count") == 1)
        }
        let path = "/chat/conversations/\(ids[0])"
        func rename(_ json: String, _ token: String) async -> Reply {
            await stage.send("PATCH", path, token: token, body: .complete(Array(json.utf8)))
        }
        #expect(await rename(#"{"title":" My title "}"#, token).text("title") == "My title")
        let one = await stage.get(path, token: token)
        #expect(one.text("title") == "My title" && one.json["has_more"] as? Bool == false)
        let messages = one.json["messages"] as? [[String: Any]]
        #expect(messages?.count == 1 && messages?[0]["message"] as? String == "question 2\nmore")
        #expect(await rename(#"{"title":null}"#, token).text("title") == "question 2")
        for json in [
            "{}", #"{"title":1}"#, #"{"title":" "}"#, #"{"title":"a\nb"}"#,
            #"{"title":"\#(String(repeating: "a", count: 201))"}"#,
        ] {
            expectError(await rename(json, token), 422, "\(json)")
        }
        // What a question may not keep, a title may not either.
        #expect(await rename(#"{"title":"My <img src=x onerror=alert(1)>title"}"#, token).text("title") == "My title")
        expectError(await rename(#"{"title":"<img src=x onerror=alert(1)>"}"#, token), 422)
        expectError(await rename(#"{"title":"x"}"#, other), 404)
        expectError(await stage.get(path, token: other), 404)
        #expect(await stage.get("/chat/conversations", token: other).number("count") == 0)
    }

    /// The code span that keeps markup as it is ends behind the place where the title is cut.
    @Test func aTitleHasNoMarkupOfACodeSpanThatWasCut() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let question = "What is `<img src=x onerror=alert(1)> \(String(repeating: "a", count: 90))` for?"
        let asked = await ask(stage, token, #"{"content":"\#(question)"}"#)
        let path = "/chat/conversations/\(try #require(asked.text("conversation_id")))"
        let whole = await stage.get(path, token: token)
        let messages = whole.json["messages"] as? [[String: Any]]
        #expect(messages?.first?["message"] as? String == question, "it is code")
        let list = await stage.get("/chat/conversations", token: token).json["conversations"] as? [[String: Any]]
        for title in [whole.text("title"), list?.first?["title"] as? String] {
            #expect(title?.hasPrefix("What is `") == true && title?.contains("<") == false, "\(title ?? "")")
        }
    }

    @Test func whatIsDeletedIsNotThereAnyMore() async throws {
        let stage = try await Stage()
        let (token, other) = (try await stage.logIn(), try await stage.logIn())
        let one = await ask(stage, token, #"{"content":"one"}"#)
        let (id, message) = (try #require(one.text("conversation_id")), try #require(one.text("id")))
        _ = await ask(stage, token, #"{"content":"two","conversation_id":"\#(id)"}"#)
        for text in ["three", "four"] { _ = await ask(stage, token, #"{"content":"\#(text)"}"#) }
        let path = "/chat/conversations/\(id)"
        expectError(await stage.send("DELETE", path, token: other), 404)
        let deleted = await stage.send("DELETE", path, token: token)
        #expect(deleted.status == 200 && deleted.body == #"{"success":true,"deleted":2}"#)
        expectError(await stage.send("DELETE", path, token: token), 404)
        expectError(await stage.get(path, token: token), 404)
        expectError(await ask(stage, token, #"{"content":"x","conversation_id":"\#(id)"}"#), 404)
        expectError(await ask(stage, token, #"{"content":"x","parent":"\#(message)"}"#), 404)
        expectError(await ask(stage, token, #"{"regenerate":"\#(message)"}"#), 404)
        #expect(await stage.get("/chat/conversations", token: token).number("count") == 2)
        let calls = stage.model.requests.withLock { $0.count }
        #expect(await ask(stage, token, #"{"content":"three"}"#).json["cached"] as? Bool == true)
        expectError(await stage.send("DELETE", "/auth/account", token: token), 403)
        let history = await stage.send("DELETE", "/chat/history", token: token)
        #expect(history.status == 200 && history.number("deleted") == 3)
        #expect(await stage.get("/chat/history", token: token).number("count") == 0)
        #expect(await ask(stage, token, #"{"content":"three"}"#).json["cached"] as? Bool == false)
        #expect(stage.model.requests.withLock { $0.count } == calls + 1)
        #expect(await stage.get("/auth/session", token: token).number("messages_used") == 6)
    }

    @Test func parametersThatCannotBeAreRefused() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let reply = await ask(stage, token, #"{"content":"one"}"#)
        let (id, message) = (try #require(reply.text("conversation_id")), try #require(reply.text("id")))
        for (target, status) in [
            ("?limit=0", 422), ("?limit=101", 422), ("?before=x", 422), ("?before=conv_0000000000000001", 404),
            ("/x", 404), ("/conv_0000000000000001", 404), ("/\(id)?branch=x", 422), ("/\(id)?before=x", 422),
            ("/\(id)?all=yes", 422), ("/\(id)?all=true&branch=\(message)", 422),
            ("/\(id)?branch=msg_0000000000000001", 404), ("/\(id)?before=msg_0000000000000001", 404),
            ("/\(id)?all=true&before=msg_0000000000000001", 200), ("/\(id)?all=false&branch=\(message)", 200),
        ] {
            #expect(await stage.get("/chat/conversations" + target, token: token).status == status, "\(target)")
        }
    }
}
