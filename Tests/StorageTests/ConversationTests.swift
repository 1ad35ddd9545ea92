import Chat
import Foundation
import GRDB
import Storage
import Testing

/// Conversations as a list shows them, and what is in them.
@Suite(.timeLimit(.minutes(2))) struct ConversationTests {
    private let temporary: TemporaryDatabase
    private var database: Storage.Database { temporary.database }

    init() async throws { temporary = try await TemporaryDatabase(messageLimit: 10_000) }

    private func sql(_ statement: String) throws {
        try DatabaseQueue(path: temporary.path).write { try $0.execute(sql: statement) }
    }

    private func list(_ session: Session, limit: Int = 100, before: ExchangeID? = nil) async throws -> [Conversation] {
        try await database.conversations(of: session.principal, limit: limit, before: before).admitted()
    }

    private func texts(_ id: ConversationID, _ session: Session, _ page: ConversationPage) async throws -> [String]? {
        try await database.conversation(id, of: session.principal, page).admitted()?.exchanges?.map(\.question)
    }

    @Test func theListHasTheNewestActivityFirstAndPages() async throws {
        let session = try await temporary.session()
        var firsts: [Exchange] = []
        for number in 0..<5 { firsts.append(try await database.record("question \(number)\nmore", in: session)) }
        let last = try await database.record("later", in: session, after: firsts[1])
        #expect(try await list(session).map(\.id) == [1, 4, 3, 2, 0].map { firsts[$0].conversation })
        let newest = try #require(try await list(session).first)
        #expect(newest.title == "question 1" && newest.count == 2 && newest.last == last.id)
        var (found, cursor): ([ConversationID], ExchangeID?) = ([], nil)
        while let page = Optional(try await list(session, limit: 2, before: cursor)), !page.isEmpty {
            found += page.map(\.id)
            cursor = page.last?.last
        }
        #expect(found == [1, 4, 3, 2, 0].map { firsts[$0].conversation })
        #expect(try await list(try await temporary.session("o")).isEmpty)
    }

    @Test func whatNobodyStayedForIsInNoList() async throws {
        let session = try await temporary.session()
        let place = try await database.reserved(in: session)
        try await database.forfeit(Exchange("left", id: place.id), place, isCounted: true)
        #expect(try await list(session).isEmpty)
    }

    @Test func aTitleIsTheFirstLineUntilItIsChanged() async throws {
        let session = try await temporary.session()
        let first = try await database.record(String(repeating: "é", count: 61) + "\nmore", in: session)
        func rename(_ title: String?, _ session: Session) async throws -> Conversation? {
            try await database.rename(first.conversation, to: title, for: session.principal).admitted()
        }
        let derived = String(repeating: "é", count: 59) + "…"
        #expect(try await list(session).map(\.title) == [derived])
        #expect(try await rename("Mine", session)?.title == "Mine")
        _ = try await database.record("two", in: session, after: first)
        #expect(try await list(session).map(\.title) == ["Mine"])
        #expect(try await rename("Yours", try await temporary.session("o")) == nil)
        #expect(try await rename(nil, session)?.title == derived)
    }

    /// The question of a program may have megabytes.
    @Test func aTitleIsMadeOfTheBeginningOfALongQuestion() async throws {
        let session = try await temporary.session()
        for line in ["short\n", "", String(repeating: "ß", count: 511) + "\n"] {
            _ = try await database.record(line + String(repeating: "ß", count: 1_000_000), in: session)
        }
        let cut = String(repeating: "ß", count: 59) + "…"
        #expect(try await list(session).map(\.title) == [cut, cut, "short"])
    }

    @Test func aConversationShowsABranchOrAllVersions() async throws {
        let session = try await temporary.session()
        let one = try await database.record("one", in: session)
        let two = try await database.record("two", in: session, after: one)
        let three = try await database.record("three", in: session, after: two)
        let edited = try await database.record("edited", in: session, after: one)
        let id = one.conversation
        #expect(try await texts(id, session, ConversationPage(limit: 10)) == ["one", "edited"])
        #expect(
            try await texts(id, session, ConversationPage(.branch(three.id), limit: 10)) == ["one", "two", "three"])
        #expect(try await texts(id, session, ConversationPage(.branch(three.id), limit: 2)) == ["two", "three"])
        #expect(try await texts(id, session, ConversationPage(before: three.id, limit: 10)) == ["one", "two"])
        #expect(try await texts(id, session, ConversationPage(.all, limit: 10)) == ["one", "two", "three", "edited"])
        #expect(try await texts(id, session, ConversationPage(.all, before: three.id, limit: 1)) == ["two"])
        #expect(try await texts(id, session, ConversationPage(.all, before: two.id, limit: 5)) == ["one"])
        let other = try await database.record("other", in: session)
        #expect(try await texts(id, session, ConversationPage(.branch(other.id), limit: 5)) == nil, "not in it")
        #expect(try await texts(id, try await temporary.session("o"), ConversationPage(limit: 5)) == nil)
        #expect(
            try await texts(two.conversation, session, ConversationPage(.branch(edited.id), limit: 1)) == ["edited"])
    }

    @Test func aConversationIsListedAsLongAsAnythingOfItIsLeft() async throws {
        let session = try await temporary.session()
        let one = try await database.record("one", in: session)
        let two = try await database.record("two", in: session, after: one)
        _ = try await database.rename(one.conversation, to: "Mine", for: session.principal).admitted()
        try sql("DELETE FROM exchanges WHERE id = \(one.id.number)")
        #expect(try await list(session).map(\.title) == ["Mine"])
        _ = try await database.rename(one.conversation, to: nil, for: session.principal).admitted()
        let left = try await list(session)
        #expect(left.map(\.title) == ["two"] && left.map(\.count) == [1])
        #expect(try await texts(one.conversation, session, ConversationPage(limit: 5)) == ["two"])
        #expect(try await texts(one.conversation, session, ConversationPage(.all, limit: 5)) == ["two"])
        try sql("DELETE FROM exchanges WHERE id = \(two.id.number)")
        #expect(try await list(session).isEmpty)
        let three = try await database.record("three", in: session, after: two)
        #expect(try await list(session).map(\.last) == [three.id])
    }

    @Test func aProvedUserHasTheConversationsOfAllSessions() async throws {
        let (_, key) = try await database.make(created: Date())
        var sessions: [Session] = []
        for _ in 0..<2 {
            let session = Session(
                id: .random(), user: key.user, created: Date(), expires: Date() + 3_600, messagesUsed: 0)
            try await database.insert(
                SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "127.0.0.1"))
            sessions.append(session)
        }
        var found: [String] = []
        for number in 0..<6 {
            try await database.record("\(number)", in: sessions[number % 2])
            found.append("\(number)")
        }
        #expect(
            try await database.conversations(of: key, limit: 4, before: nil).admitted().map(\.title)
                == ["5", "4", "3", "2"])
        #expect(
            try await database.history(of: key, limit: 4, before: nil).admitted().map(\.question) == [
                "2", "3", "4", "5",
            ])
        let mine = try await list(sessions[0])
        #expect(mine.map(\.title) == ["4", "2", "0"], "a session's token proves nothing")
        #expect(try await database.rename(mine[0].id, to: "x", for: key).admitted()?.title == "x")
    }

    /// Files of released versions, whose programs go on writing beside this one.
    @Test func anOlderDatabasesConversationsAreListed() async throws {
        let session = try await temporary.session()
        let one = try await database.record("one", in: session)
        _ = try await database.record("alone", in: session)
        let two = try await database.record("two", in: session, after: one)
        await database.close()
        try sql(
            """
            DROP TRIGGER conversation_begun; DROP TRIGGER conversation_continued; DROP TRIGGER conversation_shortened;
            DROP TABLE conversations; DROP INDEX sessions_by_user;
            DELETE FROM grdb_migrations WHERE identifier = 'conversations';
            """)
        try await database.prepare()
        #expect(try await list(session).map(\.title) == ["one", "alone"])
        let old = """
            INSERT OR IGNORE INTO exchanges (id, session_id, conversation, created_at, origin, prompt_tokens,
                completion_tokens, total_tokens, question, answer)
            VALUES (\(two.id.number + 1), '\(session.id.rawValue)', \(one.id.number), 0, 'model', 0, 0, 0, 'q', 'a')
            """
        for _ in 0..<2 { try sql(old) }
        let listed = try #require(try await list(session).first)
        #expect(listed.count == 3 && listed.last.number == two.id.number + 1)
        #expect(try await database.history(session).last?.parent == two.id)
    }
}
