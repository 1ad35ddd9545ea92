import Chat
import StrictJSON
import Support
import Synchronization
import Testing

@testable import Models

/// Tools on the wires of both kinds of providers, in the forms that their documentation shows.
@Suite(.timeLimit(.minutes(2))) struct ToolCallTests {
    static let definitions =
        #"[{"type":"function","function":{"name":"get_weather","description":"Now","strict":true,"parameters":{"type":"object","properties":{"unit":{"type":"string"},"city":{"type":"string"}},"required":["city"]}}},{"type":"function","function":{"name":"now"}}]"#

    static func request(
        choice: String? = nil, parallelCalls: Bool? = nil, signature: String = "", format: Sampling.Format? = nil
    ) -> ModelRequest {
        let extra = signature.isEmpty ? "" : #","extra_content":{"google":{"thought_signature":"\#(signature)"}}"#
        var sampling = Sampling()
        sampling.format = format
        return ModelRequest(
            messages: [
                .user("Weather?"),
                ChatMessage(
                    role: .assistant, text: "",
                    toolCalls:
                        #"[{"type":"function","id":"c1","function":{"name":"get_weather","arguments":"{\"unit\":\"C\",\"city\":\"Paris\"}"}\#(extra)},{"id":"c2","type":"function","function":{"name":"now","arguments":""}}]"#
                ),
                ChatMessage(role: .tool, text: #"{"sky":"grey","at":1.0}"#, toolCallID: "c1"),
                ChatMessage(role: .tool, text: "noon", toolCallID: "c2"),
            ], temperature: nil, maxTokens: 50, sampling: sampling,
            tools: Tools(definitions: definitions, choice: choice, parallelCalls: parallelCalls))
    }

    /// What a provider was sent and what came of its reply.
    private func ask(_ kind: ProviderFixture.Kind, _ request: ModelRequest, reply: [String]) async throws -> (
        body: String, answer: ModelAnswer, deltas: [AnswerDelta]
    ) {
        let bodies = Seen<String>()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            guard let asked = connection.readRequest() else { return }
            bodies.append(String(decoding: asked.body, as: UTF8.self))
            try connection.begin()
            for event in reply { try connection.chunk("data: \(event)\n\n") }
            try connection.chunk("")
        })
        let deltas = Seen<AnswerDelta>()
        let answer = try await ProviderFixture(kind, server).model
            .answer(request, by: .now + .seconds(60), onDelta: Watcher { deltas.append($0) })
        return (try #require(bodies.all.first), answer, deltas.all)
    }

    static let openAIReply = [
        #"{"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"get_weather","arguments":""}}]},"finish_reason":null}]}"#,
        #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]},"finish_reason":null}]}"#,
        #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Paris\"}"}}]},"finish_reason":null}]}"#,
        #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"now","arguments":"{}"}}]},"finish_reason":null}]}"#,
        #"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        #"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#, "[DONE]",
    ]

    @Test func anOpenAICompatibleProviderGetsThemAsTheyAreAndItsFragmentsPass() async throws {
        let choice = #"{"type":"function","function":{"name":"now"}}"#
        let (body, answer, deltas) = try await ask(
            .openrouter, Self.request(choice: choice, parallelCalls: true), reply: Self.openAIReply)
        #expect(body.contains(#""tools":\#(Self.definitions),"tool_choice":\#(choice),"parallel_tool_calls":true"#))
        #expect(
            body.contains(
                #"{"role":"assistant","content":null,"tool_calls":[{"type":"function","id":"c1","function":{"name":"get_weather","arguments":"{\"unit\":\"C\",\"city\":\"Paris\"}"}},"#
            ))
        #expect(body.contains(#"{"role":"tool","content":"noon","tool_call_id":"c2"}"#))
        #expect(
            answer.toolCalls == [
                ToolCall(id: "call_a", name: "get_weather", arguments: #"{"city":"Paris"}"#),
                ToolCall(id: "call_b", name: "now", arguments: "{}"),
            ])
        #expect(answer.text.isEmpty && answer.finishReason == .toolCalls && answer.usage.total == 9)
        #expect(
            deltas == [
                .toolCall(ToolCallDelta(index: 0, id: "call_a", name: "get_weather", arguments: "")),
                .toolCall(ToolCallDelta(index: 0, id: nil, name: nil, arguments: #"{"city":"#)),
                .toolCall(ToolCallDelta(index: 0, id: nil, name: nil, arguments: #""Paris"}"#)),
                .toolCall(ToolCallDelta(index: 1, id: "call_b", name: "now", arguments: "{}")),
            ])
    }

    /// What servers make of the numbers, ids and forms: each is two calls.
    @Test(arguments: [
        // Every call with the number zero, and the reason of a text.
        [
            #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"now","arguments":"{}"}}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"now","arguments":"{}"}}]},"finish_reason":"stop"}]}"#,
        ],
        // A new id for every fragment.
        [
            #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"now","arguments":"{"}},{"index":1,"id":"b","function":{"name":"now","arguments":"{}"}}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"z","function":{"name":null,"arguments":"}"}}]},"finish_reason":"tool_calls"}]}"#,
        ],
        // Neither numbers nor ids, and arguments that are no text.
        [
            #"{"choices":[{"message":{"tool_calls":[{"function":{"name":"now","arguments":{}}},{"function":{"name":"now","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#
        ],
    ])
    func everyServersCallsAreToldApart(_ events: [String]) async throws {
        let calls = try await ask(.openrouter, Self.request(), reply: events).answer.toolCalls
        #expect(calls.map(\.name) == ["now", "now"] && calls.map(\.arguments) == ["{}", "{}"])
        #expect(Set(calls.map(\.id)).count == 2 && calls.allSatisfy { !$0.id.isEmpty })
    }

    static let geminiReply = [
        #"{"candidates":[{"content":{"role":"model","parts":[{"text":"Let me see. "},{"functionCall":{"name":"get_weather","args":{"city":"Paris"}},"thoughtSignature":"c2ln"}]}}]}"#,
        #"{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"g2","name":"now"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}}"#,
    ]

    @Test func geminiGetsThemInItsOwnFormAndItsCallsAreOpenAIs() async throws {
        let (body, answer, deltas) = try await ask(
            .gemini, Self.request(choice: #""auto""#, signature: "b2xk"), reply: Self.geminiReply)
        let expected = #"""
            {"contents":[{"role":"user","parts":[{"text":"Weather?"}]},
              {"role":"model","parts":[
                {"functionCall":{"id":"c1","name":"get_weather","args":{"unit":"C","city":"Paris"}},"thoughtSignature":"b2xk"},
                {"functionCall":{"id":"c2","name":"now","args":{}}}]},
              {"role":"user","parts":[
                {"functionResponse":{"id":"c1","name":"get_weather","response":{"sky":"grey","at":1.0}}},
                {"functionResponse":{"id":"c2","name":"now","response":{"result":"noon"}}}]}],
             "tools":[{"functionDeclarations":[
                {"name":"get_weather","description":"Now","parametersJsonSchema":{"type":"object","properties":
                    {"unit":{"type":"string"},"city":{"type":"string"}},"required":["city"]}},
                {"name":"now","description":""}]}],
             "toolConfig":{"functionCallingConfig":{"mode":"AUTO"}},"generationConfig":{"maxOutputTokens":50}}
            """#
        #expect(try JSON(parsing: Array(body.utf8)) == JSON(parsing: Array(expected.utf8)))
        #expect(body.contains(#"{"unit":{"type":"string"},"city":{"type":"string"}}"#), "the schema's own order")
        let made = try #require(answer.toolCalls.first?.id)
        #expect(made.hasPrefix("call_") && made.count == 29)
        #expect(
            answer.toolCalls == [
                ToolCall(id: made, name: "get_weather", arguments: #"{"city":"Paris"}"#, thoughtSignature: "c2ln"),
                ToolCall(id: "g2", name: "now", arguments: "{}"),
            ])
        #expect(answer.text == "Let me see. " && answer.finishReason == .toolCalls && answer.usage.total == 7)
        #expect(
            deltas == [
                .text("Let me see. "),
                .toolCall(
                    ToolCallDelta(
                        index: 0, id: made, name: "get_weather", arguments: #"{"city":"Paris"}"#,
                        thoughtSignature: "c2ln")),
                .toolCall(ToolCallDelta(index: 1, id: "g2", name: "now", arguments: "{}")),
            ])
    }

    /// Gemini cannot be told so, and some of the others do not listen.
    @Test(arguments: ProviderFixture.Kind.allCases) func whoWantsOneCallAtATimeGetsOne(_ kind: ProviderFixture.Kind)
        async throws
    {
        let (body, answer, deltas) = try await ask(
            kind, Self.request(parallelCalls: false), reply: kind == .gemini ? Self.geminiReply : Self.openAIReply)
        #expect(body.contains(#""parallel_tool_calls":false"#) == (kind != .gemini))
        #expect(answer.toolCalls.map(\.arguments) == [#"{"city":"Paris"}"#] && answer.finishReason == .toolCalls)
        let pieces = deltas.compactMap { if case .toolCall(let call) = $0 { call } else { nil } }
        #expect(pieces.allSatisfy { $0.index == 0 } && pieces.map(\.arguments).joined() == #"{"city":"Paris"}"#)
        #expect(answer.usage.total == (kind == .gemini ? 7 : 9), "what was made is paid for")
    }

    @Test(arguments: [
        (#""none""#, #"{"mode":"NONE"}"#), (#""required""#, #"{"mode":"ANY"}"#),
        (
            #"{"type":"function","function":{"name":"now"}}"#, #"{"mode":"ANY","allowedFunctionNames":["now"]}"#
        ),
        (
            #"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"now"}}]}}"#,
            #"{"mode":"ANY","allowedFunctionNames":["now"]}"#
        ),
        (
            #"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"now"}}]}}"#,
            #"{"mode":"VALIDATED","allowedFunctionNames":["now"]}"#
        ),
    ])
    func geminiIsToldWhichToChoose(_ choice: String, _ config: String) throws {
        let body = try JSON(parsing: Gemini.body(Self.request(choice: choice)))
        #expect(try body["toolConfig"]?["functionCallingConfig"] == JSON(parsing: Array(config.utf8)))
    }

    @Test func geminiGetsAMarkForCallsThatHaveNone() {
        func count(_ request: ModelRequest, _ needsSignature: Bool) -> Int {
            String(decoding: Gemini.body(request, needsSignature: needsSignature), as: UTF8.self)
                .split(separator: "skip_thought_signature_validator", omittingEmptySubsequences: false).count - 1
        }
        #expect(count(Self.request(), true) == 1 && count(Self.request(), false) == 0)
        #expect(count(Self.request(signature: "b2xk"), true) == 0)
    }

    @Test(arguments: ProviderFixture.Kind.allCases) func theSchemaOfAnAnswerKeepsItsOrder(_ kind: ProviderFixture.Kind)
        async throws
    {
        var sampling = Sampling()
        sampling.format = .jsonSchema(#"{"name":"n","schema":{"type":"object","properties":{"z":{},"a":{}}}}"#)
        let request = ModelRequest(messages: [.user("q")], temperature: nil, maxTokens: 5, sampling: sampling)
        let reply = [ProviderFixture.event(kind, "{}"), ProviderFixture.end(kind)].map {
            String($0.dropFirst("data: ".count).prefix { $0 != "\n" && $0 != "\r\n" })
        }
        #expect(try await ask(kind, request, reply: reply).body.contains(#"{"z":{},"a":{}}"#))
    }

    @Test func aCallThatIsCutByLengthSaysSo() async throws {
        let answer = try await ask(
            .openrouter, Self.request(),
            reply: [
                Self.openAIReply[0], Self.openAIReply[1],
                #"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
            ]
        ).answer
        #expect(answer.finishReason == .length && answer.toolCalls.first?.arguments == #"{"city":"#)
    }

    @Test(arguments: ProviderFixture.Kind.allCases) func aCallIsNoAnswerWhereThereAreNoTools(
        _ kind: ProviderFixture.Kind
    ) async throws {
        let call =
            kind == .gemini
            ? #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"now"}}]},"finishReason":"STOP"}]}"#
            : #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"now","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#
        let failure = await #expect(throws: ModelFailure.self) {
            try await ask(kind, try ProviderFixture.request(), reply: [call])
        }
        #expect(failure?.reason == .empty)
    }

    @Test func onlyAProviderThatTakesToolsIsAsked() async throws {
        let second = ScriptedModel("b", [.answer("ok")])
        let fallback = Fallback([Echo(), second], names: ["echo-1", "m"])
        #expect(try await fallback.answer(Self.request(), by: .now + .seconds(60), onDelta: nil).provider == "b")
        #expect(fallback.supports(Self.request()) && !Fallback([Echo()]).supports(Self.request()))
        var sampling = Sampling()
        sampling.format = .jsonSchema(#"{"name":"n"}"#)
        let structured = ModelRequest(messages: [.user("q")], temperature: nil, maxTokens: 5, sampling: sampling)
        #expect(fallback.supports(structured) && !Fallback([Echo()]).supports(structured))
        let failing = ScriptedModel("a", [.failure(.unreachable)])
        let failure = await #expect(throws: ModelFailure.self) {
            try await Fallback([failing, Echo()]).answer(Self.request(), by: .now + .seconds(60), onDelta: nil)
        }
        #expect(failure?.reason == .unreachable)
        let old = try Gemini(key: "k", model: "gemini-2.5-flash", upstream: Upstream())
        #expect(old.supports(Self.request()) && !old.supports(Self.request(format: .jsonObject)))
    }

    @Test func nothingStartsOverOnceTheCallerHasSeenACall() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk("data: \(Self.openAIReply[0])\n\n")
        })
        let second = ScriptedModel("b", [.answer("ok")])
        let first = try ProviderFixture(.openrouter, server).model
        let seen = Seen<AnswerDelta>()
        let failure = await #expect(throws: ModelFailure.self) {
            try await Fallback([first, second]).answer(
                Self.request(), by: .now + .seconds(60), onDelta: Watcher { seen.append($0) })
        }
        #expect(failure?.reason == .truncated && second.calls == 0 && seen.all.count == 1)
        let plain = try await Fallback([first, second]).answer(Self.request(), by: .now + .seconds(60), onDelta: nil)
        #expect(plain.provider == "b")
    }
}
