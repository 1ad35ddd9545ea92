public import FoundationEssentials

/// What a store counts for an API key, and how a question changes it: all that is decided within the transaction that
/// reserves, records or settles. A value, so that every store decides alike.
public struct KeyAccount: Sendable, Hashable {
    public let limits: RateLimits
    public let budget: Budget?
    /// In the period that begins at `periodStart`.
    public private(set) var spent: Money
    public private(set) var periodStart: Date
    public private(set) var requests: RateMeter
    public private(set) var tokens: RateMeter

    /// What the key's other reservations hold that have not lapsed.
    public struct Held: Sendable, Hashable {
        public let calls: Int
        public let tokens: Int
        public let cost: Money

        public init(calls: Int, tokens: Int, cost: Money) {
            self.calls = calls
            self.tokens = tokens
            self.cost = cost
        }

        /// With one reservation more.
        public func with(_ hold: Hold) -> Held {
            Held(calls: calls + 1, tokens: tokens + hold.tokens, cost: cost + (hold.cost ?? .zero))
        }
    }

    public init(
        limits: RateLimits, budget: Budget?, spent: Money, periodStart: Date, requests: RateMeter, tokens: RateMeter
    ) {
        self.limits = limits
        self.budget = budget
        self.spent = spent
        self.periodStart = periodStart
        self.requests = requests
        self.tokens = tokens
    }

    /// Admits a question that may cost something. Counts the request; tokens and money are the reservation's to hold.
    ///
    /// - Parameter isCounted: the request was counted when it began to wait for an equal one.
    /// - Returns: why not; then nothing has changed.
    public mutating func reserve(_ hold: Hold, beside held: Held, isCounted: Bool = false, at now: Date) -> Refusal? {
        var next = self
        next.beginPeriod(at: now)
        if let budget {
            guard let cost = hold.cost else { return .notPriced }
            guard next.spent + held.cost + cost <= budget.amount else {
                return .budgetSpent(budget, until: budget.period.end(at: now))
            }
        }
        func refused(_ limit: RateLimit, _ refusal: RateRefusal) -> Refusal {
            .rateLimited(limit, refusal, report(beside: held, at: now))
        }
        if let limit = limits.parallel, held.calls >= limit {
            return refused(.parallel(limit), .after(.seconds(1)))
        }
        if let limit = limits.tokens,
            let refusal = tokens.refusal(of: hold.tokens, of: limit, held: held.tokens, at: now)
        {
            return refused(.tokens(limit, needed: hold.tokens), refusal)
        }
        if !isCounted, let limit = limits.requests, let refusal = next.requests.take(1, of: limit, at: now) {
            return refused(.requests(limit), refusal)
        }
        self = next
        return nil
    }

    /// Admits a question whose answer costs nothing: it counts as a request and needs no budget.
    public mutating func record(beside held: Held, at now: Date) -> Refusal? {
        guard let limit = limits.requests, let refusal = requests.take(1, of: limit, at: now) else { return nil }
        return .rateLimited(.requests(limit), refusal, report(beside: held, at: now))
    }

    /// Counts what a question has used and cost, whatever the limits are.
    ///
    /// - Parameter cost: nil when nobody knows.
    /// - Returns: whether four fifths of the budget are spent now, and were not before.
    public mutating func settle(_ usage: TokenUsage, cost: Money?, at now: Date) -> Bool {
        if let limit = limits.tokens { tokens.add(usage.total, of: limit, at: now) }
        beginPeriod(at: now)
        let before = spent
        spent = spent + (cost ?? .zero)
        return budget?.isNearlySpent(before: before, after: spent) ?? false
    }

    public func report(beside held: Held, at now: Date) -> RateReport {
        RateReport(
            requests: limits.requests.map { requests.standing(of: $0, at: now) },
            tokens: limits.tokens.map { tokens.standing(of: $0, held: held.tokens, at: now) })
    }

    /// What is spent of the period that a time is in.
    public func spent(at now: Date) -> Money {
        var account = self
        account.beginPeriod(at: now)
        return account.spent
    }

    private mutating func beginPeriod(at now: Date) {
        let start = (budget?.period ?? .total).start(at: now)
        // A clock that was set back begins no period again.
        guard start > periodStart else { return }
        periodStart = start
        spent = .zero
    }
}

/// Four fifths of a key's budget are spent.
public struct BudgetAlert: Sendable, Hashable {
    public let key: UserID
    public let name: String
    public let budget: Budget
    public let spent: Money

    public init(key: UserID, name: String, budget: Budget, spent: Money) {
        self.key = key
        self.name = name
        self.budget = budget
        self.spent = spent
    }
}
