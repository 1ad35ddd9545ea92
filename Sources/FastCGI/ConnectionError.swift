/// What went wrong where there is no request to answer: for the log.
public enum ConnectionError: Error, Sendable, Equatable {
    /// The peer closed before its parameters were complete.
    case cutParameters
    /// What the peer sent is not a FastCGI request, or breaks off within a record.
    case malformed
    /// The parameters were not complete within ``Limits/readTimeout``.
    case stalled
    /// A FastCGI role other than responder (1).
    case unsupportedRole(Int)
    /// The responder returned without a reply; the peer got ``Responder/reply(toUnanswered:)``.
    case unanswered(path: String)
    /// No descriptor is free; accepting pauses for a tenth of a second.
    case descriptorsExhausted
    /// `accept` or `epoll_ctl` failed.
    case acceptFailed(errno: Int32)
}
