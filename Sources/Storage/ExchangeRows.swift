public import Chat
import FoundationEssentials
import GRDB

/// Whether the session ?1 has a message left at the time ?3, of ?4: those that are reserved for others than ?5 count.
private let hasMessageLeft = """
    messages_used + (SELECT count(*) FROM reservations WHERE session_id = ?1 AND lapses_at > ?3 AND number <> ?5) < ?4
    """
/// What is done again counts once.
private let isNew = """
    NOT EXISTS (SELECT 1 FROM exchanges WHERE id = ?5 AND \(isSettled))
    AND NOT EXISTS (SELECT 1 FROM deleted_exchanges WHERE id = ?5)
    """
private let counting = "UPDATE sessions SET messages_used = messages_used + 1, last_activity_at = ?3"
/// Of an exchange: it is known what came of it.
let isSettled = "state <> 'unsettled'"
/// Of an exchange: it was answered.
let isComplete = "state = 'complete'"

private let mayReserve = Query("SELECT 1 FROM sessions WHERE \(liveSession) AND \(hasMessageLeft)")
private let reservation = Query(
    """
    INSERT OR REPLACE INTO reservations (session_id, number, lapses_at, tokens, cost, joined)
    VALUES (?, ?, ?, ?, ?, ?)
    """)
private let returning = Query("DELETE FROM reservations WHERE session_id = ? AND number = ?")
private let leaving = Query("DELETE FROM reservations WHERE session_id = ? AND number = ? AND joined = 1")
private let charge = Query("\(counting) WHERE \(liveSession) AND \(hasMessageLeft) AND \(isNew)")
/// Whoever has a reservation was let in when he made it, and is answered even if his session has ended since.
private let chargeReserved = Query("\(counting) WHERE id = ?1 AND user_id = ?2 AND \(hasMessageLeft) AND \(isNew)")
private let forfeiture = Query(
    """
    \(counting) WHERE id = ?1 AND user_id = ?2
    AND EXISTS (SELECT 1 FROM reservations WHERE session_id = ?1 AND number = ?4)
    """)
private let paidForfeiture = Query(
    """
    UPDATE sessions SET messages_used = messages_used + ?4, last_activity_at = iif(?4, ?3, last_activity_at)
    WHERE id = ?1 AND user_id = ?2
    """)
/// An exchange of that id which is there is `unsettled`.
private let insertion = Query(
    """
    INSERT OR IGNORE INTO exchanges
        (id, session_id, conversation, created_at, origin, model, provider, prompt_tokens, completion_tokens,
         total_tokens, danger, question, answer, stale, finish_reason, cost, saved, cached_prompt_tokens, estimated,
         state, parent, answer_key)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """)

/// The exchange that one follows; 0 for none. Programs that did not write it down went by the order of the ids.
let parentage = """
    iif(conversation IS NULL, 0, coalesce(parent, (
        SELECT id FROM exchanges e WHERE e.conversation = exchanges.conversation AND e.id < exchanges.id
        AND e.state = 'complete' ORDER BY id DESC LIMIT 1), conversation))
    """
let exchangeColumns = """
    id, conversation, created_at, origin, model, provider, prompt_tokens, completion_tokens, total_tokens, danger,
    question, answer, stale, finish_reason, session_id, \(parentage)
    """
private let recorded = Query("SELECT \(exchangeColumns) FROM exchanges WHERE id = ? AND \(isSettled)")
private let single = Query("SELECT \(exchangeColumns) FROM exchanges WHERE id = ?3 AND \(isOwned) AND \(isComplete)")
private let page = Query(
    """
    SELECT \(exchangeColumns) FROM exchanges WHERE session_id = ? AND id < ? AND \(isComplete) ORDER BY id DESC LIMIT ?
    """)
private let pageOfIDs = Query(
    "SELECT id FROM exchanges WHERE session_id = ? AND id < ? AND \(isComplete) ORDER BY id DESC LIMIT ?")

extension Database: Ledger {
    public func reserve(_ place: Reservation) async throws -> Result<Admission, Refusal> {
        let holder = try place.key.map { _ in try self.holder.number() }
        return try await writer.write(durability: .relaxed) { [self] db in
            let (now, who) = (now().stored, place.principal)
            if let key = place.key {
                if let answer = try db.answer(to: key), answer.expires.stored > now,
                    place.takesTruncated || answer.finishReason != .length
                {
                    return try db.isLive(who, at: now) ? .success(.answered(answer)) : .failure(who.ended)
                }
                if let lease = try leaseOfAnother(key, at: now, db) {
                    if let refusal = try join(place, at: now, db) { return .failure(refusal) }
                    try db.wait(for: lease)
                    return .success(.leased(lease))
                }
            }
            let rates: RateReport?
            switch try db.admit(place, at: now) {
            case .success(let report): rates = report
            case .failure(let refusal): return .failure(refusal)
            }
            let lapses = now + Int64(place.lifetime.milliseconds)
            if let refusal = try takeMessage(place, until: lapses, hasJoined: false, at: now, db) {
                return .failure(refusal)
            }
            if let key = place.key, let holder { try db.takeLease(key, for: place.id, holder, until: lapses) }
            return .success(.granted(rates))
        }
    }

    public func join(_ place: Reservation) async throws -> Refusal? {
        try await writer.write(durability: .relaxed) { [self] db in try join(place, at: now().stored, db) }
    }

    public func leave(_ place: Reservation) async throws {
        try await writer.write(durability: .relaxed) { db in
            try db.run(leaving, place.principal.session.rawValue, place.id.number)
        }
    }

    private func join(_ place: Reservation, at now: Int64, _ db: Statements) throws -> Refusal? {
        if let refusal = try db.admit(joining: place, at: now) { return refusal }
        let lapses = now + Int64(place.lifetime.milliseconds)
        return try takeMessage(place, until: lapses, hasJoined: true, at: now, db)
    }

    private func takeMessage(
        _ place: Reservation, until lapses: Int64, hasJoined: Bool, at now: Int64, _ db: Statements
    ) throws -> Refusal? {
        let who = place.principal
        // Two statements: in one, SQLite would copy what it selects into a table of its own first.
        let isAdmitted = try db.first(
            mayReserve, who.session.rawValue, who.user.rawValue, now, messageLimit(of: who), place.id.number
        ) { _ in true }
        guard isAdmitted == true else { return try refusal(of: who, at: now, db) }
        let hold = hasJoined ? .none : place.hold
        try db.run(
            reservation, who.session.rawValue, place.id.number, lapses, hold.tokens, hold.cost?.picodollars ?? 0,
            hasJoined)
        return nil
    }

    public func settle(_ exchange: Exchange, _ place: Reservation, sharing answer: CachedAnswer?) async throws
        -> Result<Exchange, Refusal>
    {
        let (settled, alert) = try await writer.write { [self] db -> (Result<Exchange, Refusal>, BudgetAlert?) in
            let now = now().stored
            let isToBePaid = try place.principal.key != nil && !db.isRecorded(exchange.id)
            let settled = try record(exchange, for: place.principal, by: chargeReserved, at: now, db)
            try db.end(place, at: now)
            guard case .success(let exchange) = settled else { return (settled, nil) }
            if let answer, !exchange.isForgotten || exchange.isUnwanted { try put(answer, at: now, db) }
            guard isToBePaid else { return (settled, nil) }
            return (settled, try db.spend(exchange.answer.usage, exchange.answer.cost, by: place.principal, at: now))
        }
        if let alert { onBudgetAlert(alert) }
        noteQueued(by: place.principal)
        return settled
    }

    public func refund(_ place: Reservation, sharing failure: ModelFailure?) async throws {
        try await writer.write(durability: .relaxed) { [self] db in
            try db.end(place, sharing: failure, at: now().stored)
        }
    }

    public func forfeit(_ place: Reservation) async throws {
        try await writer.write { [self] db in
            let (now, who) = (now().stored, place.principal)
            try db.run(forfeiture, who.session.rawValue, who.user.rawValue, now, place.id.number)
            try db.end(place, at: now)
        }
    }

    public func forfeit(_ exchange: Exchange, _ place: Reservation, isCounted: Bool) async throws {
        let alert = try await writer.write { [self] db -> BudgetAlert? in
            let (now, who) = (now().stored, place.principal)
            let isNew = try !db.isRecorded(exchange.id)
            if isNew {
                try db.run(paidForfeiture, who.session.rawValue, who.user.rawValue, now, isCounted)
                if db.changes == 1 { _ = try db.insert(exchange, by: who, state: "abandoned") }
            }
            try db.end(place, at: now)
            return isNew ? try db.spend(exchange.answer.usage, exchange.answer.cost, by: who, at: now) : nil
        }
        if let alert { onBudgetAlert(alert) }
    }

    public func record(_ exchange: Exchange, for principal: Principal) async throws -> Result<Exchange, Refusal> {
        let recorded: Result<Exchange, Refusal> = try await writer.write { [self] db in
            let now = now().stored
            switch try db.admit(exchange, for: principal, at: now) {
            case .success(let rates):
                let charge = exchange.wasReserved ? chargeReserved : charge
                let recorded = try record(exchange, for: principal, by: charge, at: now, db).map { $0.with(rates) }
                if exchange.wasReserved { try db.run(returning, principal.session.rawValue, exchange.id.number) }
                return recorded
            case .failure(let refusal): return .failure(refusal)
            }
        }
        noteQueued(by: principal)
        return recorded
    }

    public func exchange(_ id: ExchangeID, of principal: Principal) async throws -> Result<Exchange?, Refusal> {
        try await reader.read { [self] db in
            guard let principal = try db.live(principal, at: now().stored) else { return .failure(principal.ended) }
            return .success(try db.exchange(id, of: principal))
        }
    }

    public func history(of principal: Principal, limit: Int, before: ExchangeID?) async throws
        -> Result<[Exchange], Refusal>
    {
        try await reader.read { [self] db in
            guard let principal = try db.live(principal, at: now().stored) else { return .failure(principal.ended) }
            let last = before?.number ?? .max
            let sessions = try db.sessions(of: principal)
            if sessions.count == 1 {
                return .success(try db.all(page, sessions[0], last, limit, read: Exchange.init(row:)).reversed())
            }
            // Texts are read of what is shown alone, however many sessions a user has had.
            let ids = try sessions.flatMap { try db.all(pageOfIDs, $0, last, limit) { $0.integer(0) } }
            let shown = ids.sorted().suffix(limit)
            return .success(try shown.compactMap { try db.exchange(ExchangeID(number: $0), of: principal) })
        }
    }

    private func record(
        _ exchange: Exchange, for principal: Principal, by charge: Query, at now: Int64, _ db: Statements
    ) throws -> Result<Exchange, Refusal> {
        let id = exchange.id.number
        try db.run(charge, principal.session.rawValue, principal.user.rawValue, now, messageLimit(of: principal), id)
        if db.changes == 1 {
            let inserted = try db.insert(exchange, by: principal)
            try queue(inserted, by: principal, at: now, db)
            return .success(inserted)
        }
        if try db.wasDeleted(exchange, of: principal) { return .success(exchange.forgotten) }
        let known = try db.first(recorded, id) { row in
            guard row.text(14) == principal.session.rawValue else {
                throw DatabaseError(resultCode: .SQLITE_CONSTRAINT, message: "another session has an exchange \(id)")
            }
            return Exchange(row: row)
        }
        return try known.map { .success($0) } ?? .failure(refusal(of: principal, at: now, db))
    }

    /// Why a session may send no message: it is over, or has sent them all.
    private func refusal(of principal: Principal, at now: Int64, _ db: Statements) throws -> Refusal {
        try db.isLive(principal, at: now) ? .quotaExceeded(limit: messageLimit) : principal.ended
    }

    /// The limit is of sessions; keys have budgets and rates.
    private func messageLimit(of principal: Principal) -> Int { principal.key == nil ? messageLimit : .max >> 1 }
}

extension Statements {
    /// Ends a reservation, and with it some of the same session that have lapsed.
    fileprivate func end(_ place: Reservation, sharing failure: ModelFailure? = nil, at now: Int64) throws {
        try run(returning, place.principal.session.rawValue, place.id.number)
        if changes == 0 { try removeUnsettled(place.id, of: place.principal) }
        try endLapsedReservations(of: place.principal, at: now)
        if let key = place.key { try endLease(key, for: place.id, sharing: failure, at: now) }
    }

    /// - Returns: an exchange that was answered.
    func exchange(_ id: ExchangeID, of principal: Principal) throws -> Exchange? {
        try first(
            single, principal.session.rawValue, principal.provedUser?.rawValue, id.number, read: Exchange.init(row:))
    }

    /// - Parameter state: `abandoned` for what nobody stayed for.
    /// - Returns: the exchange, which knows whether its texts were kept.
    fileprivate func insert(_ exchange: Exchange, by principal: Principal, state: String = "complete") throws
        -> Exchange
    {
        if try exchange.isUnwanted || isForgotten(exchange, of: principal) {
            try removeUnsettled(exchange.id, of: principal)
            try insertForgotten(exchange, by: principal)
            usage.add(exchange, by: principal.user)
            return exchange.forgotten
        }
        let (answer, first) = (exchange.answer, exchange.conversation.first)
        func insert() throws {
            try run(
                insertion, exchange.id.number, principal.session.rawValue,
                first == exchange.id ? nil : first.number,
                exchange.created.stored, answer.origin.stored, answer.model, answer.provider, answer.usage.prompt,
                answer.usage.completion, answer.usage.total, exchange.danger, exchange.question, answer.storedText,
                answer.isStale, answer.finishReason.rawValue, answer.cost?.picodollars, answer.saved?.picodollars,
                answer.usage.cachedPrompt, answer.usage.isEstimated, state,
                first == exchange.id ? nil : exchange.parent?.number ?? 0,
                Int64(bitPattern: exchange.cachedAnswer ?? 0))
        }
        try insert()
        if changes == 0 {
            // Its reservation had lapsed.
            try removeUnsettled(exchange.id, of: principal)
            try insert()
        }
        guard changes == 1 else {
            throw DatabaseError(
                resultCode: .SQLITE_CONSTRAINT, message: "another session has an exchange \(exchange.id.number)")
        }
        usage.add(exchange, by: principal.user)
        return exchange
    }
}

extension Exchange {
    fileprivate var forgotten: Exchange {
        var exchange = self
        exchange.isForgotten = true
        return exchange
    }

    fileprivate func with(_ rates: RateReport?) -> Exchange {
        var exchange = self
        exchange.rates = rates
        return exchange
    }
}
