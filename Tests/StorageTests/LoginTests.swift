import Chat
import Foundation
import GRDB
import Storage
import Synchronization
import Testing

/// Codes, and the sessions that come by them, where two processes share a file.
@Suite(.timeLimit(.minutes(2))) struct LoginTests {
    private final class Clock: Sendable {
        private let date = Mutex(Date())
        var now: Date { date.withLock { $0 } }
        func move(by seconds: TimeInterval) { date.withLock { $0 += seconds } }
    }

    private let temporary: TemporaryDatabase
    private let clock = Clock()
    private let database: Storage.Database
    private let other: Storage.Database

    init() async throws {
        temporary = try await TemporaryDatabase()
        database = try Database(path: temporary.path, messageLimit: 50, now: { [clock] in clock.now })
        other = try Database(path: temporary.path, messageLimit: 50, now: { [clock] in clock.now })
    }

    private let right: [UInt8] = Array("right".utf8)
    private let wrong: [UInt8] = Array("wrong".utf8)

    private func put(_ code: [UInt8], mailbox: Int = 20, client: Int = 20) async throws -> Bool {
        try await database.put(
            StoredCode(address: "ann", code: code), expires: clock.now + LoginCode.lifetime,
            mailbox: LimitedSubject("mailbox", DailyLimit(perDay: mailbox, atOnce: mailbox / 4)),
            client: LimitedSubject("client", DailyLimit(perDay: client, atOnce: client)))
    }

    private func redeem(
        _ code: [UInt8], of address: String = "ann", session: Session? = nil, in database: Storage.Database? = nil,
        tries: Int = 1_000
    ) async throws -> Bool {
        let session = session ?? self.session()
        return try await (database ?? self.database).redeem(
            StoredCode(address: address, code: code),
            for: SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "a"),
            client: LimitedSubject("tries", DailyLimit(perDay: tries, atOnce: tries)))
    }

    private func session(isProved: Bool = true) -> Session {
        Session(
            id: .random(), user: UserID("user_" + String(repeating: isProved ? "a" : "b", count: 32))!,
            created: clock.now,
            expires: clock.now + 3_600, messagesUsed: 0, isProved: isProved)
    }

    private func count(_ table: String) throws -> Int {
        try DatabaseQueue(path: temporary.path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? 0 }
    }

    @Test func aCodeOpensOneSessionWhoeverTriesAtOnce() async throws {
        #expect(try await put(right))
        let opened = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<16 {
                group.addTask { try await redeem(right, in: number.isMultiple(of: 2) ? database : other) }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(opened == 1)
        #expect(try count("sessions") == 1 && count("login_codes") == 0)
    }

    @Test func fiveWrongTriesInWhicheverProcessUseACodeUp() async throws {
        #expect(try await put(right))
        for number in 0..<4 { #expect(try await !redeem(wrong, in: number.isMultiple(of: 2) ? database : other)) }
        #expect(try await !redeem(right, of: "bob"), "it is another address's")
        #expect(try await redeem(right), "the fifth may be right")
        #expect(try await put(right))
        for number in 0..<5 { #expect(try await !redeem(wrong, in: number.isMultiple(of: 2) ? database : other)) }
        #expect(try await !redeem(right))
        #expect(try await !redeem([]), "nothing is no code")
        #expect(try count("sessions") == 1)
    }

    @Test func aCodeLivesTenMinutesOrUntilTheNext() async throws {
        #expect(try await put(wrong))
        #expect(try await put(right))
        #expect(try await !redeem(wrong), "the one before")
        clock.move(by: LoginCode.lifetime - 1)
        #expect(try await redeem(right))
        #expect(try await put(right))
        clock.move(by: LoginCode.lifetime)
        #expect(try await !redeem(right))
    }

    @Test func aMailboxIsSentSoManyAndTheLastOneStaysGood() async throws {
        for _ in 0..<4 { #expect(try await put(wrong)) }
        #expect(try await put(right))
        for _ in 0..<3 { #expect(try await !put(wrong)) }
        #expect(try await redeem(right), "what is not sent does not take its place")
        clock.move(by: 86_400 / 20)
        #expect(try await put(wrong))
        #expect(try await !put(wrong), "one more, and no more")
        clock.move(by: -1_000_000)
        #expect(try await put(wrong), "a clock that was set back shuts nobody out")
    }

    @Test func aNetworkAddressIsToldWhenItHasHadEnough() async throws {
        for _ in 0..<3 { _ = try await put(right, client: 3) }
        let asking = try await #require(throws: ChatError.self) { try await put(right, client: 3) }
        #expect(asking.code == .rateLimited && asking.retryAfter == 28_800)
        #expect(try await !redeem(wrong, tries: 2))
        #expect(try await !redeem(wrong, of: "nobody", tries: 2))
        let trying = try await #require(throws: ChatError.self) { try await redeem(right, tries: 2) }
        #expect(trying.code == .rateLimited)
    }

    @Test func whatAProvedSessionAskedBelongsToItsUserAlone() async throws {
        let (typed, one, two) = (session(isProved: false), session(), session())
        try await database.insert(SessionOpening(session: typed, emailHash: "e", browserHash: "b", address: "a"))
        for session in [one, two] {
            #expect(try await put(right))
            #expect(try await redeem(right, session: session))
        }
        // As a token says it, which knows nothing of proofs.
        func principal(_ session: Session) -> Principal { Principal(session: session.id, user: session.user) }
        func titles(_ session: Session) async throws -> [String] {
            try await database.conversations(of: principal(session), limit: 10, before: nil).admitted().map(\.title)
        }
        let first = try await database.record("proved", in: one)
        _ = try await database.record("typed", in: typed)
        #expect(try await titles(two) == ["proved"])
        #expect(try await titles(typed) == ["typed"])
        #expect(try await database.conversation(first.conversation, of: principal(typed)).admitted() == nil)
        #expect(try await database.live(principal(two), at: clock.now)?.isProved == true)
        #expect(try await database.live(principal(typed), at: clock.now)?.isProved == false)

        // What is being asked, too: any of the user's sessions may delete it.
        let place = try await database.reserved(in: one)
        let asked = ConversationID(first: place.id)
        #expect(try await database.delete(.conversation(asked), for: principal(typed)).admitted() == nil)
        #expect(try await database.delete(.conversation(asked), for: principal(two)).admitted() == 0)
        #expect(try await database.record("being asked", in: one, place: place).isForgotten)
        #expect(try await titles(two) == ["proved"])

        // What was asked lies before it.
        clock.move(by: 60)
        #expect(try await database.endAll(of: principal(typed), at: clock.now).refusal == .notProved)
        #expect(try await database.delete(.everything, for: principal(two)).admitted() == 1)
        #expect(try await titles(one).isEmpty)
        #expect(try await titles(typed) == ["typed"])
        #expect(try await database.endAll(of: principal(one), at: clock.now).admitted() == 2)
        #expect(try await database.endAll(of: principal(one), at: clock.now).refusal == .sessionEnded)
        #expect(try await database.live(principal(typed), at: clock.now) != nil)
    }

    @Test func aRowOfAProgramThatKnowsNoProofIsNotProved() async throws {
        let session = session()
        try await DatabaseQueue(path: temporary.path).write { db in
            try db.execute(
                sql: """
                    INSERT INTO sessions
                        (id, user_id, email_hash, browser_hash, address, created_at, expires_at, last_activity_at)
                    VALUES (?, ?, '', '', '', 0, 9000000000000, 0)
                    """, arguments: [session.id.rawValue, session.user.rawValue])
        }
        #expect(try await database.live(session.principal, at: clock.now)?.isProved == true, "as it asks")
        let principal = Principal(session: session.id, user: session.user)
        #expect(try await database.live(principal, at: clock.now)?.isProved == false)
    }

    @Test func oldCodesAndLimitsArePurged() async throws {
        #expect(try await put(right))
        #expect(try await !redeem(wrong))
        func purge() async throws {
            let policy = PurgePolicy(retentionDays: nil, keepsAddresses: false, answerSeconds: 0)
            var purge = Purge(database, policy, now: clock.now)
            while try await purge.step() != nil {}
        }
        try await purge()
        #expect(try count("login_codes") == 1 && count("login_limits") == 3)
        clock.move(by: 90_000)
        try await purge()
        #expect(try count("login_codes") == 0 && count("login_limits") == 0)
    }

    @Test func anOperatorEndsSessionsOneByOneOrAll() async throws {
        let sessions = [session(), session(isProved: false), session()]
        for session in sessions {
            try await database.insert(SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "a"))
        }
        #expect(try await database.end(.sessions([sessions[0].id, sessions[0].id, .random()])) == 1)
        #expect(try await database.end(.users([UserID("user_" + String(repeating: "c", count: 32))!])) == 0)
        #expect(try await database.end(.users([sessions[1].user])) == 1)
        #expect(try await database.end(.all) == 1)
    }
}
