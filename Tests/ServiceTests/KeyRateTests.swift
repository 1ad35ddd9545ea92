import Chat
import Foundation
import Storage
import Support
import Synchronization
import Testing

/// A question is one request of its key's rate, whatever it is answered with.
@Suite(.timeLimit(.minutes(2))) struct KeyRateTests {
    private let bench: PipelineFixture
    private let key: Principal

    /// Two requests a minute.
    init() async throws {
        bench = try await PipelineFixture()
        let hash = [UInt8](repeating: 7, count: 32)
        let grant = try APIKey.Grant(name: "n", limits: try RateLimits(requests: 2))
        try await bench.database.insert(
            APIKey(id: .random(), grant: grant, prefix: "prl_7", created: Date(), isDisabled: false, spent: .zero),
            hash: hash, for: nil)
        key = try #require(try await bench.database.principal(of: hash))
        bench.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .unreachable, detail: "down") }
    }

    @concurrent private func ask(_ text: String) async throws -> Answer {
        var trace = RequestTrace()
        return try await bench.pipeline.answer(
            try ChatRequest(question: text, field: "message"), for: key, trace: &trace, onAnswer: nil
        ).answer
    }

    /// What the pool shares, as another worker puts it.
    private func put(_ text: String, lifetime: TimeInterval) async throws {
        let request = ModelRequest(
            messages: [ChatMessage(role: .system, text: "Be brief."), .user(text)], temperature: 0.7, maxTokens: 500)
        let cacheKey = CacheKey(request, scope: key.user.rawValue, models: "scripted/scripted-1")
        try await bench.database.put(
            CachedAnswer(
                key: cacheKey, text: "kept", model: "scripted-1", provider: "scripted",
                usage: TokenUsage(prompt: 1, completion: 1), expires: Date() + lifetime))
    }

    private func expectNoRequestLeft() async throws {
        let error = await #expect(throws: ChatError.self) { try await ask("one too many") }
        #expect(error?.code == .rateLimited, "\(String(describing: error))")
    }

    @Test func aFailedCallInWhosePlaceAnAnswerIsFoundIsOne() async throws {
        bench.model.pause.withLock { $0 = { try await put("hello", lifetime: 60) } }
        let answer = try await ask("hello")
        #expect(answer.text == "kept" && !answer.isStale)
        bench.model.pause.withLock { $0 = nil }
        try await put("other", lifetime: -10)
        #expect(try await ask("other").isStale, "a second one is left")
        try await expectNoRequestLeft()
    }

    @Test func whoJoinedACallThatFailedHasOneOfHisOwn() async throws {
        try await put("hello", lifetime: -10)
        let (held, hold) = AsyncStream.makeStream(of: Void.self)
        bench.model.pause.withLock { $0 = { for await _ in held {} } }
        async let first = ask("hello")
        await bench.model.waitForCall()
        async let second = ask("hello")
        try await until("both ask") { bench.asking == 2 }
        hold.finish()
        let answers = try await [first, second]
        #expect(answers.allSatisfy(\.isStale) && bench.model.calls == 1)
        try await expectNoRequestLeft()
    }
}
