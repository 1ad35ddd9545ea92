/// A message that a session may still send, held while the model is asked, and with it the right to ask for the answer
/// to `key`. Both lapse by themselves if their holder dies.
public struct Reservation: Sendable, Hashable {
    public let session: SessionID
    public let number: Int64
    /// Nil when the question is not shared.
    public let key: CacheKey?

    public init(session: SessionID, number: Int64, key: CacheKey?) {
        self.session = session
        self.number = number
        self.key = key
    }
}

/// What ``ExchangeStore/begin(for:asking:)`` found.
public enum Beginning: Sendable {
    /// The model may be asked.
    case granted(Reservation)
    /// The answer came in the meantime.
    case answered(CachedAnswer)
    /// Another process is asking.
    case asked(Lease)
}

/// Keeps exchanges, and counts them against their session's limit.
///
/// Every method throws ``ChatError``: `.unavailable` when the store cannot be used, and what its own text names.
public protocol ExchangeStore: Sendable {
    /// Takes one message of the session's limit and the right to ask this question, before the model is asked.
    ///
    /// - Parameter key: nil when the question is not shared.
    /// - Throws: `.unauthorized` when the session is not live, `.quotaExceeded` when recorded and reserved messages reach
    ///   the limit.
    func begin(for principal: Principal, asking key: CacheKey?) async throws -> Beginning

    /// Gives back a message that was not answered.
    ///
    /// - Parameter failure: for the processes that wait for the same answer now; nil lets one of them ask.
    func release(_ place: Reservation, sharing failure: ModelFailure?) async throws

    /// Counts a message whose answer the caller did not stay for: it was paid for, and there is nothing to record.
    func forfeit(_ place: Reservation) async throws

    /// Returning means that the exchange, its count and the cached answer are committed and survive a power cut.
    ///
    /// - Throws: `.unauthorized` when the session is not live and has no place, `.quotaExceeded` when the limit is reached;
    ///   then nothing is recorded.
    func record(_ draft: Exchange.Draft, place: Reservation?, caching fresh: CachedAnswer?) async throws -> Exchange

    /// The latest messages of a conversation, oldest first.
    ///
    /// - Parameter limit: the most messages, questions and answers counted alike.
    /// - Returns: nil when the session has no such conversation.
    /// - Throws: `.unauthorized` when the session is not live.
    func turns(of conversation: ConversationID, for principal: Principal, limit: Int) async throws
        -> [ChatMessage]?

    /// The session's exchanges, newest last.
    ///
    /// - Parameters:
    ///   - limit: the most exchanges: the newest of those before `before`.
    ///   - before: only exchanges older than this one; nil for the newest.
    func history(of principal: Principal, limit: Int, before: ExchangeID?) async throws -> [Exchange]
}
