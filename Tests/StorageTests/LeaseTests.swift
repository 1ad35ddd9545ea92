import Chat
import Foundation
import Storage
import Support
import Testing

/// Two databases on one file are two processes, as far as leases go.
@Suite(.timeLimit(.minutes(2))) struct LeaseTests {
    private let temporary: TemporaryDatabase
    private let session: Session
    private let key: CacheKey

    init() async throws {
        temporary = try await TemporaryDatabase()
        session = try await temporary.session()
        let request = ModelRequest(messages: [.user("q")], temperature: 0, maxTokens: 1)
        key = CacheKey(request, scope: "s", models: "m")
    }

    private func process() throws -> Database {
        try Database(path: temporary.path, messageLimit: 50, reservationLifetime: .seconds(60))
    }

    private func answer(_ lifetime: TimeInterval = 60) -> CachedAnswer {
        CachedAnswer(
            key: key, text: "a", model: "m", provider: "p", usage: TokenUsage(prompt: 1, completion: 1),
            expires: Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + lifetime).rounded()))
    }

    private func lease(_ beginning: Beginning) throws -> Lease {
        guard case .asked(let lease) = beginning else { throw Unexpected(description: "\(beginning)") }
        return lease
    }

    @Test func oneProcessAsksAndTheOthersWait() async throws {
        let (one, other) = (try process(), try process())
        let place = try await one.place(in: session, asking: key)
        #expect(try await one.isAwaited(key) == false)
        let lease = try lease(try await other.begin(for: session.principal, asking: key))
        #expect(try await one.isAwaited(key))
        #expect(try await other.progress(of: lease) == .held)
        let answer = answer()
        try await one.record("q", "a", in: session, place: place, caching: answer)
        #expect(try await other.progress(of: lease) == .answered(answer))
    }

    @Test func whoseSessionHasEndedNeitherWaitsNorGetsTheAnswer() async throws {
        let (one, other) = (try process(), try process())
        let late = try await temporary.session("l")
        #expect(try await other.end(late.principal, at: Date()))
        let place = try await one.place(in: session, asking: key)
        await #expect(throws: ChatError.sessionEnded) { _ = try await other.begin(for: late.principal, asking: key) }
        #expect(try await one.isAwaited(key) == false)
        try await one.record("q", "a", in: session, place: place, caching: answer())
        await #expect(throws: ChatError.sessionEnded) { _ = try await other.begin(for: late.principal, asking: key) }
    }

    @Test func whoComesAfterTheAnswerGetsIt() async throws {
        let (one, other) = (try process(), try process())
        let place = try await one.place(in: session, asking: key)
        let answer = answer()
        try await one.record("q", "a", in: session, place: place, caching: answer)
        guard case .answered(let found) = try await other.begin(for: session.principal, asking: key) else {
            return #expect(Bool(false), "asks again")
        }
        #expect(found == answer)
    }

    @Test func anExpiredAnswerIsAskedAnew() async throws {
        let one = try process()
        let place = try await one.place(in: session, asking: key)
        try await one.record("q", "a", in: session, place: place, caching: answer(-1))
        _ = try await one.place(in: session, asking: key)
    }

    @Test func aDeadHoldersLeaseIsTakenOver() async throws {
        let other = try process()
        var one: Database? = try process()
        _ = try await one?.place(in: session, asking: key)
        let lease = try lease(try await other.begin(for: session.principal, asking: key))
        #expect(try await other.progress(of: lease) == .held)
        one = nil
        // The writer's thread lets go of the database a moment later.
        try await until("the lease is free") { try await other.progress(of: lease) == .free }
        _ = try await other.place(in: session, asking: key)
    }

    @Test func aFailureIsForThoseWhoWaitedAndNobodyElse() async throws {
        let (one, other) = (try process(), try process())
        let place = try await one.place(in: session, asking: key)
        let lease = try lease(try await other.begin(for: session.principal, asking: key))
        let failure = ModelFailure(
            provider: "p", reason: .serverError(status: 503, retryAfter: .seconds(2)), detail: "down")
        try await one.release(place, sharing: failure)
        #expect(try await other.progress(of: lease) == .failed(failure))
        let next = try await other.place(in: session, asking: key)
        try await other.release(next, sharing: nil)
        #expect(try await other.progress(of: lease) == .free)
    }

    @Test func whatWasGivenUpIsFree() async throws {
        let (one, other) = (try process(), try process())
        let place = try await one.place(in: session, asking: key)
        let lease = try lease(try await other.begin(for: session.principal, asking: key))
        try await one.forfeit(place)
        #expect(try await other.progress(of: lease) == .free)
        #expect(try await other.live(session.principal, at: Date())?.messagesUsed == 1)
    }

    @Test func aLeaseOfOnesOwnIsNoObstacle() async throws {
        let one = try process()
        let orphan = try await one.place(in: session, asking: key)
        let next = try await one.place(in: session, asking: key)
        try await one.release(orphan, sharing: nil)
        _ = try lease(try await process().begin(for: session.principal, asking: key))
        try await one.release(next, sharing: nil)
        _ = try await process().place(in: session, asking: key)
    }

    @Test func whoNoLongerWaitsIsNotWaitedFor() async throws {
        let (one, other) = (try process(), try process())
        _ = try await one.place(in: session, asking: key)
        let lease = try lease(try await other.begin(for: session.principal, asking: key))
        #expect(try await one.isAwaited(key))
        #expect(try await other.isAwaited(key) == false, "one that waits is not waited for")
        try await other.stopWaiting(for: lease)
        #expect(try await one.isAwaited(key) == false)
    }

    @Test func aLeaseLapses() async throws {
        let one = try Database(path: temporary.path, messageLimit: 50, reservationLifetime: .zero)
        _ = try await one.place(in: session, asking: key)
        _ = try await process().place(in: session, asking: key)
    }

    @Test func anExpiredAnswerStaysForATimeWithoutModels() async throws {
        let keeping = try Database(
            path: temporary.path, messageLimit: 50, reservationLifetime: .zero, staleLifetime: .seconds(60))
        for (database, isKept) in [(keeping, true), (try process(), false)] {
            try await database.record("q", in: session, caching: answer(-10))
            let request = ModelRequest(
                messages: [.user("another")], temperature: 0, maxTokens: 1)
            let another = CachedAnswer(
                key: CacheKey(request, scope: "s", models: "m"), text: "b", model: "m", provider: "p",
                usage: TokenUsage(prompt: 1, completion: 1), expires: Date() + 60)
            try await database.record("another", in: session, caching: another)
            #expect((try await database.stored(for: key) != nil) == isKept)
        }
    }
}
