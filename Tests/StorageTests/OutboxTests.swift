import Chat
import Foundation
import GRDB
import Storage
import Support
import Synchronization
import Testing

/// What is to be told of exchanges stands in their own transactions, and goes with their texts.
@Suite(.timeLimit(.minutes(1))) struct OutboxTests {
    private let temporary: TemporaryDatabase
    private let database: Storage.Database

    init() async throws {
        let temporary = try await TemporaryDatabase()
        self.temporary = temporary
        database = try Self.database(temporary, [.discord, .webhook])
    }

    private static func database(_ temporary: TemporaryDatabase, _ kinds: [OutboxKind], capacity: Int = 100) throws
        -> Storage.Database
    {
        try Database(path: temporary.path, messageLimit: 100, outbox: OutboxIntake(kinds, capacity: capacity))
    }

    private func pending(_ kind: OutboxKind = .discord) async throws -> Int {
        let counts = try await database.counts(of: kind)
        let rows = try await DatabaseQueue(path: temporary.path).read { db in
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM outbox WHERE kind = ? AND is_dead = 0", arguments: [kind.rawValue])
        }
        #expect(rows == counts.pending && (counts.oldest == nil) == (rows == 0))
        return counts.pending
    }

    private func both() async throws -> [Int] { [try await pending(), try await pending(.webhook)] }

    @Test func eachSessionsComeOneAfterTheOther() async throws {
        let (one, two) = (try await temporary.session("a"), try await temporary.session("b"))
        let first = try await database.record("1", in: one)
        let second = try await database.record("2", in: two)
        let third = try await database.record("3", in: one)
        #expect(try await database.record(third, for: one.principal).admitted().id == third.id, "once more")
        var due = try await database.due(.discord, limit: 10)
        #expect(due.map(\.exchange) == [first.id, second.id])
        #expect(try await database.due(.webhook, limit: 1).map(\.exchange) == [first.id])
        let message = try #require(try await database.message(of: due[0]))
        #expect(message.exchange.question == "1" && message.user == one.user && message.thread == nil)
        try await database.remove(due[0])
        #expect(try await database.message(of: due[0]) == nil)
        try await database.postpone(due[1], until: Date() + 60, fault: "away")
        due = try await database.due(.discord, limit: 10)
        #expect(due.map(\.exchange) == [third.id])
        try await database.bury(due[0], fault: "refused")
        #expect(try await database.due(.discord, limit: 10).isEmpty)
        #expect(try await database.counts(of: .discord).dead == 1)
        #expect(try await both() == [1, 3])
        #expect(try await database.fault(of: .discord) == "away")
        #expect(try await database.buryAll(.webhook, queuedBefore: Date() + 1) == 3)
        #expect(try await both() == [1, 0])
        #expect(try await database.revive(.webhook) == 3)
        #expect(try await both() == [1, 3])
        #expect(try await database.due(.webhook, limit: 10).count == 2)
    }

    @Test func whatIsDeletedIsNotSent() async throws {
        let (session, other) = (try await temporary.session("a"), try await temporary.session("b"))
        let begun = try await database.record("first", in: session)
        try await database.record("second", in: session, after: begun)
        try await database.record("third", in: session)
        try await database.record("other", in: other)
        let entry = try #require(try await database.due(.discord, limit: 1).first)
        #expect(try await database.delete(.conversation(begun.conversation), for: session.principal).admitted() == 2)
        #expect(try await both() == [2, 2])
        #expect(try await database.message(of: entry) == nil)
        #expect(try await database.delete(.everything, for: session.principal).admitted() == 1)
        #expect(try await pending() == 1)

        // One that is being asked when its conversation is deleted.
        let place = try await database.reserved(in: session)
        _ = try await database.delete(.conversation(ConversationID(first: place.id)), for: session.principal)
        _ = try await database.settle(Exchange("late", id: place.id), place, sharing: nil).admitted()
        #expect(try await pending() == 1)

        // Whichever program removes an exchange, as a purge does.
        try await DatabaseQueue(path: temporary.path).write { db in
            try db.execute(sql: "DELETE FROM sessions WHERE id = ?", arguments: [other.id.rawValue])
        }
        #expect(try await both() == [0, 0])
    }

    /// The deletion of many goes step by step.
    @Test func whatIsAboutToBeDeletedIsNotSent() async throws {
        let session = try await temporary.session()
        let exchange = try await database.record("text", in: session)
        let entry = try #require(try await database.due(.discord, limit: 1).first)
        try await DatabaseQueue(path: temporary.path).write { db in
            try db.execute(
                sql: "INSERT INTO deletions VALUES (?, 0, ?, 0)",
                arguments: [session.id.rawValue, exchange.id.number])
        }
        #expect(try await database.message(of: entry) == nil)
    }

    @Test func keysAndAbandonedCallsAreToldToNobody() async throws {
        let (_, key) = try await database.make(created: Date())
        try await database.record("key text", by: key)
        let session = try await temporary.session()
        let place = try await database.reserved(in: session)
        try await database.forfeit(Exchange("left", id: place.id), place, isCounted: true)
        #expect(try await pending() == 0)
        let quiet = try Self.database(temporary, [])
        try await quiet.record("nobody is told", in: session)
        #expect(try await pending() == 0)
    }

    @Test func rowsAreBounded() async throws {
        let session = try await temporary.session()
        let full = Mutex(0)
        let small = try Database(
            path: temporary.path, messageLimit: 100,
            outbox: OutboxIntake([.discord], capacity: 2, onFull: { _ in full.withLock { $0 += 1 } }))
        for number in 0..<4 { try await small.record("\(number)", in: session) }
        #expect(try await pending() == 2)
        #expect(full.withLock { $0 } == 2)
        let entry = try #require(try await small.due(.discord, limit: 1).first)
        try await small.remove(entry)
        try await small.record("again", in: session)
        #expect(try await pending() == 2)
    }

    @Test func whoLoggedInIsKnownUntilTheThreadIs() async throws {
        let session = Session.opened("c")
        try await database.insert(
            SessionOpening(
                session: session, emailHash: "e", browserHash: "b", address: "",
                contact: SessionContact(email: "ann@example.com", address: "192.0.2.1")))
        try await database.record("1", in: session)
        let entry = try #require(try await database.due(.discord, limit: 1).first)
        #expect(try await database.message(of: entry)?.contact?.email == "ann@example.com")
        let thread = OutboxThread(channel: "1", id: "2", isBegun: true)
        try await database.keep(thread, of: session.id)
        let message = try #require(try await database.message(of: entry))
        #expect(message.contact == nil && message.thread == thread)
        try await database.keep(nil, of: session.id)
        #expect(try await database.message(of: entry)?.thread == nil)
    }

    @Test func aWeekLaterAllIsGone() async throws {
        let session = try await temporary.session()
        try await database.record("1", in: session)
        for (days, left) in [(6.0, 1), (8, 0)] {
            var purge = Purge(
                database, PurgePolicy(retentionDays: nil, keepsAddresses: true, answerSeconds: 60),
                now: Date() + days * 86_400)
            while try await purge.step() != nil {}
            #expect(try await pending() == left)
        }
    }

    @Test func oneProcessSendsUntilItYields() async throws {
        let other = try Self.database(temporary, [.discord])
        #expect(try database.claimsSending() && database.claimsSending())
        #expect(try !other.claimsSending())
        database.yieldSending()
        #expect(try other.claimsSending() && !database.claimsSending() && database.claimsPurging())
    }
}
