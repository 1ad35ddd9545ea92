import Chat
import Foundation
import GRDB
import Storage
import Testing

/// What goes by itself, what stays, and that nobody waits for it.
@Suite(.timeLimit(.minutes(2))) struct PurgeTests {
    private let temporary: TemporaryDatabase
    private var database: Storage.Database { temporary.database }

    init() async throws { temporary = try await TemporaryDatabase(messageLimit: 10_000) }

    private static let day: TimeInterval = 86_400

    /// Another process's look at the file.
    private func sql(_ statement: String) throws {
        try DatabaseQueue(path: temporary.path).write { try $0.execute(sql: statement) }
    }

    private func value(_ query: String) throws -> Int {
        try DatabaseQueue(path: temporary.path).read { try Int.fetchOne($0, sql: query) ?? 0 }
    }

    /// - Parameter days: as if that many had passed.
    private func purge(
        retentionDays: Int? = nil, keepsAddresses: Bool = false, answerSeconds: Double = 3_600, after days: Double = 0
    ) async throws -> Purge.Counts {
        var purge = Purge(
            database,
            PurgePolicy(retentionDays: retentionDays, keepsAddresses: keepsAddresses, answerSeconds: answerSeconds),
            now: Date() + days * Self.day)
        while try await purge.step() != nil {}
        return purge.counts
    }

    private func answer(_ number: Int, lifetime: TimeInterval = 3_600, bytes: Int = 1_000) throws -> CachedAnswer {
        let request = ModelRequest(
            messages: [.user("\(number)")], temperature: 0, maxTokens: 1)
        return CachedAnswer(
            key: CacheKey(request, scope: "s", models: "m"), text: String(repeating: "ä", count: bytes / 2), model: "m",
            provider: "p", usage: TokenUsage(prompt: 1, completion: 1),
            expires: Date() + lifetime + TimeInterval(number))
    }

    @Test func exchangesGoAfterTheirDaysAndSessionsWithThem() async throws {
        let session = try await temporary.session()
        for number in 0..<120 { try await database.record("\(number)", in: session) }
        let kept = try await purge(keepsAddresses: true, after: 5_000)
        #expect(kept.exchanges == 0 && kept.sessions == 0, "by default every text is kept, and its session")
        #expect(try await purge(retentionDays: 7, after: 6.9).exchanges == 0)
        let counts = try await purge(retentionDays: 7, after: 7.02)
        #expect(counts.exchanges == 120 && counts.sessions == 0, "a session is kept as long after its end")
        #expect(try await database.history(of: session.principal, limit: 10, before: nil).admitted().isEmpty)
        #expect(
            try await database.live(session.principal, at: Date())?.messagesUsed == 120, "the limit still counts them")
        #expect(try await purge(retentionDays: 7, after: 7.1).sessions == 1)
    }

    @Test func aConversationOutlivesItsBeginning() async throws {
        let session = try await temporary.session()
        let first = try await database.record("old", in: session)
        try await database.record("new", in: session, after: first)
        try sql("UPDATE exchanges SET created_at = created_at - 864000000 WHERE question = 'old'")
        #expect(try await purge(retentionDays: 7).exchanges == 1)
        #expect(try await database.texts(above: .end(of: first.conversation), session) == ["new", "answer"])
    }

    @Test func sessionsGoLongAfterTheirEndOnceNothingRefersToThem() async throws {
        let (unused, used) = (try await temporary.session("u"), try await temporary.session("s"))
        try await database.record("kept", in: used)
        #expect(try await purge(after: 29).sessions == 0)
        #expect(try await purge(after: 31).sessions == 1)
        let left = try await database.sessions(limit: 10)
        #expect(left.map(\.session.id) == [used.id])
        #expect(try await database.live(unused.principal, at: Date()) == nil)
        #expect(try await database.history(of: used.principal, limit: 10, before: nil).admitted().count == 1)
    }

    @Test func addressesInClearGoOnceTheirSessionHasEnded() async throws {
        let session = try await temporary.session()
        try await database.record("kept", in: session)
        #expect(try await purge().addresses == 0, "it is open")
        #expect(try await purge(keepsAddresses: true, after: 1).addresses == 0)
        #expect(try await purge(after: 1).addresses == 1)
        #expect(try await database.sessions(limit: 10).map(\.address) == [""])
        try sql("UPDATE sessions SET address = '\(String(repeating: "0f", count: 32))'")
        #expect(try await purge(after: 1).addresses == 0, "a hash stays")
    }

    @Test func answersStayBelowTheirBytesAndTheOldestGo() async throws {
        let small = try Storage.Database(
            path: temporary.path, messageLimit: 10_000, answerBytes: 50_000)
        let session = try await temporary.session()
        for number in 0..<100 {
            try await small.record("\(number)", in: session, caching: try answer(number))
            let bytes = try value("SELECT sum(length(request) + length(CAST(text AS BLOB))) FROM answers")
            #expect(bytes <= 50_000)
        }
        #expect(try await small.get(try answer(0).key) == nil)
        #expect(try await small.get(try answer(99).key) != nil)
        let count = try value("SELECT count(*) FROM answers")
        #expect((30...45).contains(count), "\(count) of 1,200 bytes each")
        // The same key again is no second answer, for an older program neither.
        for _ in 0..<200 { try await small.record("99", in: session, caching: try answer(99)) }
        #expect(try value("SELECT count(*) FROM answers") == count)
    }

    @Test func whatIsTooMuchAlreadyGoesInSmallSteps() async throws {
        let session = try await temporary.session()
        for number in 0..<200 { try await database.record("\(number)", in: session, caching: try answer(number)) }
        let small = try Storage.Database(
            path: temporary.path, messageLimit: 10_000, answerBytes: 20_000)
        var purge = Purge(small, PurgePolicy(retentionDays: nil, keepsAddresses: false, answerSeconds: 3_600))
        var last = 0
        while try await purge.step() != nil {
            #expect(purge.counts.answers - last <= 100, "nobody waits long for a step")
            last = purge.counts.answers
        }
        #expect(purge.counts.answers > 150)
        #expect(try value("SELECT count(*) FROM answers") == 200 - purge.counts.answers)
    }

    @Test func itGoesSlowlyWhileOthersWriteAndFastWhenNobodyDoes() async throws {
        let session = try await temporary.session()
        for number in 0..<1_200 { try await database.record("\(number)", in: session) }
        let other = try Storage.Database(path: temporary.path, messageLimit: 10_000)
        var purge = Purge(
            database, PurgePolicy(retentionDays: 7, keepsAddresses: true, answerSeconds: 3_600),
            now: Date() + 8 * Self.day)
        /// - Returns: rows that a step removed, and how many times as long as it took it rests then.
        func step() async throws -> (rows: Int, rests: Double) {
            let (before, start) = (purge.counts.exchanges, ContinuousClock.now)
            let rest = try #require(try await purge.step())
            let time = ContinuousClock.now - start
            try await Task.sleep(for: rest)
            return (purge.counts.exchanges - before, rest / time)
        }
        _ = try await step()
        let alone = try await step()
        #expect(alone.rows == 50 && alone.rests <= 1, "nobody is held up")
        for writer in [other, database] {
            try await writer.record("q", in: session)
            #expect(try await step().rests > 3, "next to another's write")
            #expect(try await step().rows == 20)
        }
        while try await step().rows < 50 {}
    }

    @Test func noAnswerIsKeptLongerThanTheTextsAre() async throws {
        let session = try await temporary.session()
        let year = 365 * Self.day
        try await database.record("q", in: session, caching: try answer(1, lifetime: year))
        #expect(try await purge(retentionDays: 7, answerSeconds: year, after: 6.9).answers == 0)
        #expect(try await purge(retentionDays: 7, answerSeconds: year, after: 7.1).answers == 1)
    }

    @Test func oneOfThePoolPurges() throws {
        let other = try Storage.Database(path: temporary.path, messageLimit: 1)
        #expect(try database.claimsPurging() && database.claimsPurging())
        #expect(try !other.claimsPurging())
    }

    @Test func requestsGoOnMeanwhile() async throws {
        let session = try await temporary.session()
        for number in 0..<400 { try await database.record("\(number)", in: session) }
        try sql("UPDATE exchanges SET created_at = created_at - 864000000")
        let purging = Task { try await purge(retentionDays: 7) }
        var slowest = Duration.zero
        for number in 0..<50 {
            let start = ContinuousClock.now
            try await database.record("new \(number)", in: session)
            slowest = max(slowest, ContinuousClock.now - start)
        }
        #expect(try await purging.value.exchanges == 400)
        #expect(slowest < .seconds(1))
        #expect(try await database.history(of: session.principal, limit: 100, before: nil).admitted().count == 50)
    }

    /// Files of the released versions are brought up to date, with what is in them.
    @Test func anOlderDatabasesAnswersAreCounted() async throws {
        let session = try await temporary.session()
        try await database.record("q", in: session, caching: try answer(1))
        await database.close()
        try sql(
            """
            DROP TRIGGER answers_replaced; DROP TRIGGER answers_added; DROP TRIGGER answers_removed;
            DROP TABLE answer_bytes; DROP INDEX sessions_by_end;
            DELETE FROM grdb_migrations WHERE identifier LIKE 'bytes of%';
            """)
        let newer = try Storage.Database(
            path: temporary.path, messageLimit: 10_000, answerBytes: 1_500)
        try await newer.record("q", in: session, caching: try answer(2))
        #expect(try await newer.get(try answer(1).key) == nil, "the bound counts it")
        #expect(try await newer.get(try answer(2).key) != nil)
    }
}
