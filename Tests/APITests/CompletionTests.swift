import Chat
import Foundation
import Synchronization
import Testing

/// OpenAI's chat completions, to the letter that its clients look at.
@Suite(.timeLimit(.minutes(1))) struct CompletionTests {
    private func ask(_ stage: Stage, _ token: String, _ members: String, headers: [String: String] = [:]) async -> Reply
    {
        await stage.post(
            "/v1/chat/completions", token: token,
            #"{"model":"scripted-1","messages":[{"role":"user","content":"hello"}]\#(members.isEmpty ? "" : ",")\#(members)}"#,
            headers: headers)
    }

    /// Expects OpenAI's error object.
    private func expect(
        _ reply: Reply, _ status: Int, param: String? = nil, code: String? = nil, _ note: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = reply.openAIError
        #expect(reply.status == status && error != nil, note, sourceLocation: sourceLocation)
        #expect(error?["param"] as? String == param, note, sourceLocation: sourceLocation)
        #expect(error?["code"] as? String == code, note, sourceLocation: sourceLocation)
    }

    @Test func aWholeReplyHasWhatItsClientsNeed() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        for cache in ["miss", "hit"] {
            let reply = await ask(stage, token, "")
            #expect(reply.status == 200 && reply.text("object") == "chat.completion")
            #expect(reply.text("id")?.hasPrefix("chatcmpl-") == true && (reply.number("created") ?? 0) > 1_700_000_000)
            #expect(reply.text("model") == "scripted-1" && reply.header("x-parley-cache") == cache)
            let choice = try #require((reply.json["choices"] as? [[String: Any]])?.first)
            #expect(choice["index"] as? Int == 0 && choice["finish_reason"] as? String == "stop")
            let message = try #require(choice["message"] as? [String: Any])
            #expect(message["role"] as? String == "assistant" && message["content"] as? String == "You asked.")
            #expect(
                reply.json["usage"] as? [String: Int] == [
                    "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5,
                ])
        }
        #expect(stage.log.lines.last?["route"] == "/v1/chat/completions")
    }

    @Test(arguments: [false, true])
    func aStreamIsARoleThenTextThenItsEnd(_ includesUsage: Bool) async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let options = includesUsage ? #","stream_options":{"include_usage":true}"# : ""
        for _ in 0..<2 {
            let reply = await ask(stage, token, #""stream":true\#(options)"#)
            #expect(reply.header("content-type") == "text/event-stream; charset=utf-8")
            #expect(reply.body.hasSuffix("data: [DONE]\n\n"))
            let chunks = reply.chunks
            #expect(Set(chunks.compactMap { $0["id"] as? String }).count == 1)
            #expect(chunks.allSatisfy { $0["object"] as? String == "chat.completion.chunk" })
            let choices = chunks.compactMap { ($0["choices"] as? [[String: Any]])?.first }
            let deltas = choices.compactMap { $0["delta"] as? [String: Any] }
            #expect(deltas.first?["role"] as? String == "assistant" && deltas.first?["content"] as? String == "")
            #expect(deltas.dropFirst().compactMap { $0["content"] as? String }.joined() == "You asked.")
            #expect(deltas.last?.isEmpty == true && choices.last?["finish_reason"] as? String == "stop")
            #expect(choices.dropLast().allSatisfy { $0["finish_reason"] is NSNull })
            #expect(chunks.count == choices.count + (includesUsage ? 1 : 0))
            guard includesUsage else { continue }
            #expect((chunks.last?["choices"] as? [Any])?.isEmpty == true)
            #expect((chunks.last?["usage"] as? [String: Int])?["total_tokens"] == 5)
            #expect(chunks.dropLast().allSatisfy { $0["usage"] is NSNull })
        }
    }

    @Test func messagesAndParametersReachTheModelAsTheyCame() async throws {
        let stage = try await Stage()
        let reply = await stage.post(
            "/v1/chat/completions", token: try await stage.logIn(),
            #"""
            {"model":"gpt-4o","messages":[
                {"role":"developer","content":"Be <b>brief</b>."},{"role":"user","content":[{"type":"text","text":"one"},
                {"type":"text","text":"two"}],"name":"ann"},{"role":"assistant","content":null},
                {"role":"assistant","content":[{"type":"refusal","refusal":"no"}],"refusal":null},
                {"role":"assistant","content":null,"refusal":"never","function_call":null,"audio":null,"tool_calls":[]},
                {"role":"user","content":" List<Item> <b>x</b>\r\n\u0007"}],
             "temperature":null,"top_p":0.5,"max_tokens":9,"max_completion_tokens":7,"stop":["a","b"],"seed":-5,
             "presence_penalty":0,"frequency_penalty":-1.5,"reasoning_effort":"low","verbosity":"high",
             "response_format":{"type":"json_schema","json_schema": {"schema":{"type":"object", "b":1.0}, "name":"n"}},
             "n":1,"logprobs":false,"store":false,"user":"u","metadata":{"a":"b"},"tools":[],"tool_choice":"auto",
             "parallel_tool_calls":true,"service_tier":"auto","logit_bias":{},"prompt_cache_key":"k","never_heard_of":1}
            """#)
        #expect(reply.status == 200, "\(reply.body)")
        let asked = try #require(stage.model.requests.withLock { $0.first })
        #expect(
            asked.messages == [
                ChatMessage(role: .system, text: "Be <b>brief</b>."),
                ChatMessage(role: .user, name: "ann", text: "one\ntwo"), ChatMessage(role: .assistant, text: ""),
                ChatMessage(role: .assistant, text: "no"), ChatMessage(role: .assistant, text: "never"),
                .user(" List<Item> <b>x</b>\n"),
            ])
        #expect(asked.model == "scripted-1" && asked.temperature == nil && asked.maxTokens == 7)
        var sampling = Sampling()
        sampling.topP = 0.5
        sampling.stop = ["a", "b"]
        sampling.seed = -5
        sampling.frequencyPenalty = -1.5
        sampling.reasoningEffort = "low"
        sampling.verbosity = "high"
        sampling.format = .jsonSchema(#"{"schema":{"type":"object", "b":1.0}, "name":"n"}"#)
        #expect(asked.sampling == sampling)
    }

    @Test func whatIsNullIsAsGoodAsNotThere() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        #expect(await ask(stage, token, "").status == 200)
        let names = [
            "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
            "max_completion_tokens", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "prediction",
            "presence_penalty", "prompt_cache_key", "reasoning_effort", "response_format", "safety_identifier", "seed",
            "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools",
            "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
        ]
        for name in names {
            let reply = await ask(stage, token, #""\#(name)":null"#)
            #expect(reply.status == 200 && reply.header("x-parley-cache") == "hit", "\(name): \(reply.body)")
        }
        let harmless =
            #""stop":"","store":false,"n":1,"logprobs":false,"top_logprobs":0,"modalities":["text"],"functions":[],"#
            + #""function_call":"none","prediction":{"type":"content","content":"a"},"metadata":{},"logit_bias":{}"#
        #expect(await ask(stage, token, harmless).header("x-parley-cache") == "hit")
    }

    @Test func everyParameterThatDecidesTheAnswerIsAnotherQuestion() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let variants = [
            "", #""temperature":0"#, #""top_p":0.5"#, #""max_tokens":5"#, #""stop":"x""#, #""stop":["x","y"]"#,
            #""seed":1"#, #""presence_penalty":1"#, #""frequency_penalty":1"#, #""reasoning_effort":"low""#,
            #""verbosity":"low""#, #""response_format":{"type":"json_object"}"#,
            #""response_format":{"type":"json_schema","json_schema":{"name":"a"}}"#,
            #""response_format":{"type":"json_schema","json_schema":{"name":"b"}}"#,
        ]
        for variant in variants {
            #expect(await ask(stage, token, variant).header("x-parley-cache") == "miss", "\(variant)")
            #expect(
                await ask(stage, token, variant + (variant.isEmpty ? "" : ",") + #""user":"u""#)
                    .header("x-parley-cache") == "hit", "\(variant)")
        }
    }

    @Test(arguments: [
        (#""temperature":9"#, "temperature"), (#""temperature":"1""#, "temperature"), (#""top_p":2"#, "top_p"),
        (#""max_tokens":0"#, "max_tokens"), (#""max_completion_tokens":1.5"#, "max_completion_tokens"),
        (#""stop":["a","b","c","d","e"]"#, "stop"), (#""stop":7"#, "stop"), (#""seed":"a""#, "seed"),
        (#""presence_penalty":3"#, "presence_penalty"), (#""stream":"yes""#, "stream"),
        (#""response_format":{"type":"xml"}"#, "response_format.type"),
        (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema"),
        (#""stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (#""stream_options":true"#, "stream_options"),
        (
            #""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":[]}}"#,
            "response_format.json_schema.schema"
        ),
    ])
    func aParameterOutOfRangeIsNamed(_ member: String, _ param: String) async throws {
        let stage = try await Stage()
        expect(await ask(stage, try await stage.logIn(), member), 400, param: param, code: "invalid_value")
    }

    @Test(arguments: [
        (#""n":2"#, "n"), (#""logprobs":true"#, "logprobs"), (#""store":true"#, "store"),
        (#""logit_bias":{"1":2}"#, "logit_bias"), (#""audio":{}"#, "audio"), (#""modalities":["audio"]"#, "modalities"),
        (#""tools":[{"type":"custom","custom":{"name":"a"}}]"#, "tools[0].type"), (#""functions":[{}]"#, "functions"),
        (#""function_call":{"name":"a"}"#, "function_call"),
        (#""top_logprobs":2"#, "top_logprobs"), (#""web_search_options":{}"#, "web_search_options"),
        (#""service_tier":"flex""#, "service_tier"),
    ])
    func whatIsNotDoneIsRefusedByName(_ member: String, _ param: String) async throws {
        let stage = try await Stage()
        expect(await ask(stage, try await stage.logIn(), member), 400, param: param, code: "unsupported_parameter")
    }

    @Test(arguments: [
        (#"{"messages":[]}"#, "model", "invalid_value"), (#"{"model":"scripted-1"}"#, "messages", "invalid_value"),
        (#"{"model":"scripted-1","messages":[]}"#, "messages", "invalid_value"),
        (#"{"model":"scripted-1","messages":[{"role":"robot","content":"a"}]}"#, "messages[0].role", "invalid_value"),
        (#"{"model":"scripted-1","messages":[{"role":"user"}]}"#, "messages[0].content", "invalid_value"),
        (#"{"model":"scripted-1","messages":[{"role":"user","content":5}]}"#, "messages[0].content", "invalid_value"),
        (#"{"model":"scripted-1","messages":["hello"]}"#, "messages[0].role", "invalid_value"),
        (
            #"{"model":"scripted-1","messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
            "messages[0].content[0].type", "unsupported_parameter"
        ),
        (
            #"{"model":"scripted-1","messages":[{"role":"tool","content":"a","tool_call_id":"b"}]}"#,
            "messages[0].tool_call_id", "invalid_value"
        ),
        (
            #"{"model":"scripted-1","messages":[{"role":"function","content":"a","name":"b"}]}"#,
            "messages[0].role", "unsupported_parameter"
        ),
        (
            #"{"model":"scripted-1","messages":[{"role":"assistant","content":null,"function_call":{"name":"b"}}]}"#,
            "messages[0].function_call", "unsupported_parameter"
        ),
        (
            #"{"model":"scripted-1","messages":[{"role":"assistant","audio":{"id":"b"}}]}"#, "messages[0].audio",
            "unsupported_parameter"
        ),
        (
            #"{"model":"scripted-1","messages":[{"role":"user","content":"a","name":5}]}"#, "messages[0].name",
            "invalid_value"
        ),
    ])
    func messagesAreCheckedOneByOne(_ body: String, _ param: String, _ code: String) async throws {
        let stage = try await Stage()
        let reply = await stage.post("/v1/chat/completions", token: try await stage.logIn(), body)
        expect(reply, 400, param: param, code: code)
    }

    @Test func everyErrorBelowV1IsOpenAIs() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        expect(await ask(stage, "no token", ""), 401, code: "invalid_api_key")
        for path in [
            "/v1/nothing", "/v1/chat/completions/", "/v1/models/", "/v1", "/v1/v1/models", "/v1//chat/completions",
            "/chat/completions", "/models",
        ] {
            let reply = await stage.post(path, token: token, "{}")
            expect(reply, 404, code: "unknown_url", "\(path)")
            #expect(reply.body.contains("ends in /v1"))
        }
        expect(await stage.get("/v1/chat/completions"), 405)
        expect(await stage.post("/v1/chat/completions", token: token, "{"), 400)
        expect(
            await stage.post("/v1/chat/completions", token: token, "{}", headers: ["CONTENT_TYPE": "text/plain"]), 415)
        expect(await ask(stage, token, "", headers: ["CONTENT_ENCODING": "gzip"]), 415)
        for type in ["application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
            #expect(await ask(stage, token, #""seed":1"#, headers: ["CONTENT_TYPE": type]).status == 200, "\(type)")
        }
        expect(
            await stage.post(
                "/v1/chat/completions", token: token, #"{"model":"other","messages":[{"role":"user","content":"a"}]}"#),
            404, param: "model", code: "model_not_found")
        let blocked = await stage.post(
            "/v1/chat/completions", token: token,
            #"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"'; DROP TABLE users; --"}]}"#)
        expect(blocked, 400, param: "messages[0].content", code: "content_policy_violation")
        #expect(blocked.header("x-should-retry") == "false")
        for (reason, status, code) in [
            (ModelFailure.Reason.unreachable, 503, "unavailable"), (.refused(status: 400), 502, "provider_failed"),
            (.tooLong, 400, "context_length_exceeded"), (.filtered(reason: "SAFETY"), 400, "content_filter"),
        ] {
            stage.model.failure.withLock { $0 = ModelFailure(provider: "scripted", reason: reason, detail: "") }
            let reply = await ask(stage, token, "")
            expect(reply, status, param: code == "context_length_exceeded" ? "messages[0].content" : nil, code: code)
        }
    }

    @Test func aStreamThatBreaksEndsWithAnErrorAndWithoutDone() async throws {
        let stage = try await Stage()
        stage.model.failure.withLock { $0 = ModelFailure(provider: "scripted", reason: .truncated, detail: "") }
        let reply = await ask(stage, try await stage.logIn(), #""stream":true"#)
        #expect(reply.status == 200 && !reply.body.contains("[DONE]"))
        #expect((reply.chunks.last?["error"] as? [String: Any])?["code"] as? String == "unavailable")
    }

    @Test func aSpentQuotaIsNotTriedAgain() async throws {
        let stage = try await Stage(messageLimit: 1)
        let token = try await stage.logIn()
        #expect(await ask(stage, token, "").status == 200)
        let reply = await ask(stage, token, #""seed":1"#)
        expect(reply, 429, code: "insufficient_quota")
        #expect(reply.header("x-should-retry") == "false")
    }

    @Test func aBodyMayBeLongerThanAQuestions() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let turn = #"{"role":"assistant","content":"\#(String(repeating: "a", count: 1_000))"},"#
        func body(_ turns: Int) -> String {
            #"{"model":"scripted-1","messages":[\#(String(repeating: turn, count: turns)){"role":"user","content":"b"}]}"#
        }
        #expect(await stage.post("/v1/chat/completions", token: token, body(1_000)).status == 200)
        expect(await stage.post("/v1/chat/completions", token: token, body(5_000)), 413, code: "request_too_large")
        #expect(
            await stage.post("/chat", token: token, #"{"message":"\#(String(repeating: " ", count: 131_072))a"}"#)
                .status == 413)
    }
}
