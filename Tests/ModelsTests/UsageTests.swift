import Chat
import Models
import Support
import Testing

/// Replies of providers with their usage, and what each cost, computed by hand.
@Suite(.timeLimit(.minutes(2))) struct UsageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: ProviderFixture.Kind
        /// Of the event stream, or the only one for a server that does not stream.
        let documents: [String]
        let usage: TokenUsage
        /// Pico-dollars at 1 dollar a million tokens of input, 10 of output, 0.25 of cached input.
        let cost: Int64
        var isStreamed = true
    }

    private static let delta = #"{"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}"#
    private static let stop = #"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#
    private static func usage(_ members: String) -> String { #"{"choices":[],"usage":{\#(members)}}"# }

    static let cases = [
        Case(
            testDescription: "plain", kind: .openrouter,
            documents: [
                #"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"#
                    + #""completion_tokens":20,"total_tokens":120}}"#
            ], usage: TokenUsage(prompt: 100, completion: 20), cost: 300_000_000, isStreamed: false),
        Case(
            testDescription: "streamed", kind: .openrouter,
            documents: [delta, stop, usage(#""prompt_tokens":100,"completion_tokens":20,"total_tokens":120"#)],
            usage: TokenUsage(prompt: 100, completion: 20), cost: 300_000_000),
        Case(
            testDescription: "a sum that is none", kind: .openrouter,
            documents: [delta, stop, usage(#""prompt_tokens":100,"completion_tokens":20,"total_tokens":0"#)],
            usage: TokenUsage(prompt: 100, completion: 20, total: 120), cost: 300_000_000),
        Case(
            testDescription: "cached input", kind: .openrouter,
            documents: [
                delta, stop,
                usage(
                    #""prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"#
                        + #""prompt_tokens_details":{"cached_tokens":60}"#),
            ], usage: TokenUsage(prompt: 100, cachedPrompt: 60, completion: 20), cost: 255_000_000),
        Case(
            testDescription: "reasoning within the completion", kind: .openrouter,
            documents: [
                delta, stop,
                usage(
                    #""prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"#
                        + #""completion_tokens_details":{"reasoning_tokens":15}"#),
            ], usage: TokenUsage(prompt: 100, completion: 20, reasoning: 15), cost: 300_000_000),
        Case(
            testDescription: "reasoning beside the completion", kind: .openrouter,
            documents: [
                delta, stop,
                usage(
                    #""prompt_tokens":100,"completion_tokens":20,"total_tokens":135,"#
                        + #""completion_tokens_details":{"reasoning_tokens":15}"#),
            ], usage: TokenUsage(prompt: 100, completion: 35, reasoning: 15), cost: 450_000_000),
        Case(
            testDescription: "usage beside choices, in the chunk of the finish reason", kind: .openrouter,
            documents: [
                delta,
                #"{"choices":[{"delta":{"content":"!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"#
                    + #""completion_tokens":20,"total_tokens":120}}"#,
            ], usage: TokenUsage(prompt: 100, completion: 20), cost: 300_000_000),
        Case(
            testDescription: "usage in every chunk: the last wins", kind: .openrouter,
            documents: [
                #"{"choices":[{"delta":{"content":"Hello"}}],"usage":{"prompt_tokens":100,"completion_tokens":1}}"#,
                #"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":20}}"#,
                #"{"choices":[],"usage":null}"#,
            ], usage: TokenUsage(prompt: 100, completion: 20), cost: 300_000_000),
        Case(
            testDescription: "the provider's own figure", kind: .openrouter,
            documents: [
                delta, stop,
                usage(#""prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"cost":0.000123456789"#),
            ], usage: TokenUsage(prompt: 100, completion: 20, charge: Money(picodollars: 123_456_789)),
            cost: 123_456_789),
        Case(
            testDescription: "the provider's own figure is nothing", kind: .openrouter,
            documents: [delta, stop, usage(#""prompt_tokens":100,"completion_tokens":20,"cost":0"#)],
            usage: TokenUsage(prompt: 100, completion: 20, charge: .zero), cost: 0),
        Case(
            testDescription: "the provider's fee, and what its own provider takes", kind: .openrouter,
            documents: [
                delta, stop,
                usage(
                    #""prompt_tokens":100,"completion_tokens":20,"cost":0.00001,"is_byok":true,"#
                        + #""cost_details":{"upstream_inference_cost":0.0002}"#),
            ], usage: TokenUsage(prompt: 100, completion: 20, charge: Money(picodollars: 210_000_000)),
            cost: 210_000_000),
        Case(
            testDescription: "a figure that is none", kind: .openrouter,
            documents: [delta, stop, usage(#""prompt_tokens":100,"completion_tokens":20,"cost":-1"#)],
            usage: TokenUsage(prompt: 100, completion: 20), cost: 300_000_000),
        // "Be brief" and "Hi" are 2 + 1 tokens and 4 for each message, "Hello" is 2.
        Case(
            testDescription: "none at all: an estimate", kind: .openrouter, documents: [delta, stop],
            usage: TokenUsage(prompt: 11, completion: 2, isEstimated: true), cost: 31_000_000),
        Case(
            testDescription: "Gemini, with thoughts and cached input", kind: .gemini,
            documents: [
                #"{"candidates":[{"content":{"parts":[{"text":"Hello"}]}}],"usageMetadata":{"promptTokenCount":100}}"#,
                #"{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}],"usageMetadata":{"#
                    + #""promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":5,"#
                    + #""thoughtsTokenCount":15,"totalTokenCount":120}}"#,
            ], usage: TokenUsage(prompt: 100, cachedPrompt: 60, completion: 20, reasoning: 15), cost: 255_000_000),
        // 30 × 1,000,000 + 20 × 250,000 + 50 × 2,000,000 + 20 × 10,000,000.
        Case(
            testDescription: "what is written into the provider's cache", kind: .openrouter,
            documents: [
                #"{"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"#
                    + #""completion_tokens":20,"total_tokens":120,"#
                    + #""prompt_tokens_details":{"cached_tokens":20,"cache_write_tokens":50}}}"#
            ], usage: TokenUsage(prompt: 100, cachedPrompt: 20, writtenPrompt: 50, completion: 20), cost: 335_000_000),
        Case(
            testDescription: "Gemini's tools", kind: .gemini,
            documents: [
                #"{"candidates":[{"content":{"parts":[{"text":"Hello"}]},"finishReason":"STOP"}],"usageMetadata":{"#
                    + #""promptTokenCount":90,"toolUsePromptTokenCount":10,"candidatesTokenCount":20,"#
                    + #""totalTokenCount":120}}"#
            ], usage: TokenUsage(prompt: 100, completion: 20), cost: 300_000_000),
        Case(
            testDescription: "Gemini: none at all", kind: .gemini,
            documents: [#"{"candidates":[{"content":{"parts":[{"text":"Hello"}]},"finishReason":"STOP"}]}"#],
            usage: TokenUsage(prompt: 11, completion: 2, isEstimated: true), cost: 31_000_000),
    ]

    @Test(arguments: cases)
    func costsWhatTheReplySays(_ test: Case) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            guard test.isStreamed else {
                return try connection.answer(headers: ["Content-Type: application/json"], test.documents[0])
            }
            let events = test.documents.map { "data: \($0)\n\n" }.joined()
            let end = test.kind == .openrouter ? "data: [DONE]\n\n" : ""
            try connection.answer(headers: ["Content-Type: text/event-stream"], events + end)
        })
        let answer = try await ProviderFixture(test.kind, server).ask().get()
        #expect(answer.usage == test.usage)
        let price = ModelPrice(
            .init(
                input: Money(picodollars: 1_000_000), output: Money(picodollars: 10_000_000),
                cachedInput: Money(picodollars: 250_000), cacheWrite: Money(picodollars: 2_000_000)))
        let cost = PriceList([answer.provider: price]).cost(of: answer.usage, from: answer.provider)
        #expect(cost == Money(picodollars: test.cost))
    }

    /// What `cost` means, and in which money, only OpenRouter says.
    @Test func takesNoFigureOfAnotherServer() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.answer(
                #"{"choices":[{"message":{"content":"Hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"cost":9}}"#
            )
        })
        let model = try OpenAICompatible(.openai, key: nil, model: "m", baseURL: server.url, upstream: Upstream())
        let answer = try await model.answer(try ProviderFixture.request(), by: .now + .seconds(60), onDelta: nil)
        #expect(answer.usage == TokenUsage(prompt: 1, completion: 1))
    }
}
