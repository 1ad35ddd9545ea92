public import Chat
public import FoundationEssentials

/// Sessions whose tokens are JSON Web Tokens (RFC 7519), signed with HS256.
///
/// A token is good only while its session's row is: each request asks the store, in the step that does its work, so an
/// ended session is dead in every worker from the next request on. Nothing that could be read back is stored of who
/// logs in: the email address, the browser's name and, unless the operator wants it otherwise, the network address are
/// kept as keyed hashes. Where the operator wants to be told who it is, address and email wait for that in clear.
///
/// What it refuses: an expired or foreign token, and whatever it would not have written itself (``SignedToken``,
/// ``SessionClaims``).
public struct TokenAuthenticator: StoredSessions {
    /// Seconds from its start on in which a worker of a pool signs with the secret before the present one, if there is
    /// one: a reload replaces workers one by one, and those that are still to go know no other. Longer than a reload of
    /// the largest pool.
    public static let overlap: TimeInterval = 600

    private let keys: TokenKeys
    /// From then on every worker knows the present secret.
    private let settled: Date
    private let verified = VerifiedTokens<SessionClaims>()
    private let hashes: KeyedHash
    let store: any SessionStore
    private let lifetime: TimeInterval
    private let addresses: AddressStorage
    private let keepsContacts: Bool
    let now: @Sendable () -> Date

    /// - Parameters:
    ///   - secret: signs the tokens.
    ///   - identity: under it people are known by their hashes; by default it is made from the secret.
    ///   - overlap: seconds in which the secret before the present one goes on signing, if there is one.
    ///   - lifetime: seconds that a session lives.
    ///   - addresses: what is stored of the address that somebody logs in from.
    ///   - keepsContacts: whether the store is given who logs in, in clear.
    public init(
        secret: TokenSecret, identity: IdentityKey? = nil, store: any SessionStore, lifetime: TimeInterval,
        addresses: AddressStorage = .hash, keepsContacts: Bool = false, overlap: TimeInterval = 0,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        keys = TokenKeys(secret)
        settled = now() + overlap
        hashes = KeyedHash(identity ?? IdentityKey(of: secret))
        self.store = store
        self.lifetime = lifetime
        self.addresses = addresses
        self.keepsContacts = keepsContacts
        self.now = now
    }

    public func open(_ email: Email, browser: String, address: String) async throws -> (session: Session, token: String)
    {
        let opening = opening(hashes.user(email), email, isProved: false, browser: browser, address: address)
        try await store.insert(opening)
        return (opening.session, token(of: opening.session))
    }

    /// A session that has yet to be stored.
    func opening(_ user: UserID, _ email: Email, isProved: Bool, browser: String, address: String) -> SessionOpening {
        // Whole seconds, as the token's dates are.
        let created = Date(timeIntervalSince1970: now().timeIntervalSince1970.rounded(.down))
        return SessionOpening(
            session: Session(
                id: .random(), user: user, created: created, expires: created.addingTimeInterval(lifetime),
                messagesUsed: 0, isProved: isProved),
            emailHash: hashes.email(email), browserHash: hashes.browser(browser),
            address: addresses.stored(address, hashes),
            contact: keepsContacts ? SessionContact(email: email.address, address: address) : nil)
    }

    func token(of session: Session) -> String {
        SignedToken.text(of: SessionClaims(session).json, signedWith: keys.signer(isSettled: now() >= settled))
    }

    public func identify(_ token: String?) async throws -> Principal {
        guard let token, !token.isEmpty else {
            throw ChatError(
                .unauthorized, "Send an API key, or the token of POST /auth/email: Authorization: Bearer …")
        }
        let claims = try claims(of: token)
        return Principal(session: claims.session, user: claims.user)
    }

    private func claims(of token: String) throws(ChatError) -> SessionClaims {
        let claims: SessionClaims
        if let known = verified.claims(of: token) {
            claims = known
        } else {
            do {
                claims = try SessionClaims(SignedToken(verifying: token, with: keys).claims, at: now())
            } catch {
                throw ChatError(.unauthorized, "The token is not valid; log in again", cause: "\(error)")
            }
            verified.remember(token, claims)
        }
        guard claims.expires > now() else {
            throw ChatError(.unauthorized, "The token has expired; log in again", cause: "expired token")
        }
        return claims
    }
}
