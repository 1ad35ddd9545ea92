public import Chat
public import FoundationEssentials

/// A ledger beside which answers and leases are kept elsewhere.
public struct CombinedLedger: Ledger {
    private let ledger: any Ledger
    private let answers: any AnswerStore
    private let leases: any CallLease
    private let now: @Sendable () -> Date

    public init(
        _ ledger: any Ledger, _ answers: any AnswerStore, _ leases: any CallLease,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.ledger = ledger
        self.answers = answers
        self.leases = leases
        self.now = now
    }

    public func reserve(_ place: Reservation) async throws -> Result<Admission, Refusal> {
        let admission = try await ledger.reserve(place)
        guard case .success(.granted) = admission, let key = place.key else { return admission }
        if let answer = try await answers.get(key), answer.expires > now() {
            try await ledger.refund(place, sharing: nil)
            return .success(.answered(answer))
        }
        guard let lease = try await leases.acquire(key, for: place.id, lifetime: place.lifetime) else {
            return admission
        }
        return .success(.leased(lease))
    }

    public func join(_ place: Reservation) async throws -> Refusal? { try await ledger.join(place) }

    public func leave(_ place: Reservation) async throws { try await ledger.leave(place) }

    public func settle(_ exchange: Exchange, _ place: Reservation, sharing answer: CachedAnswer?) async throws
        -> Result<
            Exchange, Refusal
        >
    {
        let settled = try await ledger.settle(exchange, place, sharing: nil)
        if let answer, case .success = settled { try await answers.put(answer) }
        if let key = place.key { try await leases.release(key, for: place.id, sharing: nil) }
        return settled
    }

    public func refund(_ place: Reservation, sharing failure: ModelFailure?) async throws {
        try await ledger.refund(place, sharing: nil)
        if let key = place.key { try await leases.release(key, for: place.id, sharing: failure) }
    }

    public func forfeit(_ place: Reservation) async throws {
        try await ledger.forfeit(place)
        if let key = place.key { try await leases.release(key, for: place.id, sharing: nil) }
    }

    public func forfeit(_ exchange: Exchange, _ place: Reservation, isCounted: Bool) async throws {
        try await ledger.forfeit(exchange, place, isCounted: isCounted)
        if let key = place.key { try await leases.release(key, for: place.id, sharing: nil) }
    }

    public func record(_ exchange: Exchange, for principal: Principal) async throws -> Result<Exchange, Refusal> {
        try await ledger.record(exchange, for: principal)
    }

    public func branch(at position: Position, for principal: Principal, limit: Int) async throws -> Result<
        Branch?, Refusal
    > {
        try await ledger.branch(at: position, for: principal, limit: limit)
    }

    public func exchange(_ id: ExchangeID, of principal: Principal) async throws -> Result<Exchange?, Refusal> {
        try await ledger.exchange(id, of: principal)
    }

    public func history(of principal: Principal, limit: Int, before: ExchangeID?) async throws -> Result<
        [Exchange], Refusal
    > {
        try await ledger.history(of: principal, limit: limit, before: before)
    }
}
