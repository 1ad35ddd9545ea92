import Synchronization

/// Tokens whose signature and fixed claims were found good before. What is signed cannot change, so that they need no
/// second look; expiry and the session's row are judged anew on every request.
///
/// Bounded: when it is full it starts again.
final class VerifiedTokens: Sendable {
    private static let capacity = 4_096

    private let claims = Mutex<[String: SessionClaims]>([:])

    func claims(of token: String) -> SessionClaims? {
        claims.withLock { $0[token] }
    }

    func remember(_ token: String, _ verified: SessionClaims) {
        claims.withLock { claims in
            if claims.count >= Self.capacity { claims.removeAll(keepingCapacity: true) }
            claims[token] = verified
        }
    }
}
