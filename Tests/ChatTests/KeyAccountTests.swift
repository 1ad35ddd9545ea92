import FoundationEssentials
import Testing

@testable import Chat

private let noon = Date(timeIntervalSince1970: 1_764_331_200)  // 2025-11-28T12:00:00Z, a Friday
private func dollars(_ text: String) -> Money { Money(dollars: text)! }
private let nothing = KeyAccount.Held(calls: 0, tokens: 0, cost: .zero)

private func account(
    _ limits: RateLimits = .none, budget: String? = nil, spent: String = "0", since start: Date = noon
) throws -> KeyAccount {
    let budget = try budget.map { try Budget($0) }
    return KeyAccount(
        limits: limits, budget: budget, spent: dollars(spent),
        periodStart: (budget?.period ?? .total).start(at: start), requests: RateMeter(), tokens: RateMeter())
}

@Suite(.timeLimit(.minutes(1))) struct KeyAccountTests {
    private func hold(_ text: String?, tokens: Int = 10) -> Hold {
        Hold(tokens: tokens, cost: text.map(dollars))
    }

    @Test func spentHeldAndAskedForTogetherStayWithinTheBudget() throws {
        var key = try account(budget: "10usd/month", spent: "4")
        let held = KeyAccount.Held(calls: 2, tokens: 0, cost: dollars("3"))
        let budget = try Budget("10usd/month")
        #expect(
            key.reserve(hold("3.000000000001"), beside: held, at: noon)
                == .budgetSpent(budget, until: budget.period.end(at: noon)))
        #expect(key.reserve(hold("3"), beside: held, at: noon) == nil)
        #expect(key.spent == dollars("4"), "what is held is the reservation's")
    }

    @Test func aPeriodBeginsAnew() throws {
        var key = try account(budget: "10usd/day", spent: "10")
        #expect(key.reserve(hold("1"), beside: nothing, at: noon) != nil)
        let tomorrow = noon + 12 * 3_600
        #expect(key.spent(at: tomorrow) == .zero)
        #expect(key.reserve(hold("10"), beside: nothing, at: tomorrow) == nil)
        #expect(key.spent == .zero && key.periodStart == tomorrow)
        // What was held yesterday is settled today.
        #expect(key.settle(TokenUsage(prompt: 1, completion: 1), cost: dollars("9"), at: tomorrow) == true)
        #expect(key.spent == dollars("9"))
        #expect(key.spent(at: noon) == dollars("9"), "a clock that was set back begins no period again")
    }

    @Test func aTotalNeverBeginsAnew() throws {
        var key = try account(budget: "1usd/total", spent: "1")
        #expect(
            key.reserve(hold("0.000001"), beside: nothing, at: noon + 1e9)
                == .budgetSpent(try Budget("1usd/total"), until: nil))
        #expect(key.reserve(hold("0"), beside: nothing, at: noon + 1e9) == nil, "what is free needs no budget")
    }

    @Test func anUnknownPriceNeedsAKeyWithoutABudget() throws {
        var key = try account(budget: "1usd/total")
        #expect(key.reserve(hold(nil), beside: nothing, at: noon) == .notPriced)
        var free = try account()
        #expect(free.reserve(hold(nil), beside: nothing, at: noon) == nil)
        #expect(free.settle(TokenUsage(prompt: 1, completion: 1), cost: nil, at: noon) == false)
        #expect(free.spent == .zero)
        _ = free.settle(TokenUsage(prompt: 1, completion: 1), cost: dollars("2"), at: noon)
        _ = free.settle(TokenUsage(prompt: 1, completion: 1), cost: dollars("2"), at: noon + 1e8)
        #expect(free.spent == dollars("4"), "without a budget it is counted for ever")
    }

    @Test func refusalsTakeNothing() throws {
        var key = try account(try RateLimits(requests: 2, tokens: 100, parallel: 1), budget: "1usd/day")
        let before = key
        #expect(key.reserve(hold("2"), beside: nothing, at: noon) != nil)
        #expect(key.reserve(hold("0", tokens: 101), beside: nothing, at: noon) != nil)
        #expect(key.reserve(hold("0"), beside: KeyAccount.Held(calls: 1, tokens: 0, cost: .zero), at: noon) != nil)
        #expect(key == before)
    }

    @Test func aRequestCountsWhateverItGets() throws {
        var key = try account(try RateLimits(requests: 2))
        #expect(key.reserve(hold("0"), beside: nothing, at: noon) == nil)
        #expect(key.record(beside: nothing, at: noon) == nil)
        guard case .rateLimited(.requests(2), .after(.seconds(30)), let report)? = key.record(beside: nothing, at: noon)
        else { return #expect(Bool(false)) }
        #expect(report == RateReport(requests: RateStanding(limit: 2, remaining: 0, reset: .seconds(60)), tokens: nil))
        #expect(key.reserve(hold("0"), beside: nothing, at: noon + 30) == nil)
    }

    @Test func tokensAreHeldAtTheWorstCaseAndCountedAsTheyWere() throws {
        var key = try account(try RateLimits(tokens: 1_000))
        let held = KeyAccount.Held(calls: 1, tokens: 600, cost: .zero)
        #expect(key.reserve(hold("0", tokens: 400), beside: held, at: noon) == nil)
        #expect(key.reserve(hold("0", tokens: 401), beside: held, at: noon) != nil)
        #expect(key.settle(TokenUsage(prompt: 50, completion: 50), cost: .zero, at: noon) == false)
        #expect(key.report(beside: nothing, at: noon).tokens?.remaining == 900)
        guard
            case .rateLimited(.tokens(1_000, needed: 1_001), .never, _)? = key.reserve(
                hold("0", tokens: 1_001), beside: nothing, at: noon)
        else { return #expect(Bool(false)) }
    }

    @Test func theAlarmIsRaisedOnceAPeriod() throws {
        var key = try account(budget: "10usd/day")
        let usage = TokenUsage(prompt: 1, completion: 1)
        #expect(key.settle(usage, cost: dollars("7.9"), at: noon) == false)
        #expect(key.settle(usage, cost: dollars("0.1"), at: noon) == true)
        #expect(key.settle(usage, cost: dollars("5"), at: noon) == false)
        #expect(key.settle(usage, cost: dollars("8"), at: noon + 86_400) == true)
    }
}

@Suite(.timeLimit(.minutes(1))) struct APIKeyTests {
    @Test(arguments: ["", "  ", "a\u{7}b", "a\nb", "key_0123456789abcdef", String(repeating: "x", count: 101)])
    func refusesAName(_ name: String) {
        #expect(throws: ChatError.self) { try APIKey.Grant(name: name) }
    }

    @Test func refusesModelsThatCannotBe() throws {
        for models in [[], [""], ["a b"], ["a,b"], ["a", "a"]] {
            #expect(throws: ChatError.self) { try APIKey.Grant(name: "n", models: models) }
        }
        #expect(try APIKey.Grant(name: " n ", models: ["openai/gpt-4o"]).name == "n")
    }

    @Test(arguments: [
        ("90d", 7_776_000), ("24h", 86_400), ("15m", 900), ("1s", 1), ("2w", 1_209_600), ("3650d", 315_360_000),
    ])
    func readsSpans(_ text: String, _ seconds: Double) throws {
        #expect(try TimeSpan(text, field: "f").seconds == seconds)
    }

    @Test(arguments: ["", "d", "0d", "-1d", "1", "1y", "1.5d", "3651d", "99999999999999999999d", "1 d", "+1d", "９d"])
    func refusesSpans(_ text: String) {
        #expect(throws: ChatError.self) { try TimeSpan(text, field: "f") }
    }

    @Test func anIDIsAUserIDToo() throws {
        let id = APIKey.ID.random()
        #expect(UserID(id.rawValue) == id.user)
        #expect(APIKey.ID("user_" + String(repeating: "a", count: 32)) == nil)
        #expect(APIKey.ID("key_0123456789ABCDEF") == nil && APIKey.ID("key_0123456789abcde") == nil)
    }
}
