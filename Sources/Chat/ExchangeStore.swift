/// A message that a session may still send, held while the model is asked. It lapses by itself if its holder dies.
public struct Reservation: Sendable, Hashable {
    public let session: SessionID
    public let number: Int64

    public init(session: SessionID, number: Int64) {
        self.session = session
        self.number = number
    }
}

/// Keeps exchanges, and counts them against their session's limit.
///
/// Every method throws ``ChatError``: `.unavailable` when the store cannot be used, and what its own text names.
public protocol ExchangeStore: Sendable {
    /// Takes one message of the session's limit before the model is asked.
    ///
    /// - Throws: `.quotaExceeded` when recorded and reserved messages reach the limit.
    func reserve(in session: Session) async throws -> Reservation

    /// Gives back a message that was not answered.
    func release(_ place: Reservation) async throws

    /// Counts a message whose answer the caller did not stay for: it was paid for, and there is nothing to record.
    func forfeit(_ place: Reservation) async throws

    /// Returning means that the exchange, its count and the cached answer are committed and survive a power cut.
    ///
    /// - Throws: `.quotaExceeded` when the limit is reached; then nothing is recorded.
    func record(_ draft: Exchange.Draft, place: Reservation?, caching fresh: CachedAnswer?) async throws -> Exchange

    /// The latest messages of a conversation, oldest first.
    ///
    /// - Parameter limit: the most messages, questions and answers counted alike.
    /// - Returns: nil when the session has no such conversation.
    func turns(of conversation: ConversationID, in session: SessionID, limit: Int) async throws
        -> [ModelRequest.Turn]?

    /// The session's exchanges, newest last.
    ///
    /// - Parameters:
    ///   - limit: the most exchanges: the newest of those before `before`.
    ///   - before: only exchanges older than this one; nil for the newest.
    func history(of session: SessionID, limit: Int, before: ExchangeID?) async throws -> [Exchange]
}
