import Chat
import Models
import Support
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ProviderFailureTests {
    typealias Kind = ProviderFixture.Kind

    struct Reply: Sendable, CustomTestStringConvertible {
        var kinds = Kind.allCases
        var status = "200 OK"
        var headers: [String] = []
        var body: String
        var reason: ModelFailure.Reason

        var testDescription: String { "\(status) \(body.prefix(60))" }
    }

    static let replies = [
        Reply(
            status: "429 Too Many", headers: ["Retry-After: 3"], body: "", reason: .rateLimited(retryAfter: .seconds(3))
        ),
        Reply(status: "429 Too Many", body: "slow down", reason: .rateLimited(retryAfter: nil)),
        Reply(
            kinds: [.gemini], status: "429 Too Many",
            body: #"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"1.5s"}]}}"#,
            reason: .rateLimited(retryAfter: .milliseconds(1500))),
        Reply(
            kinds: [.openrouter], status: "429 Too Many", body: #"{"error":{"code":"insufficient_quota"}}"#,
            reason: .unauthorized(status: 429)),
        Reply(
            status: "503 Busy", headers: ["Retry-After: 1"], body: "<html>",
            reason: .serverError(status: 503, retryAfter: .seconds(1))),
        Reply(status: "500 Oh", body: "{}", reason: .serverError(status: 500, retryAfter: nil)),
        Reply(status: "401 No", body: "{}", reason: .unauthorized(status: 401)),
        Reply(status: "402 Pay", body: "{}", reason: .unauthorized(status: 402)),
        Reply(status: "403 No", body: "{}", reason: .unauthorized(status: 403)),
        Reply(
            kinds: [.openrouter], status: "403 No",
            body: #"{"error":{"code":403,"message":"flagged","metadata":{"reasons":["violence"]}}}"#,
            reason: .filtered(reason: "violence")),
        Reply(
            kinds: [.openrouter], status: "400 Bad", body: #"{"error":{"code":"content_policy_violation"}}"#,
            reason: .filtered(reason: "content_policy_violation")),
        Reply(
            kinds: [.openrouter], status: "400 Bad", body: #"{"error":{"code":"content_filter","type":null}}"#,
            reason: .filtered(reason: "content_filter")),
        Reply(
            kinds: [.gemini], status: "400 Bad",
            body: #"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","#
                + #""status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            reason: .unauthorized(status: 400)),
        Reply(status: "400 Bad", body: #"{"error":"what?"}"#, reason: .refused(status: 400)),
        Reply(
            kinds: [.openrouter], status: "400 Bad",
            body: #"{"error":{"message":"This endpoint's maximum context length is 8192 tokens.","code":400}}"#,
            reason: .tooLong),
        Reply(
            kinds: [.openrouter], status: "400 Bad",
            body: #"{"error":{"message":"…","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            reason: .tooLong),
        Reply(
            kinds: [.gemini], status: "400 Bad",
            body:
                #"{"error":{"code":400,"message":"The input token count (9000) exceeds the maximum number of tokens allowed (8192).","status":"INVALID_ARGUMENT"}}"#,
            reason: .tooLong),
        Reply(
            kinds: [.openrouter], status: "400 Bad",
            body:
                #"{"object":"error","message":"This model's maximum context length is 2048 tokens. However, you requested 3000 tokens.","type":"BadRequestError","param":null,"code":400}"#,
            reason: .tooLong),
        Reply(
            kinds: [.openrouter], status: "413 Large",
            body: #"{"error":"Payload Too Large","message":"the prompt is too long"}"#, reason: .tooLong),
        Reply(status: "404 No", body: "[]", reason: .refused(status: 404)),
        Reply(status: "302 Found", headers: ["Location: /"], body: "", reason: .refused(status: 302)),
        Reply(body: "", reason: .unreachable),
        Reply(body: ": only a comment\n\n", reason: .unreachable),
        Reply(body: "<html>\n<body>hello\n</html>\n", reason: .malformed),
        Reply(body: "data: {\"candidates\n\ndata: x\n\n", reason: .malformed),
        Reply(body: "data: [1]x\n\n", reason: .malformed),
        Reply(body: #"{"candidates":"#, reason: .malformed),
        Reply(body: "{}", reason: .empty),
        Reply(body: "data: {}\n\n", reason: .unreachable),
        Reply(kinds: [.gemini], body: ProviderFixture.event(.gemini, "cut"), reason: .truncated),
        Reply(kinds: [.openrouter], body: ProviderFixture.event(.openrouter, "cut"), reason: .truncated),
        Reply(
            kinds: [.openrouter], body: ProviderFixture.event(.openrouter, "cut") + "data: [DONE]\n\n",
            reason: .truncated),
        Reply(kinds: [.openrouter], body: "data: [DONE]\n\n", reason: .unreachable),
        Reply(kinds: [.gemini], body: ProviderFixture.end(.gemini), reason: .empty),
        Reply(kinds: [.openrouter], body: ProviderFixture.end(.openrouter), reason: .empty),
        Reply(
            kinds: [.openrouter],
            body: #"data: {"choices":[{"delta":{"content":" \n"},"finish_reason":"stop"}]}"# + "\n\n",
            reason: .empty),
        Reply(
            kinds: [.openrouter],
            body: #"data: {"choices":[{"delta":{"content":null,"reasoning":"hm"},"finish_reason":"length"}]}"# + "\n\n",
            reason: .outOfTokens),
        Reply(
            kinds: [.openrouter],
            body: #"{"choices":[{"message":{"content":""},"finish_reason":"length"}]}"#, reason: .outOfTokens),
        Reply(
            kinds: [.gemini],
            body: #"data: {"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS","index":0}]}"#
                + "\r\n\r\n",
            reason: .outOfTokens),
        Reply(
            kinds: [.gemini], body: #"data: {"candidates":[{"finishReason":"LANGUAGE"}]}"# + "\r\n\r\n",
            reason: .malformed),
        Reply(
            kinds: [.gemini], body: #"data: {"promptFeedback":{"blockReason":"A_NEW_ONE"}}"# + "\r\n\r\n",
            reason: .filtered(reason: "A_NEW_ONE")),
        Reply(
            kinds: [.gemini], body: #"data: {"error":{"code":503,"status":"UNAVAILABLE"}}"# + "\r\n\r\n",
            reason: .serverError(status: 503, retryAfter: nil)),
        Reply(
            kinds: [.openrouter], body: #"data: {"error":{"code":429,"message":"busy"},"choices":[]}"# + "\n\n",
            reason: .rateLimited(retryAfter: nil)),
        Reply(
            kinds: [.openrouter], body: #"data: {"error":{"code":"server_error","message":"no"}}"# + "\n\n",
            reason: .serverError(status: 500, retryAfter: nil)),
        Reply(
            kinds: [.openrouter], body: #"data: {"error":"words only"}"# + "\n\n",
            reason: .serverError(status: 500, retryAfter: nil)),
        Reply(
            kinds: [.openrouter],
            body: ProviderFixture.event(.openrouter, "Hel")
                + #"data: {"text":"**NETWORK ERROR**","error_code":50001}"# + "\n\ndata: [DONE]\n\n",
            reason: .serverError(status: 500, retryAfter: nil)),
        Reply(
            body: #"data: {"object":"error","message":"Internal Server Error","code":500}"# + "\n\ndata: [DONE]\n\n",
            reason: .serverError(status: 500, retryAfter: nil)),
        Reply(
            body: #"{"object":"error","message":"engine is dead","type":"InternalServerError","code":503}"#,
            reason: .serverError(status: 503, retryAfter: nil)),
        Reply(
            kinds: [.openrouter], body: #"data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}"# + "\n\n",
            reason: .filtered(reason: "content_filter")),
        Reply(
            kinds: [.openrouter], body: #"data: {"choices":[{"delta":{},"finish_reason":"error"}]}"# + "\n\n",
            reason: .serverError(status: 500, retryAfter: nil)),
    ]

    @Test(arguments: replies)
    func namesTheReason(reply: Reply) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            while connection.readRequest() != nil {
                try connection.answer(status: reply.status, headers: reply.headers, reply.body)
            }
        })
        for kind in reply.kinds {
            let fixture = try ProviderFixture(kind, server)
            let failure = failure(await fixture.ask())
            #expect(failure?.reason == reply.reason, "\(kind)")
            #expect(failure?.provider == "\(kind)")
        }
    }

    /// By status, in the midst of a stream, and where the log's limit would cut the key in half.
    @Test(arguments: [
        ("401 No", #"{"error":{"message":"Incorrect key: secret-key."}}"#),
        ("200 OK", "data: " + #"{"error":{"code":401,"message":"Incorrect key: secret-key."}}"# + "\n\n"),
        ("401 No", #"{"error":{"message":"\#(String(repeating: ".", count: 295))secret-key"}}"#),
    ])
    func keepsTheKeyOutOfTheDetail(status: String, body: String) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.answer(status: status, body)
        })
        for kind in Kind.allCases {
            let failure = failure(try await ProviderFixture(kind, server).ask())
            let detail = try #require(failure?.detail)
            #expect(detail.hasPrefix("HTTP 401: "))
            #expect(!detail.replacing("(secret)", with: "").contains("secre"))
        }
    }

    @Test func dropsControlCharactersFromAnAnswer() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.answer(
                status: "200 OK",
                "data: "
                    + #"{"model":"m\u0000n","choices":[{"delta":{"content":"ab\u0000c\u001b\td\r\n"},"finish_reason":"stop"}]}"#
                    + "\n\n")
        })
        let answer = try await ProviderFixture(.openrouter, server).ask().get()
        #expect(answer.text == "abc\td\n" && answer.model == "mn")
    }

    @Test(arguments: Kind.allCases, [false, true])
    func reportsAHangUpAfterTextAsTruncated(kind: Kind, reset: Bool) async throws {
        let taken = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer { listener in
            guard let connection = listener.accept() else { return }
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk(ProviderFixture.event(kind, "Hel"))
            _ = listener.accept()
            if reset { connection.resetOnClose() }
        }
        let fixture = try ProviderFixture(kind, server)
        let seen = Seen<String>()
        // A second call is the sign that the first one's text has arrived.
        let second = Task {
            for await _ in taken.stream { return await fixture.reason() }
            return nil
        }
        let result = await fixture.ask(
            onDelta: Watcher { delta in
                seen.append(delta.text)
                taken.continuation.finish(after: ())
            })
        #expect(failure(result)?.reason == .truncated)
        #expect(seen.all == ["Hel"])
        #expect(await second.value == .unreachable)
    }

    @Test func reportsARefusedConnectionAsUnreachable() async throws {
        let model = try OpenAICompatible(
            .openai, key: nil, model: "m", baseURL: "http://127.0.0.1:1", upstream: Upstream())
        let failure = await #expect(throws: ModelFailure.self) {
            try await model.answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
        }
        #expect(failure?.reason == .unreachable)
    }
}

extension AsyncStream<Void>.Continuation {
    fileprivate func finish(after element: Void) {
        yield(element)
        finish()
    }
}
