import Chat
import Foundation
import GRDB
import Storage
import Testing

/// What is above a question, for every ledger.
@Suite(.timeLimit(.minutes(2))) struct BranchTests {
    /// one ─ two ─ three
    ///  ├─── edited
    /// anew
    @Test(arguments: StoreKind.allCases) func aBranchIsAMessageAndWhatItFollows(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (ledger, session) = (try pool.process().ledger, try await pool.session())
        let one = try await ledger.record("one", "1", in: session)
        let two = try await ledger.record("two", "2", in: session, after: one)
        let three = try await ledger.record("three", "3", in: session, after: two)
        let edited = try await ledger.record("edited", "e", in: session, after: one)
        let anew = Exchange(
            id: ids.next(), conversation: one.conversation, question: "anew",
            answer: Answer(text: "a", origin: .model(name: "m", provider: "p")), danger: nil, created: Date())
        _ = try await ledger.record(anew, for: session.principal).admitted()
        let all = try await ledger.history(session)
        #expect(all.map(\.parent) == [nil, one.id, two.id, one.id, nil])
        #expect(
            try await ledger.texts(above: .below(three.id, in: nil), session) == ["one", "1", "two", "2", "three", "3"])
        #expect(try await ledger.texts(above: .below(edited.id, in: nil), session) == ["one", "1", "edited", "e"])
        #expect(try await ledger.texts(above: .end(of: one.conversation), session) == ["anew", "a"])
        #expect(try await ledger.texts(above: .beginning(of: one.conversation), session) == [])
        let again = try #require(
            try await ledger.branch(at: .again(three.id), for: session.principal, limit: 8).admitted())
        #expect(again.messages.map(\.text) == ["one", "1", "two", "2"] && again.parent == two.id)
        #expect(again.original?.question == "three" && again.conversation == one.conversation)
        let below = try await ledger.branch(at: .below(two.id, in: nil), for: session.principal, limit: 2).admitted()
        #expect(below?.messages.map(\.text) == ["two", "2"] && below?.parent == two.id)
        #expect(below?.conversation == one.conversation)
        let other = try await pool.session("o")
        for position in [
            Position.below(two.id, in: nil), .again(two.id), .end(of: one.conversation),
            .beginning(of: one.conversation),
        ] {
            #expect(try await ledger.texts(above: position, other) == nil, "\(position)")
        }
        #expect(try await ledger.exchange(two.id, of: session.principal).admitted()?.parent == one.id)
        #expect(try await ledger.exchange(two.id, of: other.principal).admitted() == nil)
    }

    /// What programs wrote that knew no branches, and write beside this one.
    @Test func aRowWithoutAParentFollowsTheOneBefore() async throws {
        let temporary = try await TemporaryDatabase()
        let (database, session) = (temporary.database, try await temporary.session())
        let one = try await database.record("one", "1", in: session)
        let two = try await database.record("two", "2", in: session, after: one)
        let three = try await database.record("three", "3", in: session, after: one)
        try await DatabaseQueue(path: temporary.path).write {
            try $0.execute(sql: "UPDATE exchanges SET parent = NULL")
        }
        #expect(try await database.history(session).map(\.parent) == [nil, one.id, two.id])
        let all = ["one", "1", "two", "2", "three", "3"]
        #expect(try await database.texts(above: .below(three.id, in: nil), session) == all)
        let four = try await database.record("four", "4", in: session, after: three)
        #expect(try await database.texts(above: .below(four.id, in: nil), session) == all + ["four", "4"])
    }

    /// A key is its user: all sessions of that one are its own.
    @Test func aProvedUserHasTheTextsOfAllSessions() async throws {
        let temporary = try await TemporaryDatabase()
        let database = temporary.database
        let (_, key) = try await database.make(created: Date())
        let session = Session(
            id: .random(), user: key.user, created: Date(), expires: Date() + 3_600, messagesUsed: 0)
        try await database.insert(
            SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "127.0.0.1"))
        let one = try await database.record("one", "1", in: session)
        let found = try await database.branch(at: .below(one.id, in: nil), for: key, limit: 8).admitted()
        #expect(found?.messages.map(\.text) == ["one", "1"])
        #expect(try await database.exchange(one.id, of: key).admitted()?.question == "one")
        let two = Exchange("two", "2", after: one)
        _ = try await database.record(two, for: key).admitted()
        #expect(
            try await database.exchange(two.id, of: session.principal).admitted() == nil,
            "a session's token proves nothing")
    }
}
