public import FoundationEssentials

/// What questions are added up by.
public enum UsageGrouping: String, Sendable, CaseIterable {
    case key, model, day
}

/// What the questions of one key, of one model or of one day have come to.
public struct UsageRow: Sendable, Hashable {
    /// A key's id, a model's name, or a day such as `2026-11-28`. Nil for all who ask without a key, and where no model
    /// is known: of blocked and unsettled questions.
    public let group: String?
    /// Of the key, or `sessions` for all who ask without one; nil of a key that was deleted, and where keys are not
    /// asked for.
    public let name: String?
    public let requests: Int
    /// Of calls, as providers count them; cached answers have none.
    public let promptTokens: Int
    public let completionTokens: Int
    /// Of the requests whose cost is known; nil when it is of none.
    public let cost: Money?
    /// Requests whose cost nobody knows: of a model without a price, or of a worker that was killed in the call.
    public let unpriced: Int
    /// What cached answers would have cost.
    public let saved: Money
    /// Requests whose tokens the provider did not report.
    public let estimated: Int

    public init(
        group: String?, name: String?, requests: Int, promptTokens: Int, completionTokens: Int, cost: Money,
        unpriced: Int, saved: Money, estimated: Int
    ) {
        self.group = group
        self.name = name
        self.requests = requests
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.cost = unpriced < requests ? cost : nil
        self.unpriced = unpriced
        self.saved = saved
        self.estimated = estimated
    }
}

/// Tells what questions have come to.
public protocol UsageSource: Sendable {
    /// - Parameters:
    ///   - first: the first day.
    ///   - principal: whose usage: a management key sees all, every other key its own, and a session what it has asked
    ///     itself. Nil for the operator on the machine, who sees all.
    /// - Returns: days in their order; keys and models with the dearest first.
    /// - Throws: ``ChatError``, `.invalidField` when one who sees only his own asks for keys.
    func usage(by grouping: UsageGrouping, since first: UsageDay?, for principal: Principal?) async throws -> [UsageRow]
}

/// A day in UTC.
public struct UsageDay: Sendable, Hashable {
    private static let seconds: TimeInterval = 86_400

    /// Since 1970.
    public let number: Int64

    public init(number: Int64) { self.number = number }

    public init(of date: Date) {
        number = Int64((date.timeIntervalSince1970 / Self.seconds).rounded(.down))
    }

    /// - Parameters:
    ///   - text: a date such as `2026-11-01`, or how long ago, such as `30d`.
    /// - Throws: ``ChatError`` `.invalidField`.
    public init(_ text: String, field: String, now: Date = Date()) throws(ChatError) {
        if let day = UsageDay(date: text) {
            self = day
        } else if let span = try? TimeSpan(text, field: field) {
            self.init(of: now - span.seconds)
        } else {
            throw .invalid(
                field,
                "must be a date such as 2026-11-01, or how long ago, such as 30d or 12w; is “\(text.prefix(40))”")
        }
    }

    /// - Returns: nil for what is no date of the calendar.
    private init?(date text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], text.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }),
            let date = try? Date(text + "T00:00:00Z", strategy: .iso8601)
        else { return nil }
        self.init(of: date)
        guard description == text else { return nil }
    }
}

extension UsageDay: CustomStringConvertible {
    /// As in `2026-11-01`.
    public var description: String {
        Date(timeIntervalSince1970: Double(number) * Self.seconds).formatted(.iso8601.year().month().day())
    }
}
