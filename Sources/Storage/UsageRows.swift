public import Chat

/// What a session has asked itself, in the form of the table `usage`. Others may have given the same email address.
private let ofSession = """
    (SELECT created_at / \(UsageTally.day) AS day, '' AS user_id, coalesce(model, '') AS model, 1 AS requests,
        iif(origin = 'model', prompt_tokens, 0) AS prompt_tokens,
        iif(origin = 'model', completion_tokens, 0) AS completion_tokens,
        coalesce(cost, 0) AS cost, origin = 'model' AND cost IS NULL AS unpriced,
        coalesce(saved, 0) AS saved, origin = 'model' AND estimated AS estimated
    FROM (
        SELECT session_id, created_at, model, origin, prompt_tokens, completion_tokens, cost, saved, estimated
        FROM exchanges WHERE session_id = ?2
        UNION ALL
        SELECT session_id, created_at, model, origin, prompt_tokens, completion_tokens, cost, saved, estimated
        FROM deleted_exchanges WHERE session_id = ?2))
    """
private let byKey = query(
    "iif(user_id GLOB 'key_*', user_id, NULL)",
    name: "iif(label IS NULL, 'sessions', (SELECT name FROM keys WHERE id = label))", "?2 IS NULL", order: dearest)
private let byModel = query(model, "?2 IS NULL", order: dearest)
private let byDay = query("day", "?2 IS NULL", order: "label")
private let ownByModel = query(model, isOwn, order: dearest)
private let ownByDay = query("day", isOwn, order: "label")
private let sessionByModel = query(model, from: ofSession, "1", order: dearest)
private let sessionByDay = query("day", from: ofSession, "1", order: "label")

private let model = "nullif(model, '')"
/// The table is in the order of its days: without a list of them all users' rows would be read.
private let isOwn = """
    user_id = ?2 AND day IN (
        WITH RECURSIVE days (day) AS (
            SELECT max(?1, (SELECT min(day) FROM usage))
            UNION ALL SELECT day + 1 FROM days WHERE day < (SELECT max(day) FROM usage))
        SELECT day FROM days)
    """
private let dearest = "cost DESC, requests DESC, label"

/// - Parameters:
///   - label: what rows are added up by.
///   - name: of a row, by its label.
///   - condition: of ?2.
private func query(
    _ label: String, name: String = "NULL", from table: String = "usage", _ condition: String, order: String
) -> Query {
    // As Money adds: sum() of integers fails beyond the largest, total() is a floating-point number.
    func sum(_ column: String) -> String {
        """
        iif(total(\(column)) < 9e18, sum(\(column) / 1000000) * 1000000 + sum(\(column) % 1000000), \(Int64.max))
        """
    }
    return Query(
        """
        SELECT u.*, \(name) FROM (
            SELECT \(label) AS label, sum(requests) AS requests, sum(prompt_tokens), sum(completion_tokens),
                \(sum("cost")) AS cost, sum(unpriced), \(sum("saved")), sum(estimated)
            FROM \(table) WHERE day >= ?1 AND \(condition) GROUP BY 1 HAVING sum(requests) > 0
        ) u ORDER BY \(order)
        """)
}

extension Database: UsageSource {
    public func usage(by grouping: UsageGrouping, since first: UsageDay?, for principal: Principal?) async throws
        -> [UsageRow]
    {
        let (query, owner) = try Self.query(by: grouping, for: principal)
        return try await reader.read { [self] db in
            if let principal, try !db.isLive(principal, at: now().stored) {
                throw principal.key == nil ? ChatError.sessionEnded : .invalidKey("revoked or expired")
            }
            return try db.all(query, first?.number ?? .min, owner) { UsageRow($0, by: grouping) }
        }
    }

    /// - Returns: with it what its second parameter is.
    private static func query(by grouping: UsageGrouping, for principal: Principal?) throws(ChatError) -> (
        Query, String?
    ) {
        guard let principal, principal.key?.isManagement != true else {
            switch grouping {
            case .key: return (byKey, nil)
            case .model: return (byModel, nil)
            case .day: return (byDay, nil)
            }
        }
        let isSession = principal.key == nil
        let owner = isSession ? principal.session.rawValue : principal.user.rawValue
        switch grouping {
        case .key: throw .invalid("by", "must be model or day; only a management key may ask for all keys")
        case .model: return (isSession ? sessionByModel : ownByModel, owner)
        case .day: return (isSession ? sessionByDay : ownByDay, owner)
        }
    }
}

extension UsageRow {
    fileprivate init(_ row: Columns, by grouping: UsageGrouping) {
        self.init(
            group: grouping == .day ? UsageDay(number: row.integer(0)).description : row.optionalText(0),
            name: grouping == .key ? row.optionalText(8) : nil,
            requests: row.int(1), promptTokens: row.int(2), completionTokens: row.int(3),
            cost: Money(picodollars: row.integer(4)), unpriced: row.int(5),
            saved: Money(picodollars: row.integer(6)), estimated: row.int(7))
    }
}
