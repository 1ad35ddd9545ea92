import Chat
import Foundation
import Storage
import Testing

/// Answers with tool calls, in history and in the cache.
@Suite(.timeLimit(.minutes(2))) struct ToolCallTests {
    static let calls = [
        ToolCall(id: "c1", name: "weather", arguments: "{\"city\": \"Zürich\\u0000\"}", thoughtSignature: "c2ln"),
        ToolCall(id: "c2", name: "now", arguments: "no JSON"),
    ]

    @Test(arguments: StoreKind.allCases, ["", "Let me see."])
    func theyComeBackAsTheyWere(_ kind: StoreKind, _ text: String) async throws {
        let pool = try await StorePool(kind)
        let (stores, session) = (try pool.process(), try await pool.session())
        let key = CacheKey(asking: "q")
        let cached = CachedAnswer(
            key: key, text: text, toolCalls: Self.calls, model: "m", provider: "p",
            usage: TokenUsage(prompt: 1, completion: 2), finishReason: .toolCalls,
            expires: Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + 60).rounded()))
        let answer = Answer(
            text: text, toolCalls: Self.calls, origin: .model(name: "m", provider: "p"), finishReason: .toolCalls)
        let place = try await stores.ledger.reserved(in: session, asking: key)
        let exchange = Exchange(
            id: place.id, conversation: ConversationID(first: place.id), question: "q", answer: answer, danger: nil,
            created: place.id.created)
        for _ in 0..<2 {
            let settled = try await stores.ledger.settle(exchange, place, sharing: cached).admitted()
            #expect(settled.answer == answer)
        }
        #expect(try await stores.ledger.history(session).map(\.answer) == [answer])
        #expect(try await pool.process().answers.get(key) == cached)
    }

    @Test func aTextThatLooksLikeCallsIsAText() async throws {
        let pool = try await StorePool(.sqlite)
        let (stores, session) = (try pool.process(), try await pool.session())
        let text = StoredAnswer(text: "", toolCalls: Self.calls).stored(.toolCalls)
        try await stores.ledger.record("q", text, in: session)
        let answer = try #require(try await stores.ledger.history(session).first).answer
        #expect(answer.text == text && answer.toolCalls.isEmpty)
    }
}
