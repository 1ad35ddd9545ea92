import Chat
import Support
import Synchronization
import Testing

/// What a caller may ask of the cache, and how long it keeps what.
@Suite(.timeLimit(.minutes(2))) struct CacheControlTests {
    @Test func noCacheIsANewAnswerThatOthersGetFromThenOn() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        _ = try await bench.ask("hello", token)
        #expect(try await bench.ask("hello", token, .noCache).answer.text == "answer 2")
        let next = try await bench.ask("hello", token)
        #expect(next.answer.text == "answer 2" && next.answer.isCached)
        let elsewhere = try await PipelineFixture(besides: bench).ask("hello", token)
        #expect(elsewhere.answer.text == "answer 2" && elsewhere.answer.isCached)
    }

    @Test func noStoreIsANewAnswerForItsCallerAlone() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        _ = try await bench.ask("secret", token, .noStore)
        #expect(try await bench.stored("secret", token) == nil)
        #expect(try await bench.ask("secret", token).answer.text == "answer 2", "nothing was kept")
        #expect(try await bench.ask("secret", token, .noStore).answer.text == "answer 3")
        #expect(try await bench.ask("secret", token).answer.text == "answer 2")
    }

    @Test(arguments: [CacheControl.noCache, .noStore])
    func neitherWaitsForACallThatIsUnderWayNorIsWaitedFor(_ control: CacheControl) async throws {
        let bench = try await PipelineFixture()
        let other = try await PipelineFixture(besides: bench)
        let token = try await bench.logIn()
        let (held, release) = AsyncStream.makeStream(of: Void.self)
        bench.model.pause.withLock { $0 = { for await _ in held {} } }
        let first = Task { try await bench.ask("hello", token) }
        await bench.model.waitForCall()
        #expect(try await other.ask("hello", token, control).answer.isCached == false, "in another worker")
        let second = Task { try await bench.ask("hello", token, control) }
        await bench.model.waitForCall()
        release.finish()
        let answers = try await [first.value, second.value].map(\.answer)
        #expect(answers.allSatisfy { !$0.isCached } && bench.model.calls == 2)
    }

    @Test func neitherIsAnsweredWithAnExpiredAnswer() async throws {
        let bench = try await PipelineFixture(lifetimes: CacheLifetimes(0.001))
        let token = try await bench.logIn()
        _ = try await bench.ask("hello", token)
        bench.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .timedOut, detail: "") }
        for control in [CacheControl.noCache, .noStore] {
            await #expect(throws: ChatError.self) { try await bench.ask("hello", token, control) }
        }
        #expect(try await bench.ask("hello", token).answer.isStale)
    }

    @Test func conversationsMayHaveALifetimeOfTheirOwn() async throws {
        var lifetimes = CacheLifetimes(60)
        lifetimes.conversation = 0
        let bench = try await PipelineFixture(lifetimes: lifetimes)
        let token = try await bench.logIn()
        let turns = [ChatMessage.user("hello"), ChatMessage(role: .assistant, text: "hi"), .user("and then?")]
        let request = try ChatRequest(messages: turns, field: "message")
        for _ in 0..<2 {
            var trace = RequestTrace()
            let principal = try await bench.pipeline.identify(token, trace: &trace)
            let answer = try await bench.pipeline.answer(request, for: principal, trace: &trace, onAnswer: nil).answer
            #expect(!answer.isCached)
        }
        for isCached in [false, true] { #expect(try await bench.ask("hello", token).answer.isCached == isCached) }
    }

    @Test func theModelThatIsAskedFirstDecidesWhereNoneIsNamed() async throws {
        var lifetimes = CacheLifetimes(60)
        lifetimes.models["scripted-1"] = 0
        let bench = try await PipelineFixture(lifetimes: lifetimes)
        let token = try await bench.logIn()
        for _ in 0..<2 { #expect(try await bench.ask("hello", token).answer.isCached == false) }
    }
}
