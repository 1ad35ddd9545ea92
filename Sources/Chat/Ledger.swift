public import FoundationEssentials

/// A message that a session may still send, taken for one question while the model is asked, and with it the right to
/// ask for the answer to `key`. Both lapse by themselves if their holder dies, a little after the request's own
/// deadline; then nobody knows what the call has cost.
public struct Reservation: Sendable, Hashable {
    /// For what is still to be settled when the time of the request is over.
    static let grace = Duration.seconds(30)

    /// Of the exchange that it is for.
    public let id: ExchangeID
    public let principal: Principal
    /// Nil when the question is not shared.
    public let key: CacheKey?
    /// Of what an API key may use.
    public let hold: Hold
    /// When the request's time is over.
    public let deadline: ContinuousClock.Instant
    /// Whether a stored answer will do that was cut by length.
    public let takesTruncated: Bool
    /// It was let in before: it is a request of its key's already.
    public var isCounted = false

    /// How long it is kept from now on, for a worker that may have died.
    public var lifetime: Duration { max(.zero, deadline - .now + Self.grace) }

    public init(
        id: ExchangeID, principal: Principal, key: CacheKey?, hold: Hold = .none, deadline: ContinuousClock.Instant,
        takesTruncated: Bool = true
    ) {
        self.id = id
        self.principal = principal
        self.key = key
        self.hold = hold
        self.deadline = deadline
        self.takesTruncated = takesTruncated
    }
}

/// The most that a question may use, held until it is settled with what it did use.
public struct Hold: Sendable, Hashable {
    public static let none = Hold(tokens: 0, cost: .zero)

    public let tokens: Int
    /// Nil when nobody knows.
    public let cost: Money?

    public init(tokens: Int, cost: Money?) {
        self.tokens = tokens
        self.cost = cost
    }
}

/// Why a ledger does not do what it was asked.
public enum Refusal: Error, Sendable, Hashable {
    /// Ended, expired, unknown or another user's.
    case sessionEnded
    /// The session's user was only typed.
    case notProved
    /// Recorded and reserved messages have reached the limit.
    case quotaExceeded(limit: Int)
    /// Revoked, expired or unknown.
    case keyEnded
    /// What is left of the budget, without what is held of it, may not cover the question.
    case budgetSpent(Budget, until: Date?)
    /// The key has a budget, and nobody knows what the question may cost.
    case notPriced
    case rateLimited(RateLimit, RateRefusal, RateReport)

    var error: ChatError {
        switch self {
        case .sessionEnded: .sessionEnded
        case .notProved: .notProved
        case .quotaExceeded(let limit): .quotaExceeded(limit: limit)
        case .keyEnded: .invalidKey("revoked or expired")
        case .budgetSpent(let budget, let end): .budgetSpent(budget, until: end)
        case .notPriced:
            ChatError(
                .notPriced,
                "The key has a budget, and what this model costs is not known here; its price can be given in CHAT_PRICES"
            )
        case .rateLimited(let limit, let refusal, let report): .rateLimited(limit, refusal, report)
        }
    }
}

extension Result where Failure == Refusal {
    /// - Throws: the refusal in the application's words.
    public func admitted() throws(ChatError) -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let refusal): throw refusal.error
        }
    }
}

/// What ``Ledger/reserve(_:)`` found.
public enum Admission: Sendable {
    /// The model may be asked.
    ///
    /// How the rates of the key stand then; nil for a session.
    case granted(RateReport?)
    /// The answer came in the meantime.
    case answered(CachedAnswer)
    /// Another process is asking, and this one was let in to wait for it (``Ledger/join(_:)``).
    case leased(Lease)
}

/// Keeps exchanges, and counts them against their session's limit.
///
/// Each operation is one round trip and atomic. A caller that does not know whether one was done does it again: the same id
/// counts once. A refusal is a result; every method throws ``ChatError`` `.unavailable` when the store cannot be used.
///
/// A store that keeps answers and leases as well (``AnswerStore``, ``CallLease``) looks after those of a reservation's key
/// in the same step. One that does not is combined with them by a ledger that asks each in turn.
public protocol Ledger: Sendable {
    /// Takes one message of the session's limit, and the right to ask this question, before the model is asked.
    func reserve(_ reservation: Reservation) async throws -> Result<Admission, Refusal>

    /// Takes one message of the session's limit for one who waits for the answer to an equal question, before he is given any
    /// of it. The answer costs him nothing; it is recorded like one that a message was reserved for
    /// (``Exchange/wasReserved``), and the reservation is over then, or when he leaves.
    func join(_ reservation: Reservation) async throws -> Refusal?

    /// Gives the message back to one who waits no longer. Changes nothing for one who asks a model.
    func leave(_ reservation: Reservation) async throws

    /// Records the exchange that a message was reserved for, also when its session has ended since.
    ///
    /// Success means that the exchange, its count and the answer to share are committed and survive a power cut, and that
    /// the reservation is over. A refusal means that nothing was recorded.
    ///
    /// - Returns: the exchange as it is recorded: the first one under its id.
    func settle(_ exchange: Exchange, _ reservation: Reservation, sharing answer: CachedAnswer?) async throws
        -> Result<Exchange, Refusal>

    /// Gives back a message that was not answered. Changes nothing that is settled.
    ///
    /// - Parameter failure: for the processes that wait for the same answer now; nil lets one of them ask.
    func refund(_ reservation: Reservation, sharing failure: ModelFailure?) async throws

    /// Counts a message whose answer the caller did not stay for, and for which nothing was generated.
    func forfeit(_ reservation: Reservation) async throws

    /// Records a call that is paid for and has answered nobody. No history and no conversation shows it.
    ///
    /// - Parameters:
    ///   - exchange: its answer is what had been generated.
    ///   - isCounted: whether the session has one message less for it.
    func forfeit(_ exchange: Exchange, _ reservation: Reservation, isCounted: Bool) async throws

    /// Records an exchange that cost nothing, as ``settle(_:_:sharing:)`` does, if its session has a message left, and is
    /// live or a message was reserved for it.
    func record(_ exchange: Exchange, for principal: Principal) async throws -> Result<Exchange, Refusal>

    /// What is above a question, the nearest first to be kept.
    ///
    /// - Parameter limit: the most messages, questions and answers counted alike.
    /// - Returns: nil when the principal has no such conversation or message.
    func branch(at position: Position, for principal: Principal, limit: Int) async throws -> Result<Branch?, Refusal>

    /// - Returns: an exchange that was answered; nil when the principal has none of that id.
    func exchange(_ id: ExchangeID, of principal: Principal) async throws -> Result<Exchange?, Refusal>

    /// The session's exchanges in the order of their ids, newest last.
    ///
    /// - Parameters:
    ///   - limit: the most exchanges: the newest of those before `before`.
    ///   - before: only exchanges older than this one; nil for the newest.
    func history(of principal: Principal, limit: Int, before: ExchangeID?) async throws -> Result<[Exchange], Refusal>
}
