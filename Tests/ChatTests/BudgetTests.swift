import FoundationEssentials
import Testing

@testable import Chat

/// - Parameter time: seconds since 1970, or a date and time in UTC as `2026-11-28T14:50:00Z`.
private func date(_ text: String) -> Date { try! Date(text, strategy: .iso8601) }

@Suite(.timeLimit(.minutes(1))) struct BudgetTests {
    @Test(arguments: [
        ("20usd/month", "20", Budget.Period.month, "20usd/month"), ("0.5usd/day", "0.5", .day, "0.5usd/day"),
        ("1.250000usd/week", "1.25", .week, "1.25usd/week"),
        ("0.000001usd/total", "0.000001", .total, "0.000001usd/total"),
        ("0usd/day", "0", .day, "0usd/day"), ("1000000usd/total", "1000000", .total, "1000000usd/total"),
    ])
    func reads(_ text: String, _ dollars: String, _ period: Budget.Period, _ written: String) throws {
        let budget = try Budget(text)
        #expect(budget.amount.dollars == dollars)
        #expect(budget.period == period)
        #expect(budget.description == written)
    }

    @Test(arguments: [
        ("20usd", "must say for how long: 20usd/day, 20usd/week, 20usd/month, 20usd/total"),
        ("20usd/year", "knows the periods 20usd/day, 20usd/week, 20usd/month, 20usd/total"),
        ("20usd/", "knows the periods"), ("20usd/month/day", "knows the periods"), ("20usd/Month", "knows the periods"),
        ("20", "must be in dollars"), ("20/month", "must be in dollars"), ("20eur/month", "must be in dollars"),
        ("", "must be in dollars"), ("usd/month", "must begin with an amount"),
        ("-5usd/month", "must begin with an amount"),
        ("1e3usd/month", "must begin with an amount"), ("1,000usd/month", "must begin with an amount"),
        (" 1usd/month", "must begin with an amount"), ("1.usd/month", "must begin with an amount"),
        ("0.0000001usd/month", "at most 6 digits after the point"), ("1000000.000001usd/month", "at most 1000000usd"),
    ])
    func refusesAndSaysWhy(_ text: String, _ reason: String) {
        let error = #expect(throws: ChatError.self) { try Budget(text) }
        #expect(error?.code == .invalidField)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test(
        arguments: [
            (Budget.Period.day, "2026-11-28T14:50:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
            (.day, "2026-11-28T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
            (.day, "2026-11-27T23:59:59Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
            (.week, "2026-11-28T14:50:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (.week, "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"),
            (.week, "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (.week, "2027-01-01T12:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"),
            (.month, "2026-11-28T14:50:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            (.month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (.month, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (.month, "2027-02-28T12:00:00Z", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"),
            (.month, "2028-01-31T12:00:00Z", "2028-01-01T00:00:00Z", "2028-02-01T00:00:00Z"),
            (.month, "2000-02-29T00:00:00Z", "2000-02-01T00:00:00Z", "2000-03-01T00:00:00Z"),
            (.month, "1970-01-31T00:00:00Z", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"),
        ] as [(Budget.Period, String, String, String)])
    func beginsAtMidnightUTCOnMondayOnTheFirst(
        _ period: Budget.Period, _ now: String, _ start: String, _ end: String
    ) {
        #expect(period.start(at: date(now)) == date(start))
        #expect(period.end(at: date(now)) == date(end))
    }

    @Test func aTotalNeverEnds() {
        #expect(Budget.Period.total.start(at: date("2026-11-28T14:50:00Z")) == Date(timeIntervalSince1970: 0))
        #expect(Budget.Period.total.end(at: date("2026-11-28T14:50:00Z")) == nil)
    }

    /// Every day of four centuries, against a count that goes by the calendar's own rules.
    @Test func knowsEveryMonth() {
        var (year, month, day) = (1970, 1, 1)
        for number in 0..<146_097 {
            let time = Date(timeIntervalSince1970: Double(number) * 86_400 + 43_200)
            let start = Budget.Period.month.start(at: time).timeIntervalSince1970 / 86_400
            guard start == Double(number - day + 1) else {
                Issue.record("\(year)-\(month)-\(day): \(start)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            day += 1
            if day > days { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test func tellsOnceThatFourFifthsAreSpent() throws {
        let budget = try Budget("10usd/month")
        func dollars(_ text: String) -> Money { Money(dollars: text)! }
        #expect(!budget.isNearlySpent(before: dollars("7"), after: dollars("7.999999")))
        #expect(budget.isNearlySpent(before: dollars("7.999999"), after: dollars("8")))
        #expect(!budget.isNearlySpent(before: dollars("8"), after: dollars("9")))
        #expect(budget.isNearlySpent(before: .zero, after: dollars("12")))
    }
}
