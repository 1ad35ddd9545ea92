import Chat
import Synchronization
import Testing

/// Questions below any message of a conversation, and questions that are asked anew.
@Suite(.timeLimit(.minutes(2))) struct BranchTests {
    @Test func bothVersionsOfAnEditedQuestionStayAndEachHasItsContext() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let first = try await bench.ask("one", token)
        let second = try await bench.ask("two", token, conversation: first.conversation)
        let edited = try await bench.ask("deux", token, at: .below(first.id, in: first.conversation))
        #expect(edited.conversation == first.conversation && edited.parent == first.id && second.parent == first.id)
        let last = try await bench.ask("three", token, conversation: first.conversation)
        #expect(last.parent == edited.id, "the newest message ends the current branch")
        let asked = bench.model.requests.withLock { $0.last?.messages.map(\.text) }
        #expect(asked == ["Be brief.", "one", "answer 1", "deux", "answer 3", "three"])
        let begun = try await bench.ask("zero", token, at: .beginning(of: first.conversation))
        #expect(begun.parent == nil && begun.conversation == first.conversation)
        #expect(bench.model.requests.withLock { $0.last?.messages.count } == 2)
        #expect(try await bench.history(token).count == 5)
    }

    @Test func aQuestionIsAskedAnewBelowTheSameMessage() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let first = try await bench.ask("one", token)
        let second = try await bench.ask("two", token, conversation: first.conversation)
        let again = try await bench.regenerate(second.id, token)
        #expect(again.question == "two" && again.parent == first.id && again.conversation == first.conversation)
        #expect(!again.answer.isCached && again.answer.text == "answer 3" && again.id != second.id)
        #expect(bench.model.requests.withLock { $0[2].messages == $0[1].messages })
        let equal = try await bench.ask("two", token, at: .below(first.id, in: nil))
        #expect(equal.answer.isCached && equal.answer.text == "answer 3", "later askers get the new answer")
        #expect(try await bench.regenerate(first.id, token).parent == nil)
        let other = try await bench.logIn("bob@example.com")
        await #expect(throws: ChatError.noSuchMessage) { try await bench.regenerate(second.id, other) }
        await #expect(throws: ChatError.noSuchMessage) {
            try await bench.ask("mine", other, at: .below(second.id, in: nil))
        }
    }

    /// Its recorded text may look harmless.
    @Test func aBlockedQuestionThatIsAskedAnewStaysBlocked() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let blocked = try await bench.ask("<script>alert(1)</script> hello", token)
        #expect(blocked.answer.isBlocked)
        let again = try await bench.regenerate(blocked.id, token)
        #expect(again.answer.isBlocked && again.danger == blocked.danger && bench.model.calls == 0)
    }

    /// What the record says was found is no reason to hold what was answered.
    @Test func aMarkedQuestionThatIsAskedAnewIsHeldOnlyIfItsTextIsSurelyAnAttack() async throws {
        let flagging = try await PipelineFixture(danger: .flag)
        let token = try await flagging.logIn()
        let hidden = try await flagging.ask("<script>alert(1)</script> hello", token)
        let plain = try await flagging.ask("' or 1=1 --", token)
        #expect(hidden.danger == "xss" && plain.danger == "sql" && flagging.model.calls == 2)
        let holding = try await PipelineFixture(besides: flagging)
        let again = try await holding.regenerate(hidden.id, token)
        #expect(!again.answer.isBlocked && again.danger == "xss" && holding.model.calls == 1)
        #expect(try await holding.regenerate(plain.id, token).answer.isBlocked && holding.model.calls == 1)
    }

    @Test func aParentOfAnotherConversationIsRefused() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let (one, other) = (try await bench.ask("one", token), try await bench.ask("other", token))
        let error = await #expect(throws: ChatError.self) {
            try await bench.ask("two", token, at: .below(one.id, in: other.conversation))
        }
        #expect(error?.code == .invalidField && error?.field == "parent")
    }

    @Test func onlyTheFirstExchangeNamesAConversation() async throws {
        let bench = try await PipelineFixture()
        let token = try await bench.logIn()
        let first = try await bench.ask("one", token)
        let second = try await bench.ask("two", token, conversation: first.conversation)
        await #expect(throws: ChatError.noSuchConversation) {
            try await bench.ask("three", token, conversation: ConversationID(first: second.id))
        }
    }
}
