import Chat
import Foundation
import Storage
import Testing

/// Who sees which usage, and how it is added up.
@Suite(.timeLimit(.minutes(2))) struct UsageRowTests {
    private let pool: KeyPool
    private let database: Database
    private static let today = UsageDay(of: Date())

    init() async throws {
        pool = try await KeyPool()
        database = try pool.process()
    }

    /// - Parameter daysAgo: the day of the question.
    private func ask(
        _ principal: Principal, _ model: String, dollars: String?, isCached: Bool = false, daysAgo: Int64 = 0
    ) async throws {
        let id = ExchangeID(number: ids.next().number - (daysAgo * 86_400_000) << 20)
        let origin: Answer.Origin =
            isCached ? .cache(name: model, provider: "p") : .model(name: model, provider: "p")
        let answer = Answer(
            text: "a", origin: origin, usage: TokenUsage(prompt: 3, completion: 2, isEstimated: dollars == nil),
            price: dollars.map { Money(dollars: $0)! })
        let exchange = Exchange(
            id: id, conversation: ConversationID(first: id), question: "q", answer: answer, danger: nil,
            created: id.created)
        let place = Reservation(id: id, principal: principal, key: nil, deadline: .now)
        _ = try await database.settle(exchange, place, sharing: nil).admitted()
    }

    private func usage(
        _ grouping: UsageGrouping, of principal: Principal? = nil, since first: UsageDay? = nil
    ) async throws -> [UsageRow] {
        try await database.usage(by: grouping, since: first, for: principal)
    }

    private func row(
        _ group: String?, name: String? = nil, _ requests: Int, calls: Int? = nil, dollars: String = "0",
        unpriced: Int = 0, saved: String = "0"
    ) -> UsageRow {
        let calls = calls ?? requests
        return UsageRow(
            group: group, name: name, requests: requests, promptTokens: 3 * calls, completionTokens: 2 * calls,
            cost: Money(dollars: dollars)!, unpriced: unpriced, saved: Money(dollars: saved)!, estimated: unpriced)
    }

    @Test func rowsAreByKeyModelAndDay() async throws {
        let (cheap, one) = try await database.make("cheap")
        let (dear, other) = try await database.make("dear")
        let sessions = [
            try await pool.temporary.session("a", lifetime: 1e9), try await pool.temporary.session("b", lifetime: 1e9),
        ]
        try await ask(one, "small", dollars: "0.1", daysAgo: 2)
        try await ask(one, "small", dollars: "0.1", isCached: true)
        try await ask(other, "large", dollars: "2")
        try await ask(other, "free", dollars: nil, daysAgo: 2)
        for session in sessions { try await ask(session.principal, "small", dollars: "0.25") }
        #expect(
            try await usage(.key) == [
                row(dear.id.rawValue, name: "dear", 2, dollars: "2", unpriced: 1),
                row(nil, name: "sessions", 2, dollars: "0.5"),
                row(cheap.id.rawValue, name: "cheap", 2, calls: 1, dollars: "0.1", saved: "0.1"),
            ])
        let free = row("free", 1, unpriced: 1)
        #expect(free.cost == nil)
        #expect(
            try await usage(.model) == [
                row("large", 1, dollars: "2"), row("small", 4, calls: 3, dollars: "0.6", saved: "0.1"), free,
            ])
        let before = UsageDay(number: Self.today.number - 2)
        #expect(
            try await usage(.day) == [
                row(before.description, 2, dollars: "0.1", unpriced: 1),
                row(Self.today.description, 4, calls: 3, dollars: "2.5", saved: "0.1"),
            ])
        #expect(try await usage(.day, since: UsageDay(number: before.number + 1)).map(\.requests) == [4])
        #expect(try await usage(.day, since: before).map(\.requests) == [2, 4])
    }

    @Test func everybodySeesHisOwnAndAManagementKeyAll() async throws {
        let (_, manager) = try await database.make("m", isManagement: true)
        let (_, one) = try await database.make("one")
        let (_, other) = try await database.make("other")
        // Two sessions of one user, whose email address nobody has proved.
        let session = try await pool.temporary.session("a", lifetime: 1e9)
        let second = try await pool.temporary.session("b", lifetime: 1e9)
        #expect(session.user == second.user)
        for principal in [one, one, other, session.principal, second.principal] {
            try await ask(principal, "m", dollars: "1")
        }
        try await ask(session.principal, "m", dollars: "1", isCached: true)
        #expect(try await usage(.key, of: manager).map(\.name) == ["sessions", "one", "other"])
        #expect(try await usage(.model, of: manager) == usage(.model))
        #expect(try await usage(.model, of: one) == [row("m", 2, dollars: "2")])
        #expect(try await usage(.day, of: other) == [row(Self.today.description, 1, dollars: "1")])
        #expect(try await usage(.model, of: session.principal) == [row("m", 2, calls: 1, dollars: "1", saved: "1")])
        #expect(
            try await usage(.day, of: session.principal)
                == [row(Self.today.description, 2, calls: 1, dollars: "1", saved: "1")])
        #expect(try await usage(.day, of: session.principal, since: UsageDay(number: Self.today.number + 1)).isEmpty)
        for principal in [one, session.principal] {
            let error = await #expect(throws: ChatError.self) { try await usage(.key, of: principal) }
            #expect(error?.field == "by")
        }
        _ = try await database.revoke("one", for: nil)
        await #expect(throws: ChatError.self) { try await usage(.day, of: one) }
    }

    @Test func aDayIsADateOrSoLongAgo() throws {
        let now = Date(timeIntervalSince1970: 1_764_331_200)  // noon of 2025-11-28
        func day(_ text: String) throws -> String { try UsageDay(text, field: "since", now: now).description }
        #expect(try day("2025-11-01") == "2025-11-01" && day("2024-02-29") == "2024-02-29")
        #expect(try day("30d") == "2025-10-29" && day("1w") == "2025-11-21" && day("12h") == "2025-11-28")
        #expect(try day("13h") == "2025-11-27")
        for wrong in [
            "", "yesterday", "2025-02-29", "2025-13-01", "2025-1-1", "30", "0d", "2025-11-01T00:00:00Z", "٣d",
        ] {
            let error = #expect(throws: ChatError.self) { try day(wrong) }
            #expect(error?.field == "since" && error?.message.contains("30d") == true)
        }
    }
}
