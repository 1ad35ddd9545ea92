/// What went wrong where there is no request to answer: for the log.
public enum ConnectionError: Error, Sendable, Hashable {
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
    /// No descriptor, or no memory for one, is free; accepting pauses for a tenth of a second. Told once a minute at most.
    case descriptorsExhausted
    /// `accept` failed; accepting pauses for a tenth of a second. Told once a minute at most.
    case acceptFailed(errno: Int32)

    /// Whether it is about this process rather than about one peer.
    var lasts: Bool {
        switch self {
        case .descriptorsExhausted, .acceptFailed: true
        case .cutParameters, .malformed, .stalled, .unsupportedRole, .unanswered: false
        }
    }
}
