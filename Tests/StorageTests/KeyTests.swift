import Chat
import Foundation
import Storage
import Synchronization
import Testing

private let hour: TimeInterval = 3_600

@Suite(.timeLimit(.minutes(2))) struct KeyTests {
    @Test func isFoundAsItWasMade() async throws {
        let database = try await KeyPool().process()
        let limits = try RateLimits(requests: 1, tokens: 2, parallel: 3)
        let end = Date(timeIntervalSince1970: 1_800_000_000)
        let (key, _) = try await database.make(
            "one", expires: end, limits: limits, budget: "2.5usd/week", models: ["a", "b"])
        let (other, _) = try await database.make("two", created: key.created + 1)
        #expect(try await database.key("one", for: nil) == key)
        #expect(try await database.key(key.id.rawValue, for: nil) == key)
        #expect(try await database.keys(for: nil) == [other, key])
        #expect(try await database.sessions(limit: 10).isEmpty, "a key is no session that somebody opened")
    }

    @Test func aNameMustTellOneKey() async throws {
        let database = try await KeyPool().process()
        let (first, _) = try await database.make("ci")
        let (second, _) = try await database.make("ci")
        let error = await #expect(throws: ChatError.self) { try await database.key("ci", for: nil) }
        #expect(error?.code == .conflict && error?.message.contains(first.id.rawValue) == true)
        _ = try await database.revoke(first.id.rawValue, for: nil)
        #expect(try await database.key("ci", for: nil).id == second.id, "the one that is not revoked")
        #expect(await #expect(throws: ChatError.self) { try await database.key("none", for: nil) }?.code == .notFound)
    }

    /// In another process, that has seen it before.
    @Test func aRevokedKeyIsDeadInEveryProcess() async throws {
        let pool = try await KeyPool()
        let (one, other) = (try pool.process(), try pool.process())
        let (key, principal) = try await one.make()
        try await other.record("before", by: principal)
        let place = other.place(principal)
        #expect(try await other.reserve(place).isGranted)
        #expect(try await one.revoke("n", for: nil).isDisabled)
        #expect(try await other.reserve(other.place(principal)).refusal == .keyEnded)
        #expect(try await other.record(Exchange("q", "a"), for: principal).refusal == .keyEnded)
        #expect(try await other.history(of: principal, limit: 1, before: nil).refusal == .keyEnded)
        try await other.settle(place, dollars: "1")
        #expect(try await one.spent(key) == "1", "what was under way is paid for")
        #expect(try await one.principal(of: principal.key!.hash) == nil)
    }

    @Test func anExpiredKeyIsDead() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        let (_, principal) = try await database.make(expires: pool.now.withLock { $0 } + hour)
        try await database.record("in time", by: principal)
        pool.pass(hour)
        #expect(try await database.record(Exchange("q", "a"), for: principal).refusal == .keyEnded)
        #expect(try await database.principal(of: principal.key!.hash) == nil)
    }

    @Test func aRotatedSecretWorksAsLongAsItsGrace() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        let (key, old) = try await database.make()
        try await database.record("before", by: old)
        let hash = [UInt8](repeating: 7, count: 32)
        let grace = try TimeSpan("24h", field: "grace")
        let rotated = try await database.rotate("n", to: hash, prefix: "prl_87654321", grace: grace, for: nil)
        #expect(rotated.prefix == "prl_87654321" && rotated.id == key.id)
        let new = try #require(try await database.principal(of: hash))
        #expect(new.session == old.session && new.user == old.user, "it is the same key")
        #expect(try await database.history(of: new, limit: 9, before: nil).admitted().count == 1)
        try await database.record("in the grace", by: old)
        pool.pass(24 * hour)
        #expect(try await database.record(Exchange("q", "a"), for: old).refusal == .keyEnded)
        try await database.record("the new one", by: new)
        // Without a grace the old one ends at once.
        _ = try await database.rotate("n", to: [UInt8](repeating: 8, count: 32), prefix: "prl_", grace: nil, for: nil)
        #expect(try await database.record(Exchange("q", "a"), for: new).refusal == .keyEnded)
        _ = try await database.revoke("n", for: nil)
        await #expect(throws: ChatError.self) {
            try await database.rotate("n", to: [UInt8](repeating: 9, count: 32), prefix: "", grace: nil, for: nil)
        }
    }

    @Test func onlyALiveManagementKeyManages() async throws {
        let database = try await KeyPool().process()
        let (_, manager) = try await database.make("m", isManagement: true)
        let (key, plain) = try await database.make("p")
        #expect(try await database.keys(for: manager).count == 2)
        let session = Principal(session: .random(), user: plain.user)
        for principal in [plain, session] {
            let error = await #expect(throws: ChatError.self) { try await database.keys(for: principal) }
            #expect(error?.code == .forbidden)
        }
        _ = try await database.revoke(key.id.rawValue, for: manager)
        _ = try await database.revoke("m", for: nil)
        let error = await #expect(throws: ChatError.self) { try await database.revoke("m", for: manager) }
        #expect(error?.code == .unauthorized)
    }

    @Test func theQuotaOfMessagesIsOfSessions() async throws {
        let database = try await KeyPool().process()
        let (_, principal) = try await database.make()
        for number in 0..<5 { try await database.record("question \(number)", by: principal) }
        #expect(try await database.history(of: principal, limit: 9, before: nil).admitted().count == 5)
    }

    @Test func noRaceExceedsABudget() async throws {
        let pool = try await KeyPool()
        let processes = [try pool.process(), try pool.process()]
        let (key, principal) = try await processes[0].make(budget: "1usd/day")
        // 0.03 at the worst: 33 fit.
        let granted = try await withThrowingTaskGroup(of: Reservation?.self) { group in
            for number in 0..<120 {
                group.addTask {
                    let database = processes[number % 2]
                    let place = database.place(principal, dollars: "0.03")
                    return try await database.reserve(place).isGranted ? place : nil
                }
            }
            return try await group.reduce(into: [Reservation]()) { if let place = $1 { $0.append(place) } }
        }
        #expect(granted.count == 33)
        for place in granted { try await processes[1].settle(place, dollars: "0.01") }
        #expect(try await processes[0].spent(key) == "0.33")
        #expect(try await processes[0].reserve(processes[0].place(principal, dollars: "0.67")).isGranted)
        guard
            case .budgetSpent? = try await processes[1].reserve(processes[1].place(principal, dollars: "0.01")).refusal
        else { return #expect(Bool(false)) }
    }

    @Test func whatIsDoneAgainIsPaidOnce() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        let (key, principal) = try await database.make(limits: try RateLimits(requests: 3), budget: "1usd/day")
        let place = database.place(principal, dollars: "1")
        for _ in 0..<3 { #expect(try await database.reserve(place).isGranted) }
        for _ in 0..<3 { try await database.settle(place, dollars: "0.5") }
        try await database.forfeit(place, dollars: "0.5")
        #expect(try await database.spent(key) == "0.5")
        for _ in 0..<2 { #expect(try await database.reserve(database.place(principal)).isGranted) }
        #expect(try await !database.reserve(database.place(principal)).isGranted, "three requests a minute")
    }

    @Test func whoLeavesPaysWhatWasGenerated() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        let (key, principal) = try await database.make(budget: "1usd/day")
        let place = database.place(principal, dollars: "1")
        #expect(try await database.reserve(place).isGranted)
        for _ in 0..<2 { try await database.forfeit(place, dollars: "0.25") }
        #expect(try await database.spent(key) == "0.25")
        #expect(try await database.reserve(database.place(principal, dollars: "0.75")).isGranted)
    }

    @Test func aFailedCallCostsNothingAndADeadWorkersHoldLapses() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        let (key, principal) = try await database.make(budget: "1usd/day")
        let place = database.place(principal, dollars: "1")
        #expect(try await database.reserve(place).isGranted)
        try await database.refund(place, sharing: nil)
        #expect(try await database.reserve(database.place(principal, dollars: "1")).isGranted)
        #expect(try await !database.reserve(database.place(principal, dollars: "1")).isGranted)
        pool.pass(60)
        #expect(try await database.reserve(database.place(principal, dollars: "1")).isGranted)
        #expect(try await database.spent(key) == "0")
    }

    @Test func aCachedAnswerIsGivenWhenTheBudgetIsSpent() async throws {
        let database = try await KeyPool().process()
        let (_, principal) = try await database.make(budget: "0.01usd/day")
        let place = database.place(principal, dollars: "0.01")
        #expect(try await database.reserve(place).isGranted)
        try await database.settle(place, dollars: "0.01")
        #expect(try await !database.reserve(database.place(principal, dollars: "0.01")).isGranted)
        try await database.record("cached", by: principal)
    }

    @Test func ratesHoldOverAllProcesses() async throws {
        let pool = try await KeyPool()
        let processes = [try pool.process(), try pool.process()]
        let (_, principal) = try await processes[0].make(limits: try RateLimits(requests: 30, parallel: 40))
        let granted = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<80 {
                group.addTask {
                    let database = processes[number % 2]
                    if number % 3 == 0 {
                        let exchange = Exchange("question \(number)", "a")
                        return try await database.record(exchange, for: principal).refusal == nil
                    }
                    return try await database.reserve(database.place(principal)).isGranted
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 30)
        pool.pass(4)
        for database in processes { try await database.record("two more", by: principal) }
        #expect(try await processes[0].record(Exchange("q", "a"), for: principal).refusal != nil)
    }

    @Test func callsUnderWayAreCounted() async throws {
        let pool = try await KeyPool()
        let processes = [try pool.process(), try pool.process()]
        let (_, principal) = try await processes[0].make(limits: try RateLimits(parallel: 2))
        let places = (0..<3).map { _ in processes[0].place(principal) }
        #expect(try await processes[0].reserve(places[0]).isGranted)
        #expect(try await processes[1].reserve(places[1]).isGranted)
        guard case .rateLimited(.parallel(2), .after, _)? = try await processes[1].reserve(places[2]).refusal else {
            return #expect(Bool(false))
        }
        try await processes[1].settle(places[0], dollars: "0")
        #expect(try await processes[1].reserve(places[2]).isGranted)
    }

    @Test func tokensAreHeldAndThenCounted() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        let (_, principal) = try await database.make(limits: try RateLimits(tokens: 1_000))
        let place = database.place(principal, tokens: 900)
        #expect(try await database.reserve(place).isGranted)
        #expect(try await !database.reserve(database.place(principal, tokens: 101)).isGranted)
        try await database.settle(place, dollars: "0", tokens: 100)
        #expect(try await database.reserve(database.place(principal, tokens: 900)).isGranted)
    }

    @Test func anOperatorHearsOnceThatFourFifthsAreSpent() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        let (key, principal) = try await database.make("ci", budget: "1usd/day")
        for _ in 0..<4 {
            let place = database.place(principal, dollars: "0.2")
            #expect(try await database.reserve(place).isGranted)
            try await database.settle(place, dollars: "0.2")
        }
        let alert = BudgetAlert(
            key: key.id.user, name: "ci", budget: try Budget("1usd/day"), spent: Money(dollars: "0.8")!)
        #expect(pool.alerts.withLock { $0 } == [alert])
    }
}
