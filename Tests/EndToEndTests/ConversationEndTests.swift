import Foundation
import Testing

/// Conversations through nginx and two workers: listed, branched and kept to their own callers.
@Suite(.timeLimit(.minutes(2))) struct ConversationEndTests {
    let provider: ScriptedProvider
    let run: Deployment
    let ann: String

    init() async throws {
        provider = try await ScriptedProvider { asked, call in .answer("\(asked.messages.last ?? "?"): answer \(call)")
        }
        run = try await Deployment(
            provider.asOpenAI.merging(["CHAT_CACHE_SCOPE": "shared", "CHAT_MESSAGE_LIMIT": "1000"]) { $1 })
        ann = try await run.logIn()
    }

    @Test func theListHasTheNewestActivityFirstAndTitlesThatCanBeChanged() async throws {
        let long = String(repeating: "é", count: 61)
        var ids: [String] = []
        for text in ["first line\nsecond line", "two", long] {
            ids.append(try await run.say(text, ann).conversation)
        }
        _ = try await run.say("more", ann, ["conversation_id": ids[0]])
        let page = try await run.get("/chat/conversations?limit=2", token: ann)
        #expect(page.conversations("id") == [ids[0], ids[2]] && page.flag("has_more") == true)
        #expect(page.conversations("title") == ["first line", String(repeating: "é", count: 59) + "…"])
        #expect((page.json["conversations"] as? [[String: Any]])?.map { $0["count"] as? Int } == [2, 1])
        let next = try #require(page.text("next"))
        let rest = try await run.get("/chat/conversations?limit=2&before=\(next)", token: ann)
        #expect(rest.conversations("id") == [ids[1]] && rest.flag("has_more") == false && rest.json["next"] is NSNull)

        let path = "/chat/conversations/\(ids[0])"
        func rename(_ title: Any) async throws -> Reply {
            let body = try JSONSerialization.data(withJSONObject: ["title": title])
            return try await run.send("PATCH", path, token: ann, body: body)
        }
        #expect(try await rename("  Mine  ").text("title") == "Mine")
        #expect(try await run.get("/chat/conversations?limit=1", token: ann).conversations("title") == ["Mine"])
        try expectError(try await rename(" "), 422)
        #expect(try await run.get(path, token: ann).text("title") == "Mine")
        #expect(try await rename(NSNull()).text("title") == "first line")
    }

    @Test func anEditedQuestionIsABranchAndTheNewestOneIsShown() async throws {
        let one = try await run.say("one", ann)
        let path = "/chat/conversations/\(one.conversation)"
        func branch(_ query: String = "") async throws -> [String] {
            try await run.get(path + query, token: ann).questions
        }
        let two = try await run.say("two", ann, ["conversation_id": one.conversation])
        let three = try await run.say("three", ann, ["conversation_id": one.conversation])
        let deux = try await run.say("deux", ann, ["parent": one.id])
        #expect(deux.conversation == one.conversation && deux.reply.text("parent") == one.id)
        #expect(provider.asked.last?.messages == ["one", "one: answer 1", "deux"])
        #expect(try await branch() == ["one", "deux"])
        #expect(try await branch("?branch=\(three.id)") == ["one", "two", "three"])
        #expect(try await branch("?before=\(three.id)") == ["one", "two"])
        #expect(try await branch("?branch=\(three.id)&limit=1") == ["three"])
        #expect(try await branch("?all=true") == ["one", "two", "three", "deux"])
        #expect(try await branch("?all=true&limit=2&before=\(deux.id)") == ["two", "three"])
        let page = try await run.get(path + "?limit=1", token: ann)
        #expect(page.questions == ["deux"] && page.flag("has_more") == true && page.number("count") == 4)

        _ = try await run.say("trois", ann, ["conversation_id": one.conversation])
        #expect(provider.asked.last?.messages == ["one", "one: answer 1", "deux", "deux: answer 4", "trois"])
        let un = try await run.say("un", ann, ["conversation_id": one.conversation, "parent": NSNull()])
        #expect(provider.asked.last?.messages == ["un"] && un.reply.json["parent"] is NSNull)
        #expect(try await branch() == ["un"])
        _ = try await run.say("again", ann, ["parent": two.id])
        #expect(try await branch() == ["one", "two", "again"])
    }

    @Test func aQuestionIsAskedAnewPastTheCacheAndAllGetTheNewAnswer() async throws {
        let run = run
        let (ann, bob) = (ann, try await run.logIn("bob@example.com"))
        let one = try await run.say("one", ann)
        let two = try await run.say("two", ann, ["conversation_id": one.conversation])
        #expect(try await run.say("one", bob).reply.headers["x-parley-cache"] == "hit")
        for (message, context) in [(one, ["one"]), (two, ["one", "one: answer 1", "two"])] {
            let calls = provider.asked.count
            let anew = try await run.post("/chat", token: ann, ["regenerate": message.id])
            #expect(anew.headers["x-parley-cache"] == "miss" && anew.flag("cached") == false)
            #expect(provider.asked.count == calls + 1 && provider.asked.last?.messages == context)
            #expect(anew.text("content") == "\(context.last!): answer \(calls + 1)")
            #expect(anew.text("conversation_id") == one.conversation)
            #expect(anew.json["parent"] as? String == message.reply.json["parent"] as? String)
        }
        let path = "/chat/conversations/\(one.conversation)"
        #expect(try await run.get(path + "?all=true", token: ann).questions == ["one", "two", "one", "two"])
        #expect(try await run.get(path, token: ann).questions == ["one", "two"])
        let stream = try await run.post("/chat", token: ann, ["regenerate": one.id, "stream": true])
        #expect(stream.headers["x-parley-cache"] == "miss" && stream.body.contains(#""content":"one: answer 5""#))
        for reply in try await run.everyWorker({ try await run.post("/chat", token: bob, ["content": "one"]) }) {
            #expect(reply.text("content") == "one: answer 5" && reply.flag("cached") == true)
        }
    }

    @Test func whatIsAnothersIsNotThere() async throws {
        let one = try await run.say("one", ann)
        let (path, unchanged) = (
            "/chat/conversations/\(one.conversation)", try await run.get("/chat/history", token: ann)
        )
        let calls = provider.asked.count
        // Another session of the same address, which is not proved, and a key.
        for token in [try await run.logIn(), try await run.key("--name", "k")] {
            let own = try await run.say("own", token)
            let ownPath = "/chat/conversations/\(own.conversation)"
            for target in [
                path, path + "?all=true", path + "?branch=\(one.id)", ownPath + "?branch=\(one.id)",
                ownPath + "?before=\(one.id)", "/chat/conversations?before=\(one.conversation)",
                "/chat/stream/\(one.id)",
            ] {
                try expectError(try await run.get(target, token: token), 404, "\(target)")
            }
            for body: [String: Any] in [
                ["content": "x", "conversation_id": one.conversation], ["content": "x", "parent": one.id],
                ["content": "x", "parent": one.id, "conversation_id": own.conversation],
                ["content": "x", "parent": own.id, "conversation_id": one.conversation, "stream": true],
                ["regenerate": one.id],
                ["content": "x", "parent": one.id, "stream": true, "resumable": true],
            ] {
                let reply = try await run.post("/chat", token: token, body)
                // Where the parent is one's own, the conversation beside it is simply not the parent's.
                try expectError(reply, body["parent"] as? String == own.id ? 422 : 404, "\(body)")
            }
            try expectError(try await run.send("PATCH", path, token: token, body: Data(#"{"title":"x"}"#.utf8)), 404)
            try expectError(try await run.send("DELETE", path, token: token), 404)
            #expect(try await run.get("/chat/conversations?before=\(one.id)", token: token).conversations("id").isEmpty)
            #expect(try await run.get("/chat/conversations", token: token).conversations("id") == [own.conversation])
            #expect(try await run.send("DELETE", "/chat/history", token: token).number("deleted") == 1)
        }
        #expect(try await run.get("/chat/history", token: ann).body == unchanged.body)
        #expect(try await run.get(path, token: ann).text("title") == "one")
        #expect(provider.asked.dropFirst(calls).allSatisfy { $0.messages == ["own"] })
    }
}

/// A message as its reply tells it.
struct SaidMessage {
    let id: String
    let conversation: String
    let reply: Reply
}

extension Deployment {
    /// Asks a question that must be answered.
    func say(_ content: String, _ token: String, _ members: [String: Any] = [:]) async throws -> SaidMessage {
        let reply = try await post("/chat", token: token, members.merging(["content": content]) { $1 })
        try #require(reply.status == 200, "\(reply)")
        return SaidMessage(
            id: try #require(reply.text("id")), conversation: try #require(reply.text("conversation_id")), reply: reply)
    }
}

extension Reply {
    /// What a list of conversations says of each.
    func conversations(_ name: String) -> [String] {
        (json["conversations"] as? [[String: Any]] ?? []).compactMap { $0[name] as? String }
    }

    /// The questions of a history or a conversation.
    var questions: [String] { (json["messages"] as? [[String: Any]] ?? []).compactMap { $0["message"] as? String } }
}
