import Chat
import Foundation
import GRDB
import SharedMemory
import Storage
import Support
import Testing

/// Deleted texts are gone, and what they cost is not.
@Suite(.timeLimit(.minutes(2))) struct DeletionTests {
    private let temporary: TemporaryDatabase
    private var database: Storage.Database { temporary.database }

    init() async throws { temporary = try await TemporaryDatabase(messageLimit: 100_000) }

    private func delete(_ deletion: Deletion, _ session: Session) async throws -> Int? {
        try await database.delete(deletion, for: session.principal).admitted()
    }

    /// Which of the texts are in the database's files.
    private func found(_ texts: [String]) throws -> [String] {
        var data = Data()
        for ending in ["", "-wal", "-journal"] {
            if let more = FileManager.default.contents(atPath: temporary.path + ending) { data += more }
        }
        return texts.filter { data.range(of: Data($0.utf8)) != nil }
    }

    private func value(_ query: String) throws -> Int {
        try DatabaseQueue(path: temporary.path).read { try Int.fetchOne($0, sql: query) ?? 0 }
    }

    @discardableResult
    private func record(
        _ question: String, _ answer: String, in session: Session, after parent: Exchange? = nil
    ) async throws -> Exchange {
        let key = CacheKey(asking: question)
        var exchange = Exchange(question, answer, after: parent)
        exchange.cachedAnswer = key.prefix
        let place = Reservation(id: exchange.id, principal: session.principal, key: key, deadline: .now)
        return try await database.settle(exchange, place, sharing: CachedAnswer(to: key, answer)).admitted()
    }

    @Test func aConversationsTextsAreGoneFromTheFiles() async throws {
        let (session, other) = (try await temporary.session(), try await temporary.session("o"))
        let one = try await record("first secret", "first answer", in: session)
        try await record("second secret", "second answer", in: session, after: one)
        let kept = try await record("kept question", "kept answer", in: session)
        try await record("other question", "other answer", in: other)
        let title = "a title of one's own"
        _ = try await database.rename(one.conversation, to: title, for: session.principal).admitted()
        let texts = ["first secret", "first answer", "second secret", "second answer", title]
        #expect(try found(texts) == texts)
        #expect(try await delete(.conversation(one.conversation), other) == nil, "not that session's")
        #expect(try found(texts) == texts)
        #expect(try await delete(.conversation(one.conversation), session) == 2)
        #expect(try found(texts) == [])
        #expect(try await delete(.conversation(one.conversation), session) == nil)
        #expect(try await database.history(session).map(\.id) == [kept.id])
        #expect(try await database.exchange(one.id, of: session.principal).admitted() == nil)
        #expect(try await database.get(CacheKey(asking: "first secret")) == nil)
        #expect(try await database.get(CacheKey(asking: "kept question"))?.text == "kept answer")
        #expect(try await delete(.everything, session) == 1)
        #expect(try found(["kept question", "kept answer"]) == [])
        #expect(try await database.history(other).count == 1)
        #expect(try await delete(.everything, session) == 0)
    }

    @Test func whatWasUsedAndPaidStays() async throws {
        let session = try await temporary.session()
        for number in 0..<3 { try await record("\(number)", "answer", in: session) }
        func usage(_ principal: Principal?) async throws -> [Int] {
            try await database.usage(by: .model, since: nil, for: principal).map(\.requests)
        }
        for who in [session.principal, nil] { #expect(try await usage(who) == [3]) }
        _ = try await delete(.everything, session)
        for who in [session.principal, nil] { #expect(try await usage(who) == [3]) }
        #expect(try await database.live(session.principal, at: Date())?.messagesUsed == 3)
    }

    /// Also what is asked by somebody who waits for another's answer, without a reservation.
    @Test func whatIsAskedMeanwhileLeavesNoText() async throws {
        let session = try await temporary.session()
        let first = try await record("first", "answer", in: session)
        let (place, late) = (try await database.reserved(in: session), Exchange("waiting text", after: first))
        var asked = Exchange("asked text", "its answer text", id: place.id, after: first)
        asked.cachedAnswer = CacheKey(asking: "asked").prefix
        #expect(try await delete(.conversation(first.conversation), session) == 1)
        for _ in 0..<2 {
            let settled = try await database.settle(
                asked, place, sharing: CachedAnswer(to: CacheKey(asking: "asked"), "its answer text")
            ).admitted()
            #expect(settled.isForgotten && settled.answer.text == "its answer text", "whoever asked is answered")
            #expect(try await database.record(late, for: session.principal).admitted().isForgotten)
        }
        #expect(try await database.get(CacheKey(asking: "asked")) == nil)
        #expect(try await database.history(session).isEmpty)
        #expect(try found(["asked text", "its answer text", "waiting text"]) == [])
        #expect(try await database.live(session.principal, at: Date())?.messagesUsed == 3, "counted once each")
        let next = Exchange("new text")
        #expect(try await !database.record(next, for: session.principal).admitted().isForgotten)
        let begun = try await database.reserved(in: session)
        #expect(try await delete(.conversation(ConversationID(first: begun.id)), session) == 0, "only being asked")
        let ended = try await database.settle(Exchange("begun text", id: begun.id), begun, sharing: nil).admitted()
        #expect(ended.isForgotten && !next.isForgotten)
        let all = try await database.reserved(in: session)
        #expect(try await delete(.everything, session) == 1)
        try await database.forfeit(Exchange("left text", id: all.id), all, isCounted: true)
        #expect(try found(["new text", "begun text", "left text"]) == [])
    }

    /// A session's token proves nothing; a key is its user.
    @Test func aProvedUserDeletesTheTextsOfAllSessions() async throws {
        let (_, key) = try await database.make(created: Date())
        let session = Session(
            id: .random(), user: key.user, created: Date(), expires: Date() + 3_600, messagesUsed: 0)
        try await database.insert(
            SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "127.0.0.1"))
        let one = try await record("session text", "a", in: session)
        try await database.record("key text", by: key)
        #expect(try await delete(.everything, session) == 1)
        #expect(try found(["session text", "key text"]) == ["key text"])
        try await record("session text", "a", in: session)
        #expect(try await database.delete(.conversation(one.conversation), for: key).admitted() == nil)
        #expect(try await database.delete(.everything, for: key).admitted() == 2)
        #expect(try found(["session text", "key text"]) == [])
    }

    /// Programs before this one did not write down which cached answer is an exchange's.
    @Test func anOlderRowsAnswerIsFoundByItsText() async throws {
        let session = try await temporary.session()
        let one = try await record("first secret", "first answer", in: session)
        for number in 0..<300 { try await record("\(number)", "answer \(number)", in: session) }
        try await DatabaseQueue(path: temporary.path).write {
            try $0.execute(sql: "UPDATE exchanges SET answer_key = NULL WHERE id = ?", arguments: [one.id.number])
        }
        #expect(try await delete(.conversation(one.conversation), session) == 1)
        #expect(try found(["first secret", "first answer"]) == [])
        #expect(try value("SELECT count(*) FROM answers") == 300)
    }

    /// Rows of all sizes, deleted in any order, by which SQLite moves them between its pages. Always the same ones: of some
    /// it would leave a copy in the unused part of a page, as the manual says.
    @Test func nothingIsLeftOfManyTexts() async throws {
        var random = SplitMix(state: 1)
        let (session, other) = (try await temporary.session(), try await temporary.session("o"))
        var firsts: [(exchange: Exchange, mark: String)] = []
        for number in 0..<200 {
            let mark = "text-\(number)-"
            let length = Int.random(in: 0...[20, 500, 6_000][number % 3], using: &random)
            let text = mark + String(repeating: "x", count: length)
            firsts.append((try await record(text, "answer " + text, in: session), mark))
            try await record(
                "other \(number)", String(repeating: "y", count: .random(in: 0...2_000, using: &random)), in: other)
        }
        firsts.shuffle(using: &random)
        let (gone, kept) = (firsts.prefix(12), firsts.dropFirst(12))
        for (first, _) in gone { _ = try await delete(.conversation(first.conversation), session) }
        #expect(try found(gone.map(\.mark)) == [])
        #expect(try found(kept.map(\.mark)).count == 188)
        #expect(try await delete(.everything, session) == 188)
        #expect(try found(firsts.map(\.mark)) == [])
        #expect(try await database.history(other).count == 100)
        try await database.checkIntegrity()
    }

    @Test func theMemoryOfADeletionGoesAfterADay() async throws {
        let session = try await temporary.session()
        let one = try await record("one", "1", in: session)
        _ = try await delete(.conversation(one.conversation), session)
        for (days, deletions, exchanges) in [(0.5, 1, 1), (1.5, 0, 1), (8, 0, 0)] {
            var purge = Purge(
                database, PurgePolicy(retentionDays: 7, keepsAddresses: true, answerSeconds: 60),
                now: Date() + days * 86_400)
            while try await purge.step() != nil {}
            #expect(try value("SELECT count(*) FROM deletions") == deletions)
            #expect(try value("SELECT count(*) FROM deleted_exchanges") == exchanges)
        }
    }

    @Test func everyWorkerHearsOfWhatWasPurged() throws {
        let board = try Board([PurgeBoard.section])
        let (one, other) = (PurgeBoard(on: board), PurgeBoard(on: board))
        #expect(one.purged(since: 0).answers == [] && one.count == 0)
        one.announce([7, 8])
        other.announce([9])
        #expect(one.purged(since: 0).answers == [7, 8, 9] && other.purged(since: 2).answers == [9])
        one.announce(Array(0..<1_024))
        let late = other.purged(since: 2)
        #expect(late.answers == nil && late.count == 1_027, "too many to tell")
        #expect(other.purged(since: 3).answers == Array(0..<1_024))
    }
}
