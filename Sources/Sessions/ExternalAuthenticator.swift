public import Chat
public import FoundationEssentials

/// Sessions of people who log in with an identity provider (OpenID Connect): its tokens, RS256, ES256 or EdDSA, are
/// theirs.
///
/// A token's session begins when it is first seen, in whichever worker, and has the token's end. From then on it is a
/// session like any other: its row says whether it is live, so that a token whose session was ended is dead, whatever
/// the provider thinks. Nothing that could be read back is stored of who it is.
///
/// Refused: tokens that the provider's keys have not signed, expired ones and those without an end, another issuer's,
/// for another audience, and of clients that are not wanted.
public struct ExternalAuthenticator: StoredSessions {
    private static let maximumBytes = 16_384

    private struct Known {
        let principal: Principal
        let expires: Date
        /// Of the keys that it was checked with.
        let generation: Int
    }

    private let provider: IdentityProvider
    private let keys: ProviderKeys
    private let hashes: KeyedHash
    let store: any SessionStore
    private let verified = VerifiedTokens<Known>()
    private let onLogin: @Sendable (Session) -> Void
    let now: @Sendable () -> Date

    /// - Parameters:
    ///   - onLogin: gets each session once, when it begins.
    ///   - onNews: gets a line for the log when the provider's keys are new, or cannot be had.
    public init(
        _ provider: IdentityProvider, identity: IdentityKey, store: any SessionStore, background: Background,
        now: @escaping @Sendable () -> Date = { Date() }, onLogin: @escaping @Sendable (Session) -> Void,
        onNews: @escaping @Sendable (_ keys: Int?, _ detail: String) -> Void
    ) {
        let keys = ProviderKeys(provider.keys, background: background) { news in
            switch news {
            case .fetched(let count, let faults): onNews(count, faults.joined(separator: "; "))
            case .failed(let cause): onNews(nil, cause)
            }
        }
        self.init(provider, keys, identity: identity, store: store, now: now, onLogin: onLogin)
    }

    init(
        _ provider: IdentityProvider, _ keys: ProviderKeys, identity: IdentityKey, store: any SessionStore,
        now: @escaping @Sendable () -> Date = { Date() }, onLogin: @escaping @Sendable (Session) -> Void = { _ in }
    ) {
        (self.provider, self.keys, hashes) = (provider, keys, KeyedHash(identity))
        (self.store, self.now, self.onLogin) = (store, now, onLogin)
    }

    public func open(_ email: Email, browser: String, address: String) async throws -> (session: Session, token: String)
    {
        throw ChatError(
            .forbidden, "Log in with the identity provider, and send its token: Authorization: Bearer …",
            cause: "CHAT_AUTH_MODE is external")
    }

    public func identify(_ token: String?) async throws -> Principal {
        guard let token, !token.isEmpty else {
            throw ChatError(
                .unauthorized, "Send an API key, or a token of the identity provider: Authorization: Bearer …")
        }
        if let known = verified.claims(of: token), known.expires > now(), known.generation == keys.generation {
            return known.principal
        }
        do {
            return try await firstSight(of: token)
        } catch let fault as TokenFault {
            throw ChatError(.unauthorized, "The token is not valid; log in again", cause: "\(fault)")
        }
    }

    private func firstSight(of text: String) async throws -> Principal {
        let now = now()
        let token = try CompactJWS(text, maximumBytes: Self.maximumBytes)
        // First, so that nothing which is not for us makes anybody fetch keys.
        let claims = try ExternalClaims(token, for: provider, at: now)
        let generation = try await keys.verify(token)
        let session = Session(
            id: hashes.session(claims.subject + "\0" + claims.name, of: provider.issuer),
            user: hashes.user(claims.subject, of: provider.issuer), created: now, expires: claims.expires,
            messagesUsed: 0, isProved: true)
        let isNew = try await store.insertOnce(
            SessionOpening(
                session: session, emailHash: hashes.subject(claims.subject, of: provider.issuer), browserHash: "",
                address: ""))
        if isNew { onLogin(session) }
        verified.remember(text, Known(principal: session.principal, expires: claims.expires, generation: generation))
        return session.principal
    }
}
