import Chat
import Foundation
import Storage
import Testing

/// What every ledger must do.
@Suite(.timeLimit(.minutes(2))) struct LedgerTests {
    @Test(arguments: StoreKind.allCases) func historyShowsTheNewestLastAndPages(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        for number in 1...5 { try await ledger.record("question \(number)", "answer \(number)", in: session) }
        let newest = try await ledger.history(session, limit: 2)
        #expect(newest.map(\.question) == ["question 4", "question 5"])
        let older = try await ledger.history(session, limit: 2, before: newest[0].id)
        #expect(older.map(\.answer.text) == ["answer 2", "answer 3"])
        #expect(try await ledger.history(try await pool.session("o")).isEmpty)
    }

    /// A question that takes long is settled after later ones: its place is by its id.
    @Test(arguments: StoreKind.allCases) func theOrderIsThatOfIdsAndNotOfCommits(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let first = try await ledger.record("first", in: session)
        let slow = try await ledger.reserved(in: session)
        let quick = try await ledger.record("quick", in: session, after: first)
        #expect(try await ledger.history(session, limit: 1, before: quick.id).map(\.question) == ["first"])
        let slowExchange = Exchange("slow", id: slow.id, after: first)
        _ = try await ledger.settle(slowExchange, slow, sharing: nil).admitted()
        #expect(try await ledger.history(session).map(\.question) == ["first", "slow", "quick"])
        #expect(try await ledger.history(session, limit: 1, before: quick.id).map(\.question) == ["slow"])
        let above = try await ledger.texts(above: .end(of: first.conversation), session)
        #expect(above == ["first", "answer", "quick", "answer"], "both follow the first")
    }

    @Test(arguments: StoreKind.allCases) func conversationKeepsItsOrderAndIsItsSessionsOwn(kind: StoreKind)
        async throws
    {
        let pool = try await StorePool(kind)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let first = try await ledger.record("one", "1", in: session)
        try await ledger.record("elsewhere", "x", in: session)
        var last = first
        for word in ["two", "three", "four", "five"] {
            last = try await ledger.record(word, word, in: session, after: last)
        }
        let end = Position.end(of: first.conversation)
        let words = ["two", "three", "four", "five"].flatMap { [$0, $0] }
        #expect(try await ledger.texts(above: end, session) == words)
        #expect(try await ledger.texts(above: end, pool.session("o")) == nil)
        #expect(try await ledger.texts(above: .end(of: ConversationID(first: ExchangeID(number: 1))), session) == nil)
    }

    @Test(arguments: StoreKind.allCases) func whatIsDoneAgainCountsOnce(kind: StoreKind) async throws {
        let pool = try await StorePool(kind, messageLimit: 3)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let recorded = Exchange("recorded", "first")
        for answer in ["first", "second"] {
            let again = Exchange("recorded", answer, id: recorded.id)
            let exchange = try await ledger.record(again, for: session.principal).admitted()
            #expect(exchange.id == recorded.id && exchange.answer.text == "first")
        }
        #expect(try await pool.used(session) == 1)
        let place = Reservation(
            id: ids.next(), principal: session.principal, key: CacheKey(asking: "q"), deadline: .now)
        for _ in 0..<3 {
            guard case .granted = try await ledger.reserve(place).admitted() else {
                return #expect(Bool(false), "not granted again")
            }
        }
        for _ in 0..<2 {
            _ = try await ledger.settle(Exchange("settled", id: place.id), place, sharing: nil).admitted()
            try await ledger.refund(place, sharing: nil)
            try await ledger.forfeit(place)
        }
        #expect(try await pool.used(session) == 2, "what is settled is neither given back nor counted again")
        let left = try await ledger.reserved(in: session)
        for _ in 0..<2 { try await ledger.forfeit(left) }
        #expect(try await pool.used(session) == 3)
        #expect(try await ledger.history(session).map(\.question) == ["recorded", "settled"])
        // Also once the session has ended and its messages are used up.
        #expect(try await pool.sessions.end(session.principal, at: Date()))
        #expect(try await ledger.record(recorded, for: session.principal).admitted().id == recorded.id)
    }

    @Test(arguments: StoreKind.allCases) func whatNobodyStayedForIsNotShown(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let begun = try await ledger.reserved(in: session)
        try await ledger.forfeit(Exchange("begun", id: begun.id), begun, isCounted: true)
        let first = try await ledger.record("first", in: session)
        for isCounted in [true, false] {
            let place = try await ledger.reserved(in: session)
            try await ledger.forfeit(Exchange("left", id: place.id, after: first), place, isCounted: isCounted)
        }
        #expect(try await pool.used(session) == 3)
        #expect(try await ledger.history(session).map(\.question) == ["first"])
        #expect(try await ledger.history(session, limit: 1).map(\.question) == ["first"], "a page is full")
        #expect(try await ledger.texts(above: .end(of: first.conversation), session) == ["first", "answer"])
        #expect(try await ledger.texts(above: .end(of: ConversationID(first: begun.id)), session) == nil)
    }

    @Test(arguments: StoreKind.allCases) func noRaceExceedsTheLimit(kind: StoreKind) async throws {
        let pool = try await StorePool(kind, messageLimit: 50)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let accepted = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<120 {
                group.addTask { (try? await ledger.record("question \(number)", in: session)) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(accepted == 50)
        #expect(try await ledger.history(session).count == 50)
        #expect(try await pool.used(session) == 50)
    }

    @Test(arguments: StoreKind.allCases) func reservedMessagesCountUntilTheyAreGivenBack(kind: StoreKind) async throws {
        let pool = try await StorePool(kind, messageLimit: 2)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let place = try await ledger.reserved(in: session)
        try await ledger.record("takes the other message", in: session)
        await #expect(throws: ChatError.quotaExceeded(limit: 2)) { try await ledger.reserved(in: session) }
        await #expect(throws: ChatError.quotaExceeded(limit: 2)) { try await ledger.record("late", in: session) }
        try await ledger.refund(place, sharing: nil)
        let again = try await ledger.reserved(in: session)
        try await ledger.record("uses its own place", in: session, place: again)
        #expect(try await ledger.history(session).count == 2)
    }

    @Test(arguments: StoreKind.allCases) func aDeadWorkersReservationLapsesHalfAMinuteAfterItsDeadline(
        kind: StoreKind
    ) async throws {
        let pool = try await StorePool(kind, messageLimit: 1)
        let ledger = try pool.process().ledger
        let (early, late) = (try await pool.session("a"), try await pool.session("b"))
        _ = try await ledger.reserved(in: early, by: .now - .seconds(20))
        await #expect(throws: ChatError.quotaExceeded(limit: 1)) { try await ledger.record("held up", in: early) }
        _ = try await ledger.reserved(in: late, by: .now - .seconds(30))
        try await ledger.record("not held up", in: late)
    }

    @Test(arguments: StoreKind.allCases) func aSessionThatIsNotLiveCanDoNothing(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let exchange = try await ledger.record("before", in: session)
        let place = try await ledger.reserved(in: session)
        #expect(try await pool.sessions.end(session.principal, at: Date()))
        func expectRefusal(_ note: Comment, _ work: () async throws -> Void) async {
            await #expect(throws: ChatError.sessionEnded, note) { try await work() }
        }
        await expectRefusal("record") { try await ledger.record("after", in: session) }
        await expectRefusal("reserve") { _ = try await ledger.reserved(in: session) }
        await expectRefusal("history") { _ = try await ledger.history(session) }
        await expectRefusal("branch") { _ = try await ledger.texts(above: .end(of: exchange.conversation), session) }
        await expectRefusal("exchange") { _ = try await ledger.exchange(exchange.id, of: session.principal).admitted() }
        try await ledger.record("asked before", in: session, place: place)
    }

    @Test(arguments: StoreKind.allCases) func anotherUsersSessionIsNobodys(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let session = try await pool.session().id
        let forged = Principal(session: session, user: UserID("user_" + String(repeating: "b", count: 32))!)
        let history = try await pool.process().ledger.history(of: forged, limit: 1, before: nil)
        #expect(throws: ChatError.sessionEnded) { _ = try history.admitted() }
    }

    @Test(arguments: StoreKind.allCases) func anEndedOrExpiredSessionIsNotLive(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (sessions, session) = (pool.sessions, try await pool.session())
        #expect(try await sessions.live(session.principal, at: Date())?.user == session.user)
        #expect(try await sessions.live(session.principal, at: session.expires) == nil)
        #expect(try await sessions.end(session.principal, at: Date()))
        #expect(try await !sessions.end(session.principal, at: Date()), "it is over already")
        #expect(try await sessions.live(session.principal, at: Date()) == nil)
    }
}

@Suite(.timeLimit(.minutes(2))) struct ExchangeIDTests {
    /// An id that an earlier program chose by chance may be one of ours.
    @Test func anothersExchangeIsNeitherTakenNorShown() async throws {
        let temporary = try await TemporaryDatabase()
        let (mine, other) = (try await temporary.session(), try await temporary.session("o"))
        let id = try await temporary.database.record("mine", in: mine).id
        let error = await #expect(throws: ChatError.self) {
            _ = try await temporary.database.record(Exchange("another's", id: id), for: other.principal)
        }
        #expect(error?.code == .unavailable)
        #expect(try await temporary.database.history(mine).map(\.question) == ["mine"])
        #expect(try await temporary.database.history(other).isEmpty)
    }

    @Test func noTwoProcessesHaveTheSameNumber() async throws {
        let temporary = try await TemporaryDatabase()
        var numbers: Set<Int> = []
        for _ in 0..<100 { numbers.insert(try #require(temporary.database.claimWorkerNumber())) }
        #expect(numbers.count == 100)
        #expect(
            try Database(path: "/nowhere/x", messageLimit: 1).claimWorkerNumber() == nil)
    }
}
