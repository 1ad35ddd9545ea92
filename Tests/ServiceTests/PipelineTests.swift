import Chat
import Foundation
import Sanitizing
import Sessions
import Storage
import Synchronization
import Testing

/// Answers with a count of its calls, or fails; remembers what it was asked.
private final class ScriptedModel: LanguageModel {
    let requests = Mutex<[ModelRequest]>([])
    let failure = Mutex<ModelFailure?>(nil)

    func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: DeltaHandler?) async throws
        -> ModelAnswer
    {
        let number = requests.withLock { requests in
            requests.append(request)
            return requests.count
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        try await onDelta?("answer ")
        try await onDelta?("\(number)")
        return ModelAnswer(
            text: "answer \(number)", model: "scripted-1", provider: "scripted",
            usage: TokenUsage(prompt: 3, completion: 2))
    }

    var calls: Int { requests.withLock { $0.count } }
}

/// The real gate, sanitizer, cache and database around a scripted model.
private final class Bench: Sendable {
    let model = ScriptedModel()
    let database: Database
    let pipeline: ChatPipeline
    let gate: TokenGate
    private let folder: String

    init(messageLimit: Int = 50, danger: ChatPolicy.Danger = .hold) async throws {
        folder = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        database = try Database(
            path: folder + "/parley.sqlite", messageLimit: messageLimit, reservationLifetime: .seconds(60))
        try await database.prepare()
        gate = await TokenGate(
            secret: try TokenSecret("0123456789abcdef0123456789abcdef"), store: database, lifetime: 3_600)
        pipeline = ChatPipeline(
            gate: gate, sanitizer: MessageSanitizer(mode: .smart),
            cache: AnswerCache(memory: MemoryCache(maximumBytes: 1_000_000), shared: database, lifetime: 60),
            model: model, exchanges: database,
            policy: ChatPolicy(
                system: "Be brief.", temperature: 0.7, maxTokens: 500, models: "scripted/scripted-1",
                deadline: .seconds(60), messageLimit: messageLimit, danger: danger, cacheScope: .user))
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func logIn(_ email: String = "ann@example.com") async throws -> String {
        try await gate.open(try Email(email), browser: "test", address: "127.0.0.1").token
    }

    func ask(
        _ text: String, _ token: String, conversation: ConversationID? = nil, onDelta: DeltaHandler? = nil
    ) async throws -> Exchange {
        var trace = RequestTrace()
        let session = try await pipeline.admit(token, trace: &trace)
        let question = try Question(text, field: "message", conversation: conversation)
        return try await pipeline.answer(question, in: session, trace: &trace, onDelta: onDelta)
    }

    func history(_ token: String) async throws -> [Exchange] {
        try await database.history(of: try await gate.admit(token).id, limit: 100, before: nil)
    }
}

@Suite struct PipelineTests {
    @Test func asksTheModelOnceAndRecordsBothExchanges() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        let first = try await bench.ask("What is HTTP?", token)
        let second = try await bench.ask("  What is HTTP?\n", token)
        #expect(first.answer.isCached == false && second.answer.isCached)
        #expect(second.answer.text == first.answer.text && second.id != first.id)
        #expect(bench.model.calls == 1)
        #expect(try await bench.history(token).map(\.id) == [first.id, second.id])
    }

    @Test func oneUsersAnswerIsNotAnothersHit() async throws {
        let bench = try await Bench()
        _ = try await bench.ask("What is HTTP?", try await bench.logIn("ann@example.com"))
        let other = try await bench.ask("What is HTTP?", try await bench.logIn("bob@example.com"))
        #expect(!other.answer.isCached && bench.model.calls == 2)
    }

    @Test func conversationTakesItsContextAlongAndIsCachedWithIt() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        let first = try await bench.ask("My name is Ann.", token)
        let second = try await bench.ask("What is my name?", token, conversation: first.conversation)
        #expect(second.conversation == first.conversation)
        let asked = bench.model.requests.withLock { $0[1] }
        #expect(asked.context.map(\.text) == ["My name is Ann.", "answer 1"])
        let alone = try await bench.ask("What is my name?", token)
        #expect(!alone.answer.isCached, "another context is another question")
    }

    @Test func contextHasTheLastEightMessages() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        var exchange = try await bench.ask("question 0", token)
        for number in 1...6 {
            exchange = try await bench.ask("question \(number)", token, conversation: exchange.conversation)
        }
        let context = bench.model.requests.withLock { $0[6].context }
        #expect(context.count == 8 && context.first?.text == "question 2" && context.last?.text == "answer 6")
    }

    @Test func aForeignConversationIsNotFound() async throws {
        let bench = try await Bench()
        let anns = try await bench.ask("My name is Ann.", try await bench.logIn("ann@example.com"))
        let bob = try await bench.logIn("bob@example.com")
        await #expect(throws: ChatError.noSuchConversation) {
            try await bench.ask("What is my name?", bob, conversation: anns.conversation)
        }
        #expect(bench.model.calls == 1)
    }

    @Test func aHeldMessageCannotEnterAForeignConversation() async throws {
        let bench = try await Bench()
        let ann = try await bench.logIn("ann@example.com")
        let anns = try await bench.ask("My name is Ann.", ann)
        let bob = try await bench.logIn("bob@example.com")
        await #expect(throws: ChatError.noSuchConversation) {
            try await bench.ask("'; DROP TABLE users; --", bob, conversation: anns.conversation)
        }
        #expect(try await bench.history(bob).isEmpty)
        #expect(try await bench.ask("Go on.", ann, conversation: anns.conversation).answer.text == "answer 2")
    }

    @Test func dangerousTextReachesNoModelAndIsRecorded() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        let held = try await bench.ask("'; DROP TABLE users; --", token)
        #expect(held.answer.isHeld && held.answer.text == ChatPolicy.heldText && held.danger != nil)
        #expect(held.answer.text.contains("safety") && held.answer.text.contains("rephrase"))
        #expect(bench.model.calls == 0)
        #expect(try await bench.history(token).count == 1)
    }

    @Test func flaggedTextIsAnsweredAndMarked() async throws {
        let bench = try await Bench(danger: .flag)
        let flagged = try await bench.ask("'; DROP TABLE users; --", try await bench.logIn())
        #expect(!flagged.answer.isHeld && flagged.danger != nil && bench.model.calls == 1)
    }

    @Test func aFailedCallGivesItsMessageBackAndIsNotCached() async throws {
        let bench = try await Bench(messageLimit: 1)
        let token = try await bench.logIn()
        bench.model.failure.withLock { $0 = ModelFailure(provider: "scripted", reason: .unreachable, detail: "down") }
        let error = await #expect(throws: ChatError.self) { try await bench.ask("hello", token) }
        #expect(error?.code == .unavailable && error?.retryAfter != nil && error?.message.contains("down") == false)
        bench.model.failure.withLock { $0 = nil }
        #expect(try await bench.ask("hello", token).answer.isCached == false)
        await #expect(throws: ChatError.quotaExceeded(limit: 1)) { try await bench.ask("hello", token) }
    }

    @Test func aCallerWhoHangsUpHasUsedHisMessage() async throws {
        struct HungUp: Error {}
        let bench = try await Bench(messageLimit: 1)
        let token = try await bench.logIn()
        await #expect(throws: HungUp.self) { try await bench.ask("hello", token) { _ in throw HungUp() } }
        await #expect(throws: ChatError.quotaExceeded(limit: 1)) { try await bench.ask("hello", token) }
        #expect(bench.model.calls == 1)
    }

    @Test func heldMessagesTakeNoPlaceInTheContext() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        let first = try await bench.ask("My name is Ann.", token)
        for _ in 0..<5 { _ = try await bench.ask("'; DROP TABLE users; --", token, conversation: first.conversation) }
        _ = try await bench.ask("What is my name?", token, conversation: first.conversation)
        #expect(bench.model.requests.withLock { $0[1].context.first?.text } == "My name is Ann.")
    }

    @Test func onlyTheFirstExchangeNamesAConversation() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        let first = try await bench.ask("one", token)
        let second = try await bench.ask("two", token, conversation: first.conversation)
        await #expect(throws: ChatError.noSuchConversation) {
            try await bench.ask("three", token, conversation: ConversationID(first: second.id))
        }
    }

    @Test func aFilterCannotPutItsWordsIntoTheReply() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        for (word, isShown) in [
            ("SAFETY", true), ("call 555-0100 for <b>help</b>", false), (String(repeating: "A", count: 99), false),
        ] {
            bench.model.failure.withLock {
                $0 = ModelFailure(provider: "scripted", reason: .filtered(reason: word), detail: "")
            }
            let error = await #expect(throws: ChatError.self) { try await bench.ask("hello", token) }
            #expect(error?.code == .filtered && error?.message.contains(word) == isShown)
        }
    }

    @Test func concurrentQuestionsNeitherExceedTheLimitNorPayBeyondIt() async throws {
        let bench = try await Bench(messageLimit: 20)
        let token = try await bench.logIn()
        let answered = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<60 {
                group.addTask { (try? await bench.ask("question \(number)", token)) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered == 20)
        #expect(bench.model.calls == 20)
        #expect(try await bench.history(token).count == 20)
    }

    @Test func everyPairedAnswerIsTheOneToItsQuestion() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        let replies = try await withThrowingTaskGroup(of: (String, String).self) { group in
            for number in 0..<40 {
                group.addTask {
                    let text = "question \(number)"
                    return (text, try await bench.ask(text, token).answer.text)
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for exchange in try await bench.history(token) {
            #expect(replies[exchange.question] == exchange.answer.text)
        }
    }

    @Test func deltasJoinToTheAnswerAlsoWhenItIsCached() async throws {
        let bench = try await Bench()
        let token = try await bench.logIn()
        for _ in 0..<2 {
            let text = Mutex("")
            let exchange = try await bench.ask("hello", token) { delta in text.withLock { $0 += delta } }
            #expect(text.withLock { $0 } == exchange.answer.text)
        }
        #expect(bench.model.calls == 1)
    }
}
