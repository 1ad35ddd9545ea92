import Chat
import FoundationEssentials

private let recording = Query(
    """
    SELECT 1 FROM exchanges WHERE id = ?1 AND \(isSettled) UNION ALL SELECT 1 FROM deleted_exchanges WHERE id = ?1
    """)
private let reserving = Query("SELECT joined FROM reservations WHERE session_id = ? AND number = ?")

/// What a key's question does to its rates and its budget, within the transaction that reserves, records or settles it. For
/// a session nothing is done. What is done again counts once.
extension Statements {
    /// Counts a question that may cost something.
    ///
    /// - Returns: how its rates stand then.
    func admit(_ place: Reservation, at now: Int64) throws -> Result<RateReport?, Refusal> {
        let who = place.principal
        guard who.key != nil else { return .success(nil) }
        guard try isLive(who, at: now), var row = try keyRow(of: who) else { return .failure(.keyEnded) }
        let (held, date) = (try held(by: who, besides: place.id, at: now), Date(stored: now))
        let hasJoined = try first(reserving, who.session.rawValue, place.id.number) { $0.flag(0) }
        if hasJoined != false, try !isRecorded(place.id) {
            let isCounted = place.isCounted || hasJoined == true
            let refusal = row.account.reserve(place.hold, beside: held, isCounted: isCounted, at: date)
            if let refusal { return .failure(refusal) }
            try save(row.account, of: who)
        }
        return .success(row.account.report(beside: held.with(place.hold), at: date))
    }

    /// Counts a question that waits for the answer to an equal one, which costs it nothing.
    func admit(joining place: Reservation, at now: Int64) throws -> Refusal? {
        let who = place.principal
        guard who.key != nil else { return nil }
        guard try isLive(who, at: now), var row = try keyRow(of: who) else { return .keyEnded }
        let isReserved = try first(reserving, who.session.rawValue, place.id.number) { _ in true }
        guard isReserved == nil, !place.isCounted else { return nil }
        let held = try held(by: who, besides: place.id, at: now)
        if let refusal = row.account.record(beside: held, at: Date(stored: now)) { return refusal }
        try save(row.account, of: who)
        return nil
    }

    /// Counts a question whose answer costs nothing, unless it was counted when a message was reserved for it.
    func admit(_ exchange: Exchange, for principal: Principal, at now: Int64) throws -> Result<RateReport?, Refusal> {
        guard principal.key != nil else { return .success(nil) }
        guard try exchange.wasReserved || isLive(principal, at: now), var row = try keyRow(of: principal) else {
            return .failure(.keyEnded)
        }
        let (held, date) = (try held(by: principal, besides: exchange.id, at: now), Date(stored: now))
        if !exchange.wasReserved, try !isRecorded(exchange.id) {
            if let refusal = row.account.record(beside: held, at: date) { return .failure(refusal) }
            try save(row.account, of: principal)
        }
        return .success(row.account.report(beside: held, at: date))
    }

    /// Counts what a question has cost, also when its key has ended since.
    ///
    /// - Returns: what an operator should hear of.
    func spend(_ usage: TokenUsage, _ cost: Money?, by principal: Principal, at now: Int64) throws -> BudgetAlert? {
        guard var row = try keyRow(of: principal) else { return nil }
        let isAlarming = row.account.settle(usage, cost: cost, at: Date(stored: now))
        try save(row.account, of: principal)
        guard isAlarming, let budget = row.account.budget else { return nil }
        return BudgetAlert(key: principal.user, name: row.name, budget: budget, spent: row.account.spent)
    }

    func isRecorded(_ id: ExchangeID) throws -> Bool { try first(recording, id.number) { _ in true } ?? false }
}
