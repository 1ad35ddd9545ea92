import Synchronization

/// Tokens whose signature and fixed claims were found good before. What is signed cannot change, so that they need no
/// second look; expiry and the session's row are judged anew on every request.
///
/// Tokens are compared byte by byte: to Swift two texts are equal when they look the same (K and the Kelvin sign), to a
/// signature they are not.
///
/// Bounded by two generations: when the younger is full it becomes the older, whose tokens go unless they are used
/// again.
final class VerifiedTokens<Claims: Sendable>: Sendable {
    /// Tokens of one generation.
    static var capacity: Int { 2_048 }

    private struct Token: Hashable {
        let bytes: [UInt8]

        /// The end of a token is of its signature: enough to tell tokens apart.
        func hash(into hasher: inout Hasher) {
            bytes.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.suffix(16))) }
        }
    }

    private struct Generations {
        var younger: [Token: Claims] = [:]
        var older: [Token: Claims] = [:]

        mutating func insert(_ token: Token, _ claims: Claims) {
            if younger.count >= capacity {
                older = younger
                younger = [:]
            }
            younger[token] = claims
        }
    }

    private let generations = Mutex(Generations())

    func claims(of token: String) -> Claims? {
        let token = Token(bytes: Array(token.utf8))
        return generations.withLock { generations in
            if let claims = generations.younger[token] { return claims }
            guard let claims = generations.older[token] else { return nil }
            generations.insert(token, claims)
            return claims
        }
    }

    func remember(_ token: String, _ verified: Claims) {
        generations.withLock { $0.insert(Token(bytes: Array(token.utf8)), verified) }
    }
}
