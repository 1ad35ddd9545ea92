import Chat
import Foundation
import GRDB
import Storage
import Synchronization
import Testing

/// What every exchange adds to the daily usage, and what becomes of calls that nobody settled.
@Suite(.timeLimit(.minutes(2))) struct UsageTests {
    private let pool: KeyPool
    private let database: Storage.Database

    init() async throws {
        pool = try await KeyPool()
        database = try pool.process()
    }

    /// Past the end of every reservation.
    private func lapse() { pool.pass(3_600) }

    private func sql(_ statement: String) throws {
        try DatabaseQueue(path: pool.temporary.path).write { try $0.execute(sql: statement) }
    }

    private func rows(_ query: String) throws -> [String] {
        try DatabaseQueue(path: pool.temporary.path).read { db in
            try Row.fetchAll(db, sql: query).map { row in
                row.databaseValues.map(\.description).joined(separator: " ")
            }
        }
    }

    /// The daily usage is what the exchanges come to.
    private func expectThatUsageAddsUp(_ location: SourceLocation = #_sourceLocation) throws {
        let kept = try rows("SELECT * FROM usage WHERE requests <> 0 ORDER BY 1, 2, 3, 4")
        let exchanges = try rows(
            """
            SELECT exchanges.created_at / 86400000, user_id, ifnull(model, ''), ifnull(provider, ''), count(*),
                sum(CASE origin WHEN 'model' THEN prompt_tokens ELSE 0 END),
                sum(CASE origin WHEN 'model' THEN completion_tokens ELSE 0 END),
                sum(CASE origin WHEN 'model' THEN cached_prompt_tokens ELSE 0 END),
                ifnull(sum(cost), 0), ifnull(sum(saved), 0),
                sum(origin = 'model' AND cost IS NULL), sum(origin = 'model' AND estimated = 1)
            FROM exchanges JOIN sessions ON sessions.id = session_id GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
            """)
        #expect(kept == exchanges, sourceLocation: location)
    }

    private func states() throws -> [String] { try rows("SELECT state, cost FROM exchanges ORDER BY id") }

    private func usage(_ grouping: UsageGrouping = .key) async throws -> [UsageRow] {
        try await database.usage(by: grouping, since: nil, for: nil)
    }

    private func purge(after days: Double = 0) async throws -> Purge.Counts {
        var purge = Purge(
            database, PurgePolicy(retentionDays: nil, keepsAddresses: true, answerSeconds: 3_600),
            now: pool.now.withLock { $0 } + days * 86_400)
        while try await purge.step() != nil {}
        return purge.counts
    }

    @Test func whoLeavesLeavesAnExchange() async throws {
        let (key, principal) = try await database.make()
        let place = database.place(principal)
        #expect(try await database.reserve(place).isGranted)
        for _ in 0..<2 { try await database.forfeit(place, dollars: "0.25") }
        #expect(try states() == ["\"abandoned\" 250000000000"])
        let row = try #require(try await usage().first)
        #expect(row.group == key.id.rawValue && row.name == "n" && row.requests == 1 && row.unpriced == 0)
        #expect(row.cost == Money(dollars: "0.25"))
        try expectThatUsageAddsUp()
    }

    @Test func nothingIsRecordedOfWhatCostNothing() async throws {
        let (_, principal) = try await database.make()
        let places = [database.place(principal), database.place(principal)]
        for place in places { #expect(try await database.reserve(place).isGranted) }
        try await database.refund(places[0], sharing: nil)
        try await database.forfeit(places[1])
        #expect(try states().isEmpty)
        #expect(try await usage().isEmpty)
    }

    /// By the next question of the same key, or by the process that purges.
    @Test(arguments: [false, true]) func aReservationThatLapsedIsAnUnsettledCall(isPurged: Bool) async throws {
        let (key, principal) = try await database.make(budget: "1usd/day")
        let place = database.place(principal, dollars: "1")
        #expect(try await database.reserve(place).isGranted)
        #expect(try await purge() == Purge.Counts(), "it is still asked")
        lapse()
        if isPurged {
            #expect(try await purge().reservations == 1)
            #expect(try await purge().reservations == 0)
        } else {
            let other = database.place(principal, dollars: "1")
            #expect(try await database.reserve(other).isGranted, "the budget is free again")
            try await database.refund(other, sharing: nil)
        }
        #expect(try states() == ["\"unsettled\" NULL"])
        let row = try #require(try await usage().first)
        #expect(row.requests == 1 && row.cost == nil && row.unpriced == 1 && row.group == key.id.rawValue)
        #expect(try await usage(.model).map(\.group) == [nil])
        #expect(try await database.spent(key) == "0")
        #expect(try await database.reserve(database.place(principal, dollars: "1")).isGranted)
        #expect(try await database.history(of: principal, limit: 9, before: nil).admitted().isEmpty)
        try expectThatUsageAddsUp()
    }

    /// A worker may have held a thousand for one key.
    @Test func noQuestionPaysForAllThatLapsed() async throws {
        let (key, principal) = try await database.make(budget: "100usd/day")
        for _ in 0..<100 {
            #expect(try await database.reserve(database.place(principal, dollars: "1")).isGranted)
        }
        lapse()
        let place = database.place(principal, dollars: "100")
        #expect(try await database.reserve(place).isGranted, "what has lapsed holds nothing")
        try await database.settle(place, dollars: "1")
        #expect(try await usage().map(\.requests) == [9])
        try expectThatUsageAddsUp()
        #expect(try await purge().reservations == 92)
        #expect(try await usage().map(\.unpriced) == [100])
        #expect(try await database.spent(key) == "1")
        try expectThatUsageAddsUp()
    }

    @Test func whatIsSettledLateTakesThePlaceOfTheUnsettled() async throws {
        let (key, principal) = try await database.make(budget: "9usd/day")
        let places = (0..<4).map { _ in database.place(principal, dollars: "1") }
        for place in places { #expect(try await database.reserve(place).isGranted) }
        lapse()
        #expect(try await purge().reservations == 4)
        for _ in 0..<2 {
            #expect(try await database.settle(places[0], dollars: "0.5").answer.text == "a")
            try await database.forfeit(places[1], dollars: "0.25")
            try await database.refund(places[2], sharing: nil)
            try await database.forfeit(places[3])
        }
        #expect(try states() == ["\"complete\" 500000000000", "\"abandoned\" 250000000000"])
        #expect(try await database.spent(key) == "0.75")
        let row = try #require(try await usage().first)
        #expect(row.requests == 2 && row.cost == Money(dollars: "0.75") && row.unpriced == 0)
        #expect(try await database.history(of: principal, limit: 9, before: nil).admitted().map(\.id) == [places[0].id])
        try expectThatUsageAddsUp()
    }

    /// The limit is two.
    @Test func aSessionsMessageIsCountedWhenItsCallIsSettledLate() async throws {
        let session = try await pool.temporary.session(lifetime: 1e9)
        let place = try await database.reserved(in: session)
        lapse()
        #expect(try await purge().reservations == 1)
        try await database.record("one", in: session)
        #expect(try await database.record("late", in: session, place: place).question == "late")
        await #expect(throws: ChatError.quotaExceeded(limit: 2)) { try await database.record("three", in: session) }
        #expect(try await database.history(session).map(\.question) == ["late", "one"])
        try expectThatUsageAddsUp()
    }

    @Test func aMessageThatIsGivenBackIsNotTheSessionsLast() async throws {
        let session = try await pool.temporary.session(lifetime: 1e9)
        try await database.record("one", in: session)
        let last = pool.now.withLock { $0 }
        for isCounted in [false, true] {
            pool.pass(60)
            let place = try await database.reserved(in: session)
            try await database.forfeit(Exchange(place, dollars: "1"), place, isCounted: isCounted)
            let record = try #require(try await database.sessions(limit: 1).first)
            #expect(record.session.messagesUsed == (isCounted ? 2 : 1))
            #expect(record.lastMessage == (isCounted ? last + 120 : last))
        }
        try expectThatUsageAddsUp()
    }

    @Test func usageAddsUpWhateverIsDone() async throws {
        let processes = [database, try pool.process()]
        let (_, first) = try await database.make("a")
        let (_, second) = try await database.make("b", limits: try RateLimits(parallel: 3))
        let foreign = try await database.settle(database.place(first), dollars: "1", tokens: 1)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                let (database, principal) = (processes[number % 2], number % 3 == 0 ? first : second)
                let place = database.place(principal)
                let dollars = number % 11 == 0 ? nil : "0.00\(number)"
                group.addTask {
                    _ = try? await database.reserve(place)
                    switch number % 7 {
                    case 0: _ = try? await database.settle(place, dollars: dollars, tokens: number)
                    case 1: try? await database.forfeit(place, dollars: dollars)
                    case 2: try? await database.refund(place, sharing: nil)
                    case 3: try? await database.record("blocked or cached", by: principal)
                    // Another's exchange: it fails, and with it all that would be committed together.
                    case 4: _ = try? await database.record(Exchange("q", id: foreign.id), for: second)
                    case 5: try? await database.forfeit(place)
                    default: break  // never settled
                    }
                }
            }
        }
        try expectThatUsageAddsUp()
        lapse()
        #expect(try await purge().reservations > 0)
        try expectThatUsageAddsUp()
        #expect(try await usage().count == 2)
    }

    @Test func anOlderDatabasesExchangesAreAddedUp() async throws {
        let (_, principal) = try await database.make()
        try await database.settle(database.place(principal), dollars: "0.5", tokens: 7)
        try await database.settle(database.place(principal), dollars: nil, tokens: 8)
        let session = try await pool.temporary.session(lifetime: 1e9)
        try await database.record("q", in: session)
        let before = try await usage()
        await database.close()
        try sql(
            """
            DROP TRIGGER conversation_begun; DROP TRIGGER conversation_continued; DROP TRIGGER conversation_shortened;
            DROP TABLE usage; ALTER TABLE exchanges DROP COLUMN state;
            DELETE FROM grdb_migrations WHERE identifier LIKE 'states of%';
            """)
        let newer = try pool.process()
        try await newer.prepare()
        #expect(try await newer.usage(by: .key, since: nil, for: nil) == before)
        #expect(try await newer.history(session).map(\.question) == ["q"])
        try expectThatUsageAddsUp()
    }

    @Test func noSumIsTooLarge() async throws {
        let (_, principal) = try await database.make()
        for _ in 0..<3 {
            let place = database.place(principal)
            let answer = Answer(text: "a", origin: .model(name: "m", provider: "p"), price: .maximum)
            let exchange = Exchange(
                id: place.id, conversation: ConversationID(first: place.id), question: "q", answer: answer, danger: nil,
                created: place.id.created)
            _ = try await database.settle(exchange, place, sharing: nil).admitted()
            try sql("UPDATE usage SET day = day - 1")
        }
        for grouping in UsageGrouping.allCases { #expect(try await usage(grouping).map(\.cost).contains(.maximum)) }
    }

    @Test func usageGoesAfterFourHundredDays() async throws {
        let (_, principal) = try await database.make()
        for _ in 0..<120 {
            try await database.settle(database.place(principal), dollars: "1")
            try sql("UPDATE usage SET day = day - 10")
        }
        #expect(try await usage(.day).count == 120)
        #expect(try await purge(after: -2_000).usage == 0)
        // By the clock of the ids, which is the real one.
        var purge = Purge(database, PurgePolicy(retentionDays: nil, keepsAddresses: true, answerSeconds: 1))
        while try await purge.step() != nil {}
        #expect(purge.counts.usage == 80 && purge.counts.exchanges == 0)
        #expect(try await usage(.day).count == 40)
    }
}
