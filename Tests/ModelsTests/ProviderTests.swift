import Chat
import Models
import StrictJSON
import Support
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ProviderTests {
    @Test func geminiSendsItsRequestAndStreamsTheAnswer() async throws {
        let requests = Seen<Connection.Request>()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            guard let request = connection.readRequest() else { return }
            requests.append(request)
            try connection.begin()
            try connection.chunk(
                #"data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hel"}]}}]}"#
                    + "\r\n\r\n")
            try connection.chunk(
                #"data: {"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}],"#
                    + #""usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"thoughtsTokenCount":3,"#
                    + #""totalTokenCount":10},"modelVersion":"gemini-x-001"}"# + "\r\n\r\n")
            try connection.chunk("")
        })
        let model = try Gemini(key: "secret-key", model: "gemini-x", baseURL: server.url, upstream: Upstream())
        let deltas = Seen<String>()
        let request = try ProviderFixture.request(
            context: [.init(role: .user, text: "a"), .init(role: .assistant, text: "b")])
        let answer = try await model.answer(
            request, by: .now + .seconds(60), onDelta: Watcher { deltas.append($0.text) })
        #expect(
            answer
                == ModelAnswer(
                    text: "Hello", model: "gemini-x-001", provider: "gemini",
                    usage: TokenUsage(prompt: 5, completion: 5, reasoning: 3, total: 10)))
        #expect(deltas.all.joined() == "Hello")
        let sent = try #require(requests.all.first)
        #expect(sent.line == "POST /v1beta/models/gemini-x:streamGenerateContent?alt=sse HTTP/1.1")
        #expect(sent.headers["x-goog-api-key"] == "secret-key")
        #expect(sent.headers["content-type"] == "application/json")
        let expected = #"""
            {"systemInstruction":{"parts":[{"text":"Be brief"}]},
             "contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]},
                         {"role":"user","parts":[{"text":"Hi"}]}],
             "generationConfig":{"temperature":0.5,"maxOutputTokens":100}}
            """#
        #expect(try JSON(parsing: sent.body) == JSON(parsing: Array(expected.utf8)))
    }

    @Test func openAISendsItsRequestAndStreamsTheAnswer() async throws {
        let requests = Seen<Connection.Request>()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            guard let request = connection.readRequest() else { return }
            requests.append(request)
            try connection.begin()
            try connection.chunk(": OPENROUTER PROCESSING\n\n")
            try connection.chunk(
                #"data: {"model":"vendor/model-x-1","choices":[{"delta":{"role":"assistant","content":""}}]}"# + "\n\n")
            try connection.chunk(ProviderFixture.event(.openrouter, "Hel"))
            try connection.chunk(#"data: {"choices":[{"delta":{"content":null,"reasoning":"hm"}}]}"# + "\n\n")
            try connection.chunk(ProviderFixture.event(.openrouter, "lo"))
            try connection.chunk(#"data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"# + "\n\n")
            try connection.chunk(
                #"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"# + "\n\n")
            try connection.chunk("data: [DONE]\n\n")
            try connection.chunk("")
        })
        let model = try OpenAICompatible(
            .openrouter, key: "secret-key", model: "vendor/model-x", baseURL: server.url + "/api/v1/",
            upstream: Upstream())
        let deltas = Seen<String>()
        let request = try ProviderFixture.request(
            context: [.init(role: .user, text: "a"), .init(role: .assistant, text: "b")])
        let answer = try await model.answer(
            request, by: .now + .seconds(60), onDelta: Watcher { deltas.append($0.text) })
        #expect(
            answer
                == ModelAnswer(
                    text: "Hello", model: "vendor/model-x-1", provider: "openrouter",
                    usage: TokenUsage(prompt: 7, completion: 2, total: 9)))
        #expect(deltas.all.joined() == "Hello")
        let sent = try #require(requests.all.first)
        #expect(sent.line == "POST /api/v1/chat/completions HTTP/1.1")
        #expect(sent.headers["authorization"] == "Bearer secret-key")
        let expected = #"""
            {"model":"vendor/model-x","messages":[{"role":"system","content":"Be brief"},{"role":"user","content":"a"},
             {"role":"assistant","content":"b"},{"role":"user","content":"Hi"}],
             "temperature":0.5,"max_tokens":100,"stream":true,"stream_options":{"include_usage":true}}
            """#
        #expect(try JSON(parsing: sent.body) == JSON(parsing: Array(expected.utf8)))
    }

    @Test func needsNoKeyForALocalServer() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            let request = connection.readRequest()
            try connection.answer(
                #"{"choices":[{"message":{"content":"\#(request?.headers["authorization"] ?? "none")"}}]}"#)
        })
        let model = try OpenAICompatible(.openai, key: nil, model: "m", baseURL: server.url, upstream: Upstream())
        let answer = try await model.answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
        #expect(answer.text == "none")
        #expect(answer.model == "m")
        #expect(answer.provider == "openai")
    }

    static let documents: [(ProviderFixture.Kind, String)] = [
        (.gemini, #"{"candidates":[{"content":{"parts":[{"text":"Hello"}]}}]}"#),
        (
            .gemini,
            "[" + #"{"candidates":[{"content":{"parts":[{"text":"Hel"}]}}]}"# + "\r\n,\r\n"
                + #"{"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}]}]"#
        ),
        (.openrouter, #"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#),
    ]

    @Test(arguments: documents)
    func acceptsAServerThatDoesNotStream(kind: ProviderFixture.Kind, document: String) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.answer(headers: ["Content-Type: application/json"], document)
        })
        let deltas = Seen<String>()
        let result = try await ProviderFixture(kind, server).ask(onDelta: Watcher { deltas.append($0.text) })
        #expect(try result.get().text == "Hello")
        #expect(deltas.all == ["Hello"])
    }

    @Test(arguments: [
        (ProviderFixture.Kind.gemini, "STOP", FinishReason.stop), (.gemini, "MAX_TOKENS", .length),
        (.gemini, "A_NEW_ONE", .stop), (.openrouter, "stop", .stop), (.openrouter, "length", .length),
        (.openrouter, "eos_token", .stop),
    ])
    func saysWhyTheAnswerEnds(kind: ProviderFixture.Kind, word: String, reason: FinishReason) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            let name = kind == .gemini ? #""candidates":[{"finishReason""# : #""choices":[{"delta":{},"finish_reason""#
            try connection.answer(ProviderFixture.event(kind, "Hello") + "data: {\(name):\"\(word)\"}]}\n\n")
        })
        #expect(try await ProviderFixture(kind, server).ask().get().finishReason == reason)
    }

    /// What providers send beside the standard, and what must not cost an answer.
    static let oddities: [(ProviderFixture.Kind, [String])] = [
        // Other choices than the first, in any order and alone.
        (
            .openrouter,
            [
                #"{"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":"Hel"}}]}"#,
                #"{"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"content_filter"}]}"#,
                #"{"choices":[{"index":0,"delta":{"content":"lo"}}]}"#,
            ]
        ),
        (
            .gemini,
            [
                #"{"candidates":[{"index":1,"finishReason":"SAFETY"},{"content":{"parts":[{"text":"Hel"}]}}]}"#,
                #"{"candidates":[{"index":0,"content":{"parts":[{"text":"lo"}]}}]}"#,
                #"{"candidates":[{"index":2,"content":{"parts":[{"text":"no"}]}}]}"#,
            ]
        ),
        // Errors that are none, and an end mark with a blank.
        (.gemini, [#"{"error":null,"candidates":[{"content":{"parts":[{"text":"Hello"}]}}]}"#]),
        (
            .openrouter,
            [#"{"error":"","choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}"#, "[DONE] "]
        ),
        // Content in parts.
        (
            .openrouter,
            [
                #"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"no"}]}]}}]}"#,
                #"{"choices":[{"delta":{"content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]}}]}"#,
            ]
        ),
        // Members named twice, and numbers beyond 64 bits.
        (
            .openrouter,
            [
                #"{"id":"a","id":"b","usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#,
                #"{"created":123456789012345678901234567890,"choices":[{"delta":{"content":"Hello"}}]}"#,
            ]
        ),
        (
            .gemini,
            [
                #"{"responseId":18446744073709551616,"candidates":[{"index":0,"index":0}]}"#,
                #"{"candidates":[{"content":{"parts":[{"text":"Hello"}]}}]}"#,
            ]
        ),
    ]

    @Test(arguments: oddities)
    func losesNoAnswerToAnOddity(kind: ProviderFixture.Kind, documents: [String]) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            let events = documents.map { "data: \($0)\n\n" }.joined()
            try connection.answer(headers: ["Content-Type: text/event-stream"], events + ProviderFixture.end(kind))
        })
        let answer = try await ProviderFixture(kind, server).ask().get()
        #expect(answer.text == "Hello")
        let isCounted = documents[0].contains("usage")
        #expect(isCounted ? answer.usage == TokenUsage(prompt: 7, completion: 2) : answer.usage.isEstimated)
    }

    @Test(arguments: ProviderFixture.Kind.allCases)
    func reusesItsConnection(kind: ProviderFixture.Kind) async throws {
        let connections = Seen<Int>()
        let server = try ScriptedServer(eachConnection: { connection, number in
            connections.append(number)
            while connection.readRequest() != nil {
                try connection.begin()
                try connection.chunk(ProviderFixture.event(kind, "Hello"))
                try connection.chunk(ProviderFixture.end(kind))
                try connection.chunk("")
            }
        })
        let fixture = try ProviderFixture(kind, server)
        for _ in 0..<4 { _ = try await fixture.ask().get() }
        #expect(connections.all == [0])
    }

    @Test(arguments: ProviderFixture.Kind.allCases)
    func aCancelledCallHangsUp(kind: ProviderFixture.Kind) async throws {
        let events = AsyncStream<Bool>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            events.continuation.yield(false)
            events.continuation.yield(connection.waitForHangUp())
        })
        let fixture = try ProviderFixture(kind, server)
        let task = Task { await fixture.ask() }
        var iterator = events.stream.makeAsyncIterator()
        #expect(await iterator.next() == false)
        task.cancel()
        let result = await task.value
        let usage = TokenUsage(prompt: 11, completion: 0, isEstimated: true)
        let abandoned = #expect(throws: AbandonedCall.self) { try result.get() }
        #expect(abandoned?.provider == (kind == .gemini ? "gemini" : "openrouter"))
        #expect(abandoned?.usage == usage && abandoned?.text == "")
        #expect(await iterator.next() == true)
    }

    /// What a crowd of callers who hang up at once leaves behind: replies that have arrived and that nobody has read.
    @Test(arguments: ["200 OK", "500 Oh"])
    func aCancelledCallTeachesNothingWhateverHadArrived(status: String) async throws {
        let answered = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            while connection.readRequest() != nil {
                let body = ProviderFixture.event(.openrouter, "Hello")
                // An error's body is waited for.
                let length = status == "200 OK" ? body.utf8.count : 1_000
                try connection.send("HTTP/1.1 \(status)\r\nContent-Length: \(length)\r\n\r\n" + body)
                answered.continuation.yield()
            }
        })
        let changes = Seen<CircuitChange>()
        let circuit = Circuit(
            on: try CircuitBoard.ofThisProcess, identity: "p",
            Circuit.Cooldowns(outage: .seconds(20), key: .seconds(600), probe: .seconds(30)))
        let provider = try ProviderFixture(.openrouter, server).model
        let model = CircuitBreaking(provider, provider: "p", circuit: circuit) { change, _ in changes.append(change) }
        var answers = answered.stream.makeAsyncIterator()
        for _ in 0..<6 {
            let task = Task {
                try await model.answer(
                    try ProviderFixture.request(), by: .now + .seconds(60),
                    onDelta: Watcher { _ in withUnsafeCurrentTask { $0?.cancel() } })
            }
            await answers.next()
            if status != "200 OK" { task.cancel() }
            if status == "200 OK" {
                let error = await #expect(throws: AbandonedCall.self) { try await task.value }
                #expect(error?.usage.completion == 2, "what had been generated is paid for")
                #expect(error?.text == "Hello" && error?.model.isEmpty == false)
            } else {
                // Until the status has been read, the provider may be at work on an answer.
                let error = await #expect(throws: (any Error).self) { try await task.value }
                #expect(error is CancellationError || (error as? AbandonedCall)?.usage.completion == 0)
            }
        }
        #expect(circuit.isClosed && changes.all.isEmpty)
    }
}
