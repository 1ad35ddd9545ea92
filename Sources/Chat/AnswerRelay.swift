/// Answers that other processes of the pool are making, as they are made.
///
/// A process that cannot be asked, because it is of an older version or dead, knows nothing; whoever asks then has to do
/// with what the store says.
public protocol AnswerRelay: Sendable {
    /// Follows an answer, until it is over.
    ///
    /// - Parameters:
    ///   - offset: bytes of the text that are not wanted any more.
    ///   - deadline: when to stop; nil for its end.
    ///   - onAnswer: gets the events from then on.
    /// - Returns: nil when the deadline came first.
    /// - Throws: `CancellationError`, or what `onAnswer` threw.
    func follow(
        _ answer: RelayedAnswer, from offset: Int, by deadline: ContinuousClock.Instant?, _ onAnswer: AnswerHandler
    ) async throws -> RelayEnd?

    /// Ends somebody's stream (``ResumableStream/stop()``).
    ///
    /// - Returns: whether there was one.
    func stop(_ id: ExchangeID, of owner: StreamOwner) async -> Bool
}

/// What can be followed in another process: the one that made the id.
public enum RelayedAnswer: Sendable, Hashable {
    /// The answer to an equal question, whose key has that digest.
    case call(ExchangeID, digest: [UInt8])
    /// Somebody's ``ResumableStream``.
    case stream(ExchangeID, StreamOwner)

    public var id: ExchangeID {
        switch self {
        case .call(let id, _), .stream(let id, _): id
        }
    }
}

public enum RelayEnd: UInt8, Sendable {
    /// The store has the answer, or the failure of a call.
    case over = 1
    /// There is no answer.
    case failed
    /// The process died, or is too slow: nobody knows.
    case lost
    /// Nothing of the kind is under way there, and nothing was handed on.
    case unknown
    /// The offset is no place of the text so far.
    case noSuchPlace
    /// There is no answer, because its caller has stopped it. Older programs take that for ``lost``.
    case stopped
}
