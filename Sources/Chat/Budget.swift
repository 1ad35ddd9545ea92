public import FoundationEssentials

/// The most that a key may cost in a time, such as `20usd/month`: written as an amount of dollars with up to six digits
/// after the point, `usd`, a slash and ``Period``.
public struct Budget: Sendable, Hashable {
    /// How long the amount lasts; in UTC.
    public enum Period: String, Sendable, CaseIterable {
        /// From midnight to midnight.
        case day
        /// From Monday on.
        case week
        /// From the first on.
        case month
        /// The key's whole life.
        case total
    }

    /// So that a sum of a budget's worth of reservations cannot come near ``Money/maximum``.
    private static let most: Int64 = 1_000_000

    public let amount: Money
    public let period: Period

    public init(amount: Money, period: Period) {
        self.amount = amount
        self.period = period
    }

    /// - Throws: ``ChatError`` `.invalidField` that says what is wrong with it.
    public init(_ text: String, field: String = "budget") throws(ChatError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts[0].hasSuffix("usd") else {
            throw .invalid(field, "must be in dollars, such as 20usd/month; is “\(text)”")
        }
        let number = parts[0].dropLast(3)
        guard number.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }),
            let decimal = DecimalNumber(String(number))
        else { throw .invalid(field, "must begin with an amount, such as 20usd/month or 0.50usd/day; is “\(text)”") }
        guard parts.count > 1 else {
            throw .invalid(field, "must say for how long: \(Self.periods(of: number)); is “\(text)”")
        }
        guard parts.count == 2, let period = Period(rawValue: String(parts[1])) else {
            throw .invalid(field, "knows the periods \(Self.periods(of: number)); is “\(text)”")
        }
        guard let microdollars = decimal.scaled(by: 6) else {
            throw .invalid(field, "must have at most 6 digits after the point; is “\(text)”")
        }
        guard microdollars <= Self.most * 1_000_000 else {
            throw .invalid(field, "must be at most \(Self.most)usd; is “\(text)”")
        }
        amount = Money(picodollars: microdollars * 1_000_000)
        self.period = period
    }

    private static func periods(of number: some StringProtocol) -> String {
        Period.allCases.map { "\(number)usd/\($0)" }.joined(separator: ", ")
    }

    /// Whether these two make the spent part pass four fifths: when an operator should hear of it.
    public func isNearlySpent(before: Money, after: Money) -> Bool {
        let mark = amount.picodollars / 5 * 4
        return before.picodollars < mark && after.picodollars >= mark
    }
}

extension Budget: CustomStringConvertible {
    /// As it is written: `20usd/month`.
    public var description: String { "\(amount.dollars)usd/\(period)" }
}

extension Budget.Period {
    private static let seconds: Int64 = 86_400

    /// The beginning of the period that a time is in; 1970 for ``total``.
    public func start(at now: Date) -> Date {
        let days = Int64((now.timeIntervalSince1970 / 86_400).rounded(.down))
        let first =
            switch self {
            case .day: days
            // The first of January 1970 was a Thursday.
            case .week: days - ((days + 3) % 7 + 7) % 7
            case .month: days - Self.dayOfMonth(days)
            case .total: Int64(0)
            }
        return Date(timeIntervalSince1970: Double(first * Self.seconds))
    }

    /// When the next period begins; nil for ``total``.
    public func end(at now: Date) -> Date? {
        let start = start(at: now)
        let after: Double
        switch self {
        case .day: after = 1
        case .week: after = 7
        case .month: after = 31
        case .total: return nil
        }
        // A month has 31 days or less, and the next one at least 28.
        return self.start(at: start.addingTimeInterval(after * 86_400))
    }

    /// Of a day since 1970 in the Gregorian calendar: 0 for the first. Years are counted from March, so that the day that
    /// not all of them have comes last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func dayOfMonth(_ days: Int64) -> Int64 {
        let sinceEra = ((days + 719_468) % 146_097 + 146_097) % 146_097
        let year = (sinceEra - sinceEra / 1_460 + sinceEra / 36_524 - sinceEra / 146_096) / 365
        let dayOfYear = sinceEra - (365 * year + year / 4 - year / 100)
        return dayOfYear - (153 * ((5 * dayOfYear + 2) / 153) + 2) / 5
    }
}
