import Chat
import Models
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct EchoTests {
    @Test func saysTheQuestionBackWordByWord() async throws {
        let seen = Seen<String>()
        let request = try ProviderFixture.request(
            "Grüße,\n  world", system: "Be  brief", context: [.user("a b c")])
        let answer = try await Echo().answer(request, by: .now + .seconds(1), onDelta: Watcher { seen.append($0.text) })
        #expect(answer.text == "You said: Grüße,\n  world")
        #expect(seen.all == ["You", " said:", " Grüße,", "\n  world"])
        #expect(answer.model == "echo-1")
        #expect(answer.provider == "echo")
        #expect(answer.usage == TokenUsage(prompt: 7, completion: 4, total: 11))
        #expect(answer.finishReason == .stop)
    }

    @Test func keepsToTheMostTokens() async throws {
        let request = ModelRequest(
            messages: [.user("one two three")], temperature: 0, maxTokens: 3)
        let answer = try await Echo().answer(request, by: .now + .seconds(1), onDelta: nil)
        #expect(answer.text == "You said: one")
        #expect(answer.usage.completion == 3)
        #expect(answer.finishReason == .length)
    }
}
