import Chat
import Foundation
import Synchronization
import Testing

/// Tools in OpenAI's chat completions: what reaches the model, what comes back, and what is refused.
@Suite(.timeLimit(.minutes(1))) struct ToolTests {
    static let weather =
        #"{"type":"function", "function":{"name":"weather","parameters":{"type":"object","properties":{"z":{},"a":{}}}}}"#
    static let tools = #""tools": [ \#(weather) ]"#
    static let hello = #"{"role":"user","content":"hello"}"#
    static let called =
        #"{"role":"assistant","content":null,"tool_calls":[ {"type":"function","id":"c1","function":{"name":"weather","arguments":"{\"z\":1,\"a\":2}"}} ]}"#

    private func ask(_ stage: Stage, _ token: String, _ members: String, messages: String = hello) async -> Reply {
        await stage.post(
            "/v1/chat/completions", token: token, #"{"model":"scripted-1","messages":[\#(messages)],\#(members)}"#)
    }

    private func stageWithCalls(cachesTools: Bool = false) async throws -> Stage {
        let stage = try await Stage(cachesTools: cachesTools)
        stage.model.pieces.withLock { $0 = [] }
        stage.model.toolCalls.withLock {
            $0 = [
                ToolCall(id: "c1", name: "weather", arguments: #"{"city":"Paris"}"#),
                ToolCall(id: "c2", name: "time", arguments: #"{"zone":"CET"}"#, thoughtSignature: "c2ln"),
            ]
        }
        return stage
    }

    @Test func toolsAndCallsReachTheModelAsTheyWereWritten() async throws {
        let stage = try await Stage()
        let reply = await ask(
            stage, try await stage.logIn(),
            #"\#(Self.tools),"tool_choice":{"type":"function","function":{"name":"weather"}},"parallel_tool_calls":false"#,
            messages: #"\#(Self.hello),\#(Self.called),{"role":"tool","tool_call_id":"c1","content":"rain"}"#)
        #expect(reply.status == 200, "\(reply.body)")
        let asked = try #require(stage.model.requests.withLock { $0.first })
        #expect(
            asked.tools
                == Tools(
                    definitions: "[ \(Self.weather) ]", choice: #"{"type":"function","function":{"name":"weather"}}"#,
                    parallelCalls: false))
        #expect(
            asked.messages == [
                .user("hello"),
                ChatMessage(
                    role: .assistant, text: "",
                    toolCalls:
                        #"[ {"type":"function","id":"c1","function":{"name":"weather","arguments":"{\"z\":1,\"a\":2}"}} ]"#
                ),
                ChatMessage(role: .tool, text: "rain", toolCallID: "c1"),
            ])
    }

    @Test func aWholeReplyHasTheCalls() async throws {
        let stage = try await stageWithCalls()
        let token = try await stage.logIn()
        let reply = await ask(stage, token, Self.tools)
        let choice = try #require((reply.json["choices"] as? [[String: Any]])?.first)
        #expect(choice["finish_reason"] as? String == "tool_calls")
        let message = try #require(choice["message"] as? [String: Any])
        #expect(message["content"] is NSNull && message["role"] as? String == "assistant")
        let calls = try #require(message["tool_calls"] as? [[String: Any]])
        #expect(calls.map { $0["id"] as? String } == ["c1", "c2"])
        #expect(calls.allSatisfy { $0["type"] as? String == "function" && $0["index"] == nil })
        let functions = calls.compactMap { $0["function"] as? [String: String] }
        #expect(functions.first == ["name": "weather", "arguments": #"{"city":"Paris"}"#])
        #expect(
            (calls[1]["extra_content"] as? [String: [String: String]]) == ["google": ["thought_signature": "c2ln"]])
        let history = await stage.get("/chat/history", token: token)
        let recorded = try #require((history.json["messages"] as? [[String: Any]])?.first)
        #expect(recorded["finish_reason"] as? String == "tool_calls")
        let response = try #require(recorded["response"] as? String)
        #expect(response.contains(#""name":"weather""#) && response.contains(#""arguments":"{\"city\":\"Paris\"}""#))
    }

    @Test(arguments: [false, true]) func aStreamHasTheCallsInFragments(_ isCached: Bool) async throws {
        let stage = try await stageWithCalls(cachesTools: isCached)
        let token = try await stage.logIn()
        if isCached { #expect(await ask(stage, token, Self.tools).status == 200) }
        let reply = await ask(stage, token, #"\#(Self.tools),"stream":true"#)
        #expect(reply.body.hasSuffix("data: [DONE]\n\n"))
        let choices = reply.chunks.compactMap { ($0["choices"] as? [[String: Any]])?.first }
        #expect(choices.last?["finish_reason"] as? String == "tool_calls")
        #expect(choices.dropLast().allSatisfy { $0["finish_reason"] is NSNull })
        let deltas = choices.compactMap { $0["delta"] as? [String: Any] }
        #expect(deltas.last?.isEmpty == true && deltas.first?["tool_calls"] == nil)
        let calls = deltas.compactMap { ($0["tool_calls"] as? [[String: Any]])?.first }
        #expect(calls.count == (isCached ? 2 : 4))
        var arguments = ["", ""]
        for call in calls {
            let index = try #require(call["index"] as? Int)
            let function = try #require(call["function"] as? [String: String])
            #expect((call["id"] != nil) == arguments[index].isEmpty)
            #expect((call["type"] as? String == "function") == (call["id"] != nil))
            #expect((function["name"] != nil) == (call["id"] != nil))
            arguments[index] += function["arguments"] ?? ""
        }
        #expect(arguments == [#"{"city":"Paris"}"#, #"{"zone":"CET"}"#])
        #expect(stage.model.requests.withLock { $0.count } == 1)
    }

    @Test func requestsWithToolsAreNotAnsweredFromTheCacheUnlessAsked() async throws {
        for (cachesTools, expected) in [(false, "miss"), (true, "hit")] {
            let stage = try await stageWithCalls(cachesTools: cachesTools)
            let token = try await stage.logIn()
            for messages in [
                Self.hello, #"\#(Self.hello),\#(Self.called),{"role":"tool","tool_call_id":"c1","content":"x"}"#,
            ] {
                let first = await ask(stage, token, Self.tools, messages: messages)
                let second = await ask(stage, token, Self.tools, messages: messages)
                #expect(first.header("x-parley-cache") == "miss" && second.header("x-parley-cache") == expected)
                let choices = [first, second].map { $0.json["choices"] as? NSArray }
                #expect(choices[0] != nil && choices[0] == choices[1])
            }
            let other = await ask(stage, token, #"\#(Self.tools),"tool_choice":"none""#)
            #expect(other.header("x-parley-cache") == "miss")
        }
    }

    @Test func aServerWithoutToolsRefusesThemByName() async throws {
        let stage = try await Stage()
        stage.model.takesTools.withLock { $0 = false }
        let reply = await ask(stage, try await stage.logIn(), Self.tools)
        let error = reply.openAIError
        #expect(reply.status == 400 && error?["param"] as? String == "tools")
        #expect(error?["code"] as? String == "unsupported_parameter")
    }

    @Test func aConversationOfAHundredToolTurnsPasses() async throws {
        let stage = try await Stage()
        let turns = (1...100).map { number in
            let calls = (0..<2).map {
                #"{"id":"c\#(number)-\#($0)","type":"function","function":{"name":"weather","arguments":"{}"}}"#
            }
            return #"{"role":"assistant","tool_calls":[\#(calls.joined(separator: ","))]},"#
                + #"{"role":"tool","tool_call_id":"c\#(number)-1","content":"one"},"#
                + #"{"role":"tool","tool_call_id":"c\#(number)-0","content":"two"}"#
        }
        let token = try await stage.logIn()
        let reply = await ask(stage, token, Self.tools, messages: ([Self.hello] + turns).joined(separator: ","))
        #expect(reply.status == 200, "\(reply.body)")
        #expect(stage.model.requests.withLock { $0.first?.messages.count } == 301)
        let history = await stage.get("/chat/history", token: token)
        #expect((history.json["messages"] as? [[String: Any]])?.first?["message"] as? String == "one\ntwo")
    }

    @Test(arguments: [
        (#""tools":{}"#, "tools"), (#""tools":[5]"#, "tools[0].type"),
        (#""tools":[{"type":"robot"}]"#, "tools[0].type"),
        (#""tools":[{"type":"function"}]"#, "tools[0].function"),
        (#""tools":[{"type":"function","function":{"name":"a b"}}]"#, "tools[0].function.name"),
        (
            #""tools":[{"type":"function","function":{"name":"a","parameters":"x"}}]"#, "tools[0].function.parameters"
        ),
        (#""tools":[\#(weather),\#(weather)]"#, "tools[1].function.name"),
        (#""tool_choice":"required""#, "tool_choice"), (#"\#(tools),"tool_choice":"sometimes""#, "tool_choice"),
        (
            #"\#(tools),"tool_choice":{"type":"function","function":{"name":"other"}}"#, "tool_choice.function.name"
        ),
        (#"\#(tools),"tool_choice":{"type":"allowed_tools"}"#, "tool_choice.allowed_tools.mode"),
        (#"\#(tools),"parallel_tool_calls":"no""#, "parallel_tool_calls"),
    ])
    func toolsAreCheckedOneByOne(_ members: String, _ param: String) async throws {
        let stage = try await Stage()
        let reply = await ask(stage, try await stage.logIn(), members)
        let error = reply.openAIError
        #expect(reply.status == 400 && error?["param"] as? String == param, "\(reply.body)")
    }

    @Test(arguments: [
        (#"{"role":"tool","tool_call_id":"c1","content":"x"}"#, "messages[1].tool_call_id"),
        (#"\#(called),{"role":"tool","tool_call_id":"c2","content":"x"}"#, "messages[2].tool_call_id"),
        (#"\#(called),{"role":"tool","content":"x"}"#, "messages[2].tool_call_id"),
        (#"\#(called),{"role":"tool","tool_call_id":"c1"}"#, "messages[2].content"),
        (#"\#(called),\#(hello)"#, "messages[1].tool_calls"), (called, "messages[1].tool_calls"),
        (
            #"\#(called),{"role":"tool","tool_call_id":"c1","content":"x"},{"role":"tool","tool_call_id":"c1","content":"x"}"#,
            "messages[3].tool_call_id"
        ),
        (#"{"role":"assistant","tool_calls":{}}"#, "messages[1].tool_calls"),
        (#"{"role":"assistant","tool_calls":[{}]}"#, "messages[1].tool_calls[0].id"),
        (#"{"role":"assistant","tool_calls":[{"id":"a"}]}"#, "messages[1].tool_calls[0].function.name"),
        (
            #"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"b","arguments":{}}}]}"#,
            "messages[1].tool_calls[0].function.arguments"
        ),
    ])
    func resultsFollowTheirCalls(_ messages: String, _ param: String) async throws {
        let stage = try await Stage()
        let reply = await ask(stage, try await stage.logIn(), Self.tools, messages: "\(Self.hello),\(messages)")
        let error = reply.openAIError
        #expect(reply.status == 400 && error?["param"] as? String == param, "\(reply.body)")
    }
}
