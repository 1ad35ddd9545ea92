// How workers of a pool tell each other the answers that they are making, for callers of one whose answer another makes.
//
//     a worker that waits ── what, which, from where, proof ──▶ the worker whose number is in the exchange's id
//                         ◀── place, text, calls … the end ───
//
// Each worker listens on an abstract unix socket, which has no file and is gone with its process. Only processes of the same
// user are heard. A follower is sent what is new in the answer's own text when it has taken what came before, so a slow one
// costs nobody anything but itself.
//
// It refuses: more followers than `RelayServer.mostFollowers`, a follower that says nothing or takes nothing in time, and
// what does not prove that it may know (the digest of a question's key, or the session's name). A worker of a version
// without a relay is not there: whoever wants to follow it has to look into the store.

/// Where the relays of one pool are found.
public struct RelayName: Sendable {
    private let pool: String

    /// - Parameter pool: the same for all processes of a pool, and no other pool's: a few characters.
    public init(pool: String) { self.pool = pool }

    /// - Parameter worker: see ``ExchangeIDGenerator``.
    func socket(of worker: Int) -> String { "parley-relay/\(pool)/\(worker)" }
}
