import Chat
import StrictJSON
import Testing

@testable import Models

/// What of a request reaches the wire, beside what is on it in every request.
@Suite(.timeLimit(.minutes(1))) struct RequestBodyTests {
    private func gemini(_ messages: [ChatMessage], _ format: Sampling.Format? = nil) throws -> JSON {
        var sampling = Sampling()
        sampling.format = format
        return try JSON(
            parsing: Gemini.body(ModelRequest(messages: messages, temperature: nil, maxTokens: 5, sampling: sampling)))
    }

    /// It refuses both a part without text and a request without contents.
    @Test func geminiGetsNoEmptyPartAndAlwaysAMessage() throws {
        let instructions = [ChatMessage(role: .system, text: "Be brief."), ChatMessage(role: .system, text: "")]
        let body = try gemini(instructions + [ChatMessage(role: .assistant, text: "")])
        let expected = #"{"parts":[{"text":"Be brief."}]}"#
        #expect(try body["systemInstruction"] == JSON(parsing: Array(expected.utf8)))
        let contents = #"[{"role":"user","parts":[{"text":" "}]}]"#
        #expect(try body["contents"] == JSON(parsing: Array(contents.utf8)))
        #expect(try gemini([ChatMessage(role: .system, text: ""), .user("q")])["systemInstruction"] == nil)
    }

    @Test func aFormMayLackItsSchema() throws {
        for schema in [#"{"name":"n"}"#, #"{"name":"n","schema":null}"#] {
            let config = try gemini([.user("q")], .jsonSchema(schema))["generationConfig"]
            #expect(config?["responseMimeType"]?.string == "application/json" && config?["responseJsonSchema"] == nil)
        }
    }

    @Test func aNameGoesWithItsMessage() throws {
        let request = ModelRequest(
            messages: [ChatMessage(role: .user, name: "ann", text: "q"), .user("r")], temperature: nil, maxTokens: 5)
        let model = try OpenAICompatible(.openrouter, key: "k", model: "m", upstream: Upstream())
        let messages = try JSON(parsing: model.body(request))["messages"]?.array
        #expect(messages?.map { $0["name"]?.string } == ["ann", nil])
    }
}
