import Foundation
import Testing

/// Deleting through nginx and two workers: what is gone when the reply is there.
@Suite(.timeLimit(.minutes(2))) struct ConversationEndDeletionTests {
    private func deploy(_ provider: ScriptedProvider) async throws -> (run: Deployment, ann: String) {
        let run = try await Deployment(
            provider.asOpenAI.merging(["CHAT_MESSAGE_LIMIT": "1000", "CHAT_CACHE_SCOPE": "shared"]) { $1 })
        return (run, try await run.logIn())
    }

    /// Those of the words that are in a file of the database.
    private func found(_ words: [String], _ run: Deployment) throws -> Set<String> {
        let files = try FileManager.default.contentsOfDirectory(atPath: run.folder).filter {
            $0.hasPrefix("parley.sqlite")
        }
        try #require(files.contains("parley.sqlite") && files.contains("parley.sqlite-wal"))
        let contents = try files.map { try Data(contentsOf: URL(fileURLWithPath: "\(run.folder)/\($0)")) }
        return Set(words.filter { word in contents.contains { $0.range(of: Data(word.utf8)) != nil } })
    }

    @Test func whatIsDeletedIsInNoFileAndInNoWorkersCache() async throws {
        let provider = try await ScriptedProvider { asked, call in
            .answer("\(asked.messages.last?.hasPrefix("keep") == true ? "kestrel" : "jackdaw") \(call)")
        }
        let (run, ann) = try await deploy(provider)
        let (bob, key) = (try await run.logIn("bob@example.com"), try await run.key("--name", "k"))
        _ = try await run.say("keep the lapwing", bob)
        let one = try await run.say("what is a goldfinch?", ann)
        _ = try await run.say("and a fieldfare?", ann, ["conversation_id": one.conversation])
        let path = "/chat/conversations/\(one.conversation)"
        let renamed = try await run.send("PATCH", path, token: ann, body: Data(#"{"title":"redshanks"}"#.utf8))
        #expect(renamed.text("title") == "redshanks")
        let whole = try await run.say("the key's nightjar", key)
        let (gone, kept) = (["goldfinch", "fieldfare", "redshanks", "jackdaw", "nightjar"], ["lapwing", "kestrel"])
        #expect(try found(gone + kept, run) == Set(gone + kept))

        let cy = try await run.logIn("cy@example.com")
        func ask() async throws -> [Reply] {
            try await run.everyWorker { try await run.post("/chat", token: cy, ["content": "what is a goldfinch?"]) }
        }
        let before = try await ask()
        let old = try #require(one.reply.text("content"))
        #expect(before.allSatisfy { $0.headers["x-parley-cache"] == "hit" && $0.text("content") == old })

        let calls = provider.asked.count
        let deleted = try await run.send("DELETE", path, token: ann)
        #expect(deleted.status == 200 && deleted.body == #"{"success":true,"deleted":2}"#)
        try expectError(try await run.get(path, token: ann), 404)
        try expectError(try await run.send("DELETE", path, token: ann), 404)
        try expectError(try await run.get("/chat/stream/\(one.id)", token: ann), 404)
        for place in ["conversations", "history"] {
            #expect(try await run.get("/chat/\(place)", token: ann).number("count") == 0)
        }
        #expect(try await run.get("/auth/session", token: ann).number("messages_used") == 2)

        let after = try await ask()
        #expect(after.filter { $0.headers["x-parley-cache"] == "miss" }.count == 1)
        #expect(after.allSatisfy { $0.text("content") == "jackdaw \(calls + 1)" }, "the old one is nowhere")
        #expect(provider.asked.count == calls + 1)

        let all = try await run.send("DELETE", "/chat/history", token: cy)
        #expect(all.status == 200 && all.number("deleted") == before.count + after.count)
        #expect(try await run.get("/chat/history", token: cy).number("count") == 0)
        #expect(try await run.get("/chat/conversations", token: cy).number("count") == 0)
        #expect(try await run.send("DELETE", "/chat/history", token: cy).number("deleted") == 0)

        let refused = try await run.send("DELETE", "/auth/account", token: ann)
        try expectError(refused, 403)
        #expect(refused.text("message")?.contains("email address") == true)
        #expect(try await run.send("DELETE", "/auth/account", token: key).number("deleted") == 1)
        try expectError(try await run.get("/chat/conversations/\(whole.conversation)", token: key), 404)
        #expect(try await run.get("/auth/session", token: key).status == 200, "the key itself stays")

        #expect(try found(gone + kept, run) == Set(kept))
        #expect(try await run.get("/chat/history", token: bob).questions == ["keep the lapwing"])
    }

    /// One question that is waited for plainly, and one that streams to its asker and to another session.
    @Test func whatIsDeletedWhileItIsAskedIsAnsweredAndNotKept() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (gate, opened) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { asked, call in
            if call > 1, call < 4 {
                arrived.yield()
                for await _ in gate {}
            }
            return .answer("waxwing \(call) of \(asked.messages.count)")
        }
        var arrival = arrivals.makeAsyncIterator()
        let (run, ann) = try await deploy(provider)
        let bob = try await run.logIn("bob@example.com")
        let one = try await run.say("one", ann)
        async let plain = run.say("a bullfinch", ann, ["conversation_id": one.conversation])
        await arrival.next()
        let first = try stream("a brambling", run, ann)
        _ = try await first.output(until: "event: start")
        await arrival.next()
        // The other session joins: its head says so before there is any text.
        let streams = [first, try stream("a brambling", run, bob)]
        var ids: [(message: String, conversation: String)] = []
        for stream in streams {
            let output = try await stream.output(until: #""parent":null}"#)
            ids.append(try (#require(id("msg_", output)), #require(id("conv_", output))))
        }

        let path = "/chat/stream/\(ids[0].message)"
        let heads = try await run.everyWorker { try await run.send("HEAD", path, token: ann) }
        let names = Set(heads.compactMap { $0.headers["x-request-id"] })
        #expect(
            heads.allSatisfy { $0.status == 200 && $0.headers["content-type"]?.hasPrefix("text/event-stream") == true })
        let lines = run.logLines.filter { names.contains($0["request_id"] as? String ?? "") }
        #expect(lines.count == names.count && lines.allSatisfy { $0["status"] as? Int == 200 }, "none follows it")

        try expectError(try await run.send("DELETE", path, token: bob), 404)
        for (conversation, count) in [(one.conversation, 1), (ids[0].conversation, 0)] {
            let deleted = try await run.send("DELETE", "/chat/conversations/\(conversation)", token: ann)
            #expect(deleted.status == 200 && deleted.number("deleted") == count, "\(deleted)")
        }
        opened.finish()
        let answered = try await plain
        #expect(answered.reply.text("content") == "waxwing 2 of 3" && answered.reply.text("parent") == one.id)
        for stream in streams {
            #expect(try await stream.output(until: "event: done").contains("waxwing 3 of 1"))
            #expect(await stream.end() == 0)
        }

        for place in ["history", "conversations"] {
            #expect(try await run.get("/chat/\(place)", token: ann).number("count") == 0)
        }
        for conversation in [one.conversation, ids[0].conversation] {
            try expectError(try await run.get("/chat/conversations/\(conversation)", token: ann), 404)
        }
        for message in [answered.id, ids[0].message] {
            try expectError(try await run.get("/chat/stream/\(message)", token: ann), 404)
            try expectError(try await run.post("/chat", token: ann, ["content": "x", "parent": message]), 404)
        }
        #expect(try await run.get("/chat/history", token: bob).questions == ["a brambling"], "it is theirs too")
        #expect(try await run.get("/chat/stream/\(ids[1].message)", token: bob).body.contains("waxwing 3 of 1"))
        #expect(try await run.get("/auth/session", token: ann).number("messages_used") == 3)
        #expect(try found(["bullfinch", "waxwing 2"], run).isEmpty)
        #expect(provider.asked.count == 3)
        #expect(try await run.say("a brambling", ann).reply.headers["x-parley-cache"] == "miss")
    }

    private func stream(_ content: String, _ run: Deployment, _ token: String) throws -> RunningProcess {
        try RunningProcess(
            "/usr/bin/curl",
            [
                "--silent", "--no-buffer", "--include", "--max-time", "60", "--cacert", run.certificate, "--header",
                "Authorization: Bearer \(token)", "--json",
                #"{"content":"\#(content)","stream":true,"resumable":true}"#, run.origin + "/chat",
            ], environment: ProcessInfo.processInfo.environment)
    }

    private func id(_ prefix: String, _ output: String) -> String? {
        output.range(of: prefix).map { String(output[$0.lowerBound...].prefix(prefix.count + 16)) }
    }
}
