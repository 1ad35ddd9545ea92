import Chat
import Foundation
import Sanitizing
import Storage
import Support
import Synchronization
import Testing

/// Counts what is asked of the store, and lets it fail.
private final class WatchedLedger: Ledger {
    enum Trip: Sendable { case reserve, join, leave, settle, refund, forfeit, record, branch, exchange, history }
    struct Lost: Error {}

    private let ledger: any Ledger
    private let seen = Mutex<[Trip]>([])
    /// Settlings that are done, and said to have failed.
    let inDoubt = Mutex(0)
    /// Settlings that fail.
    let failing = Mutex(0)
    /// Awaited once a reservation has been made.
    let pause = Mutex<(@Sendable () async -> Void)?>(nil)
    /// For how long messages were reserved.
    let lifetimes = Mutex<[Duration]>([])

    init(_ ledger: any Ledger) { self.ledger = ledger }

    /// What was asked since the last time.
    func trips() -> [Trip] {
        seen.withLock { seen in
            defer { seen = [] }
            return seen
        }
    }

    private func note(_ trip: Trip) { seen.withLock { $0.append(trip) } }

    func reserve(_ reservation: Reservation) async throws -> Result<Admission, Refusal> {
        note(.reserve)
        lifetimes.withLock { $0.append(reservation.lifetime) }
        let admission = try await ledger.reserve(reservation)
        await pause.withLock { $0 }?()
        return admission
    }

    func join(_ reservation: Reservation) async throws -> Refusal? {
        note(.join)
        return try await ledger.join(reservation)
    }

    func leave(_ reservation: Reservation) async throws {
        note(.leave)
        try await ledger.leave(reservation)
    }

    func settle(_ exchange: Exchange, _ reservation: Reservation, sharing answer: CachedAnswer?) async throws -> Result<
        Exchange, Refusal
    > {
        note(.settle)
        if Self.takeOne(failing) { throw Lost() }
        let settled = try await ledger.settle(exchange, reservation, sharing: answer)
        if Self.takeOne(inDoubt) { throw Lost() }
        return settled
    }

    private static func takeOne(_ count: borrowing Mutex<Int>) -> Bool {
        count.withLock { count in
            guard count > 0 else { return false }
            count -= 1
            return true
        }
    }

    func refund(_ reservation: Reservation, sharing failure: ModelFailure?) async throws {
        note(.refund)
        try await ledger.refund(reservation, sharing: failure)
    }

    func forfeit(_ reservation: Reservation) async throws {
        note(.forfeit)
        try await ledger.forfeit(reservation)
    }

    func forfeit(_ exchange: Exchange, _ reservation: Reservation, isCounted: Bool) async throws {
        note(.forfeit)
        try await ledger.forfeit(exchange, reservation, isCounted: isCounted)
    }

    func record(_ exchange: Exchange, for principal: Principal) async throws -> Result<Exchange, Refusal> {
        note(.record)
        return try await ledger.record(exchange, for: principal)
    }

    func branch(at position: Position, for principal: Principal, limit: Int) async throws -> Result<Branch?, Refusal> {
        note(.branch)
        return try await ledger.branch(at: position, for: principal, limit: limit)
    }

    func exchange(_ id: ExchangeID, of principal: Principal) async throws -> Result<Exchange?, Refusal> {
        note(.exchange)
        return try await ledger.exchange(id, of: principal)
    }

    func history(of principal: Principal, limit: Int, before: ExchangeID?) async throws -> Result<[Exchange], Refusal> {
        note(.history)
        return try await ledger.history(of: principal, limit: limit, before: before)
    }
}

@Suite(.timeLimit(.minutes(2))) struct TripTests {
    private let bench: PipelineFixture
    private let ledger: WatchedLedger

    init() async throws {
        let ledger = Mutex<WatchedLedger?>(nil)
        bench = try await PipelineFixture { database in
            ledger.withLock { ledger in
                ledger = ledger ?? WatchedLedger(database)
                return ledger!
            }
        }
        self.ledger = try #require(ledger.withLock { $0 })
    }

    @Test func aQuestionIsOneTripOrTwo() async throws {
        let token = try await bench.logIn()
        let first = try await bench.ask("hello", token)
        #expect(ledger.trips() == [.reserve, .settle])
        _ = try await bench.ask("hello", token)
        #expect(ledger.trips() == [.record], "cached")
        _ = try await bench.ask("'; DROP TABLE users; --", token)
        #expect(ledger.trips() == [.record], "blocked")
        _ = try await bench.ask("and then?", token, conversation: first.conversation)
        #expect(ledger.trips() == [.branch, .reserve, .settle])
        bench.model.failure.withLock { $0 = ModelFailure(provider: "p", reason: .unreachable, detail: "") }
        _ = try? await bench.ask("another", token)
        #expect(ledger.trips() == [.reserve, .refund])
    }

    private static func policy(deadline: Duration) -> ChatPolicy {
        ChatPolicy(
            system: "", temperature: nil, maxTokens: 500, models: "scripted/scripted-1", deadline: deadline,
            danger: .hold, cacheScope: .user)
    }

    @Test func aReservationLastsAsLongAsItsRequestMay() async throws {
        let token = try await bench.logIn()
        _ = try await bench.ask("hello", token)
        let short = bench.pipeline.under(Self.policy(deadline: .seconds(5)), MessageSanitizer(mode: .off))
        var trace = RequestTrace()
        let principal = try await short.identify(token, trace: &trace)
        _ = try await short.answer(
            try ChatRequest(question: "and now?", field: "message"), for: principal, trace: &trace,
            onAnswer: nil)
        let lifetimes = ledger.lifetimes.withLock { $0 }
        #expect(lifetimes.count == 2 && lifetimes[0] > .seconds(80) && lifetimes[0] <= .seconds(90))
        #expect(lifetimes[1] > .seconds(25) && lifetimes[1] <= .seconds(35))
    }

    /// The store says that it failed, and has done it.
    @Test func aSettlingInDoubtIsDoneAgainAndCountsOnce() async throws {
        let token = try await bench.logIn()
        ledger.inDoubt.withLock { $0 = 1 }
        let exchange = try await bench.ask("hello", token)
        #expect(ledger.trips() == [.reserve, .settle, .settle])
        #expect(try await bench.history(token).map(\.id) == [exchange.id])
        #expect(try await bench.authenticator.admit(token).messagesUsed == 1 && bench.model.calls == 1)
    }

    @Test func whatCannotBeSettledIsGivenBack() async throws {
        let token = try await bench.logIn()
        ledger.failing.withLock { $0 = 2 }
        await #expect(throws: WatchedLedger.Lost.self) { try await bench.ask("hello", token) }
        #expect(ledger.trips() == [.reserve, .settle, .settle, .forfeit])
        #expect(try await bench.authenticator.admit(token).messagesUsed == 0)
        #expect(try await bench.history(token).isEmpty)
        #expect(try await usage().map(\.completionTokens) == [2], "the provider is paid all the same")
        #expect(try await bench.ask("hello", token).answer.isCached == false, "nothing was shared either")
    }

    private func usage() async throws -> [UsageRow] {
        try await bench.database.usage(by: .model, since: nil, for: nil)
    }

    @Test func whoHangsUpInTheCallLeavesWhatWasGenerated() async throws {
        let token = try await bench.logIn()
        let (held, hold) = AsyncStream.makeStream(of: Void.self)
        bench.model.pause.withLock {
            $0 = {
                // Until the call is cancelled.
                for await _ in held {}
                throw AbandonedCall(
                    text: "answer ", model: "scripted-1", provider: "scripted",
                    usage: TokenUsage(prompt: 3, completion: 1, isEstimated: true))
            }
        }
        let asking = Task { try await bench.ask("hello", token) }
        await bench.model.waitForCall()
        asking.cancel()
        await #expect(throws: CancellationError.self) { try await asking.value }
        try await until("it is recorded") { try await !usage().isEmpty }
        hold.finish()
        #expect(ledger.trips() == [.reserve, .forfeit])
        let row = UsageRow(
            group: "scripted-1", name: nil, requests: 1, promptTokens: 3, completionTokens: 1, cost: .zero, unpriced: 1,
            saved: .zero, estimated: 1)
        #expect(try await usage() == [row])
        #expect(try await bench.history(token).isEmpty)
        #expect(try await bench.authenticator.admit(token).messagesUsed == 1)
    }

    /// The provider is paid all the same.
    @Test func whatCannotBeSettledIsPaidByAKey() async throws {
        let hash = [UInt8](repeating: 7, count: 32)
        let grant = try APIKey.Grant(name: "n")
        try await bench.database.insert(
            APIKey(id: .random(), grant: grant, prefix: "prl_7", created: Date(), isDisabled: false, spent: .zero),
            hash: hash, for: nil)
        let key = try #require(try await bench.database.principal(of: hash))
        ledger.failing.withLock { $0 = 2 }
        var trace = RequestTrace()
        await #expect(throws: WatchedLedger.Lost.self) {
            _ = try await bench.pipeline.answer(
                try ChatRequest(question: "hello", field: "message"), for: key, trace: &trace,
                onAnswer: nil)
        }
        #expect(ledger.trips() == [.reserve, .settle, .settle, .forfeit])
    }

    /// Between the reservation and the model.
    @Test func whoHangsUpBeforeTheModelIsAskedPaysNothing() async throws {
        let token = try await bench.logIn()
        let (reserved, arrival) = AsyncStream.makeStream(of: Void.self)
        let (held, hold) = AsyncStream.makeStream(of: Void.self)
        ledger.pause.withLock {
            $0 = {
                arrival.yield()
                // Until the call is cancelled.
                for await _ in held {}
            }
        }
        let asking = Task { try await bench.ask("hello", token) }
        for await _ in reserved { break }
        asking.cancel()
        await #expect(throws: CancellationError.self) { try await asking.value }
        try await until("it is given back") { ledger.trips().contains(.refund) }
        hold.finish()
        #expect(bench.model.calls == 0)
        #expect(try await bench.ask("hello", token).answer.isCached == false)
        #expect(try await bench.authenticator.admit(token).messagesUsed == 1)
    }
}
