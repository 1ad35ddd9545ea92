import Chat
import Foundation
import Storage
import Testing

@Suite(.timeLimit(.minutes(2))) struct ExchangeTests {
    @Test func historyShowsTheNewestLastAndPages() async throws {
        let temporary = try await TemporaryDatabase()
        let database = temporary.database
        let session = try await temporary.session()
        for number in 1...5 { try await database.record("question \(number)", "answer \(number)", in: session) }
        let newest = try await database.history(of: session.principal, limit: 2, before: nil)
        #expect(newest.map(\.question) == ["question 4", "question 5"])
        let older = try await database.history(of: session.principal, limit: 2, before: newest[0].id)
        #expect(older.map(\.answer.text) == ["answer 2", "answer 3"])
        let other = try await temporary.session("o")
        #expect(try await database.history(of: other.principal, limit: 10, before: nil).isEmpty)
    }

    @Test func conversationKeepsItsOrderAndIsItsSessionsOwn() async throws {
        let temporary = try await TemporaryDatabase()
        let database = temporary.database
        let session = try await temporary.session()
        let first = try await database.record("one", "1", in: session)
        try await database.record("elsewhere", "x", in: session)
        for word in ["two", "three", "four", "five"] {
            try await database.record(word, word, in: session, conversation: first.conversation)
        }
        let turns = try #require(try await database.turns(of: first.conversation, for: session.principal, limit: 8))
        #expect(turns.filter { $0.role == .user }.map(\.text) == ["two", "three", "four", "five"])
        let other = try await temporary.session("o")
        #expect(try await database.turns(of: first.conversation, for: other.principal, limit: 8) == nil)
        let unknown = ConversationID(first: ExchangeID(number: 1))
        #expect(try await database.turns(of: unknown, for: session.principal, limit: 8) == nil)
    }

    @Test func noRaceExceedsTheLimit() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 50)
        let session = try await temporary.session()
        let accepted = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<120 {
                group.addTask {
                    do {
                        try await temporary.database.record("question \(number)", in: session)
                        return true
                    } catch { return false }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(accepted == 50)
        #expect(try await temporary.database.history(of: session.principal, limit: 100, before: nil).count == 50)
        #expect(try await temporary.database.live(session.principal, at: Date())?.messagesUsed == 50)
    }

    @Test func reservedMessagesCountUntilTheyAreGivenBack() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 2)
        let database = temporary.database
        let session = try await temporary.session()
        let place = try await database.place(in: session)
        try await database.record("takes the other message", in: session)
        await #expect(throws: ChatError.quotaExceeded(limit: 2)) { try await database.place(in: session) }
        await #expect(throws: ChatError.quotaExceeded(limit: 2)) { try await database.record("late", in: session) }
        try await database.release(place, sharing: nil)
        let again = try await database.place(in: session)
        try await database.record("uses its own place", in: session, place: again)
        #expect(try await database.history(of: session.principal, limit: 10, before: nil).count == 2)
    }

    @Test func aDeadWorkersReservationLapses() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 1, reservationLifetime: .zero)
        let session = try await temporary.session()
        _ = try await temporary.database.place(in: session)
        try await temporary.database.record("not held up", in: session)
    }

    @Test func identifiersGrowInTheOrderOfCommits() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 1_000)
        let session = try await temporary.session()
        var last: Int64 = 0
        for number in 0..<200 {
            let id = try await temporary.database.record("\(number)", in: session).id.number
            #expect(id > last)
            last = id
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct SessionRowTests {
    @Test func aSessionThatIsNotLiveCanDoNothing() async throws {
        let temporary = try await TemporaryDatabase()
        let database = temporary.database
        let session = try await temporary.session()
        let exchange = try await database.record("before", in: session)
        guard case .granted(let place) = try await database.begin(for: session.principal, asking: nil) else {
            throw Unexpected(description: "no place")
        }
        #expect(try await database.end(session.principal, at: Date()))
        func expectRefusal(_ note: Comment, _ work: () async throws -> Void) async {
            let error = await #expect(throws: ChatError.self, note) { try await work() }
            #expect(error?.code == .unauthorized, note)
        }
        await expectRefusal("record") { try await database.record("after", in: session) }
        await expectRefusal("begin") { _ = try await database.begin(for: session.principal, asking: nil) }
        await expectRefusal("history") { _ = try await database.history(of: session.principal, limit: 1, before: nil) }
        await expectRefusal("turns") {
            _ = try await database.turns(of: exchange.conversation, for: session.principal, limit: 8)
        }
        try await database.record("asked before", in: session, place: place)
    }

    @Test func anotherUsersSessionIsNobodys() async throws {
        let temporary = try await TemporaryDatabase()
        let mine = try await temporary.session()
        let forged = Principal(session: mine.id, user: UserID("user_" + String(repeating: "b", count: 32))!)
        await #expect(throws: ChatError.sessionEnded) {
            _ = try await temporary.database.history(of: forged, limit: 1, before: nil)
        }
    }

    @Test func anEndedOrExpiredSessionIsNotLive() async throws {
        let temporary = try await TemporaryDatabase()
        let session = try await temporary.session()
        #expect(try await temporary.database.live(session.principal, at: Date())?.user == session.user)
        #expect(try await temporary.database.live(session.principal, at: session.expires) == nil)
        #expect(try await temporary.database.end(session.principal, at: Date()))
        #expect(try await !temporary.database.end(session.principal, at: Date()), "it is over already")
        #expect(try await temporary.database.live(session.principal, at: Date()) == nil)
    }
}

@Suite(.timeLimit(.minutes(2))) struct SharedAnswerTests {
    private func fresh(_ text: String) throws -> CachedAnswer {
        let request = ModelRequest(messages: [.user(text)], temperature: 0, maxTokens: 1)
        return CachedAnswer(
            key: CacheKey(request, scope: "s", models: "m"), text: "answer to \(text)", model: "m", provider: "p",
            usage: TokenUsage(prompt: 1, completion: 2), finishReason: .length,
            expires: Date(timeIntervalSince1970: 2_000_000_000))
    }

    @Test func isThereForEveryWorkerOnceItsExchangeIsRecorded() async throws {
        let temporary = try await TemporaryDatabase()
        let session = try await temporary.session()
        let fresh = try fresh("q")
        try await temporary.database.record("q", in: session, caching: fresh)
        let other = try Database(path: temporary.path, messageLimit: 1, reservationLifetime: .zero)
        #expect(try await other.stored(for: fresh.key) == fresh)
        #expect(try await other.stored(for: self.fresh("another").key) == nil)
    }

    @Test func isNotThereWhenItsExchangeWasRefused() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 1)
        let session = try await temporary.session()
        try await temporary.database.record("one", in: session)
        let fresh = try fresh("two")
        await #expect(throws: ChatError.self) {
            try await temporary.database.record("two", in: session, caching: fresh)
        }
        #expect(try await temporary.database.stored(for: fresh.key) == nil)
    }
}
