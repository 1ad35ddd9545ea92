import Chat
import Foundation
import Storage
import Support
import Testing

/// What every store of answers must do.
@Suite(.timeLimit(.minutes(2))) struct AnswerStoreTests {
    @Test(arguments: StoreKind.allCases) func givesEveryProcessTheLatestAnswerToThatRequest(kind: StoreKind)
        async throws
    {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process().answers, try pool.process().answers)
        let key = CacheKey(asking: "q")
        #expect(try await one.get(key) == nil)
        try await one.put(CachedAnswer(to: key, "old"))
        let answer = CachedAnswer(to: key, "new", lifetime: -1)
        try await one.put(answer)
        #expect(try await other.get(key) == answer, "expired or not")
        #expect(try await other.get(CacheKey(asking: "another")) == nil)
    }

    @Test(arguments: StoreKind.allCases) func isThereForEveryWorkerOnceItsExchangeIsRecorded(kind: StoreKind)
        async throws
    {
        let pool = try await StorePool(kind)
        let session = try await pool.session()
        let fresh = CachedAnswer(to: CacheKey(asking: "q"))
        try await pool.process().ledger.record("q", in: session, caching: fresh)
        #expect(try await pool.process().answers.get(fresh.key) == fresh)
    }

    @Test(arguments: StoreKind.allCases) func isNotThereWhenItsExchangeWasRefused(kind: StoreKind) async throws {
        let pool = try await StorePool(kind, messageLimit: 1)
        let (stores, session) = (try pool.process(), try await pool.session())
        try await stores.ledger.record("one", in: session)
        let fresh = CachedAnswer(to: CacheKey(asking: "two"))
        await #expect(throws: ChatError.self) { try await stores.ledger.record("two", in: session, caching: fresh) }
        #expect(try await stores.answers.get(fresh.key) == nil)
    }

    @Test func anExpiredAnswerStaysForATimeWithoutModels() async throws {
        let temporary = try await TemporaryDatabase()
        let session = try await temporary.session()
        let key = CacheKey(asking: "q")
        let keeping = try Database(
            path: temporary.path, messageLimit: 50, staleLifetime: .seconds(60))
        for (database, isKept) in [(keeping, true), (temporary.database, false)] {
            try await database.record("q", in: session, caching: CachedAnswer(to: key, lifetime: -10))
            try await database.record("b", in: session, caching: CachedAnswer(to: CacheKey(asking: "another")))
            #expect((try await database.get(key) != nil) == isKept)
        }
    }
}

/// What every store of leases must do: on its own, and taken and ended with a reservation.
@Suite(.timeLimit(.minutes(2))) struct CallLeaseTests {
    private let key = CacheKey(asking: "q")

    @Test(arguments: StoreKind.allCases) func oneProcessAsksAndTheOthersWait(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process(), try pool.process())
        let session = try await pool.session()
        let place = try await one.ledger.reserved(in: session, asking: key)
        #expect(try await one.leases.isAwaited(key) == false)
        let lease = try await other.ledger.lease(in: session, asking: key)
        #expect(lease.id == place.id)
        #expect(try await one.leases.isAwaited(key))
        #expect(try await other.leases.progress(of: lease) == .leased)
        let answer = CachedAnswer(to: key)
        try await one.ledger.record("q", "a", in: session, place: place, caching: answer)
        // Where answers are kept elsewhere, the next reservation finds it.
        #expect([.answered(answer), .free].contains(try await other.leases.progress(of: lease)))
        guard
            case .answered(let found) = try await other.ledger.reserve(
                Reservation(id: ids.next(), principal: session.principal, key: key, deadline: .now)
            ).admitted()
        else { return #expect(Bool(false), "asks again") }
        #expect(found == answer)
    }

    @Test(arguments: StoreKind.allCases) func aLeaseOnItsOwnIsTakenAndReleasedOnce(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process().leases, try pool.process().leases)
        let (id, another) = (ids.next(), ids.next())
        for _ in 0..<2 { #expect(try await one.acquire(key, for: id, lifetime: .seconds(60)) == nil) }
        let lease = try #require(try await other.acquire(key, for: another, lifetime: .seconds(60)))
        #expect(lease == Lease(key: key, id: id))
        #expect(try await other.progress(of: lease) == .leased)
        for _ in 0..<2 { try await one.release(key, for: id, sharing: nil) }
        #expect(try await other.progress(of: lease) == .free)
        #expect(try await other.acquire(key, for: another, lifetime: .seconds(60)) == nil)
        try await one.release(key, for: id, sharing: nil)
        #expect(
            try await one.acquire(key, for: ids.next(), lifetime: .seconds(60))?.id == another,
            "what ended before ends no other")
    }

    @Test(arguments: StoreKind.allCases) func whoseSessionHasEndedNeitherWaitsNorGetsTheAnswer(kind: StoreKind)
        async throws
    {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process(), try pool.process())
        let (session, late) = (try await pool.session(), try await pool.session("l"))
        #expect(try await pool.sessions.end(late.principal, at: Date()))
        let place = try await one.ledger.reserved(in: session, asking: key)
        await #expect(throws: ChatError.sessionEnded) { _ = try await other.ledger.reserved(in: late, asking: key) }
        #expect(try await one.leases.isAwaited(key) == false)
        try await one.ledger.record("q", "a", in: session, place: place, caching: CachedAnswer(to: key))
        await #expect(throws: ChatError.sessionEnded) { _ = try await other.ledger.reserved(in: late, asking: key) }
    }

    @Test(arguments: StoreKind.allCases) func anExpiredAnswerIsAskedAnew(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, session) = (try pool.process().ledger, try await pool.session())
        let place = try await one.reserved(in: session, asking: key)
        try await one.record("q", "a", in: session, place: place, caching: CachedAnswer(to: key, lifetime: -1))
        _ = try await one.reserved(in: session, asking: key)
    }

    @Test(arguments: StoreKind.allCases) func aDeadHoldersLeaseIsTakenOver(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (other, session) = (try pool.process(), try await pool.session())
        var one: Stores? = try pool.process()
        _ = try await one?.ledger.reserved(in: session, asking: key)
        let lease = try await other.ledger.lease(in: session, asking: key)
        #expect(try await other.leases.progress(of: lease) == .leased)
        one = nil
        // The writer's thread lets go of the database a moment later.
        try await until("the lease is free") { try await other.leases.progress(of: lease) == .free }
        _ = try await other.ledger.reserved(in: session, asking: key)
    }

    @Test(arguments: StoreKind.allCases) func aFailureIsForThoseWhoWaitedAndNobodyElse(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process(), try pool.process())
        let session = try await pool.session()
        let place = try await one.ledger.reserved(in: session, asking: key)
        let lease = try await other.ledger.lease(in: session, asking: key)
        let failure = ModelFailure(
            provider: "p", reason: .serverError(status: 503, retryAfter: .seconds(2)), detail: "down")
        for _ in 0..<2 { try await one.ledger.refund(place, sharing: failure) }
        #expect(try await other.leases.progress(of: lease) == .failed(failure))
        let next = try await other.ledger.reserved(in: session, asking: key)
        try await other.ledger.refund(next, sharing: failure)
        #expect(try await other.leases.progress(of: Lease(key: key, id: next.id)) == .free, "nobody waited")
    }

    @Test(arguments: StoreKind.allCases) func whatWasGivenUpIsFree(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process(), try pool.process())
        let session = try await pool.session()
        let place = try await one.ledger.reserved(in: session, asking: key)
        let lease = try await other.ledger.lease(in: session, asking: key)
        try await one.ledger.forfeit(place)
        #expect(try await other.leases.progress(of: lease) == .free)
        #expect(try await pool.used(session) == 1)
    }

    @Test(arguments: StoreKind.allCases) func aLeaseOfOnesOwnIsNoObstacle(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process(), try pool.process())
        let session = try await pool.session()
        let orphan = try await one.ledger.reserved(in: session, asking: key)
        let next = try await one.ledger.reserved(in: session, asking: key)
        try await one.ledger.refund(orphan, sharing: nil)
        _ = try await other.ledger.lease(in: session, asking: key)
        try await one.ledger.refund(next, sharing: nil)
        _ = try await other.ledger.reserved(in: session, asking: key)
    }

    @Test(arguments: StoreKind.allCases) func whoNoLongerWaitsIsNotWaitedFor(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process(), try pool.process())
        let session = try await pool.session()
        _ = try await one.ledger.reserved(in: session, asking: key)
        let lease = try await other.ledger.lease(in: session, asking: key)
        #expect(try await one.leases.isAwaited(key))
        #expect(try await other.leases.isAwaited(key) == false, "one that waits is not waited for")
        for _ in 0..<2 { try await other.leases.stopWaiting(for: lease) }
        #expect(try await one.leases.isAwaited(key) == false)
    }

    @Test(arguments: StoreKind.allCases) func aLeaseLapses(kind: StoreKind) async throws {
        let pool = try await StorePool(kind)
        let (one, other) = (try pool.process(), try pool.process())
        let session = try await pool.session()
        _ = try await one.ledger.reserved(in: session, asking: key, by: .now - .seconds(20))
        _ = try await other.ledger.lease(in: session, asking: key)
        let late = CacheKey(asking: "late")
        _ = try await one.ledger.reserved(in: session, asking: late, by: .now - .seconds(30))
        _ = try await other.ledger.reserved(in: session, asking: late)
    }
}
