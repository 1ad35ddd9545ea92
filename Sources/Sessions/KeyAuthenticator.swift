public import Chat
import Synchronization

/// Lets API keys in beside another authenticator's tokens: a text that begins as a key is a key, whatever else it is.
///
/// A text with a wrong checksum is refused without the store. Who a secret belongs to never changes, so that it is looked up
/// once a process; that it is live the store sees in the step that does the request's work, as with sessions.
public struct KeyAuthenticator: Authenticator {
    private let sessions: any Authenticator
    private let store: any APIKeyStore
    /// Nil when there are no keys here.
    private let secret: KeySecret?
    private let known = KnownKeys()

    public init(beside sessions: any Authenticator, store: any APIKeyStore, secret: KeySecret?) {
        self.sessions = sessions
        self.store = store
        self.secret = secret
    }

    public func open(_ email: Email, browser: String, address: String) async throws -> (session: Session, token: String)
    {
        try await sessions.open(email, browser: browser, address: address)
    }

    public func identify(_ token: String?) async throws -> Principal {
        guard let token, token.hasPrefix(APIKeyToken.start) else { return try await sessions.identify(token) }
        guard let secret else { throw ChatError.invalidKey("there are no keys here: CHAT_KEY_SECRET is not set") }
        guard let key = APIKeyToken(token) else { throw ChatError.invalidKey("its checksum is wrong") }
        let hash = key.hash(secret)
        if let principal = known.principal(of: hash) { return principal }
        guard let principal = try await store.principal(of: hash) else {
            throw ChatError.invalidKey("unknown, revoked or expired")
        }
        known.remember(principal, hash)
        return principal
    }

    public func session(of principal: Principal) async throws -> Session {
        do { return try await sessions.session(of: principal) } catch let error as ChatError {
            guard principal.key != nil, error.code == .unauthorized else { throw error }
            throw ChatError.invalidKey("revoked or expired")
        }
    }

    public func end(_ principal: Principal) async throws {
        guard principal.key == nil else {
            throw ChatError(.forbidden, "An API key has no session to end; revoke it with `parley key revoke`")
        }
        try await sessions.end(principal)
    }

    public func endAll(_ principal: Principal) async throws -> Int {
        guard principal.key == nil else {
            throw ChatError(.forbidden, "An API key has no session to end; revoke it with `parley key revoke`")
        }
        return try await sessions.endAll(principal)
    }
}

/// Whose the keys are that were seen before.
private final class KnownKeys: Sendable {
    private static let capacity = 4_096

    private let principals = Mutex<[[UInt8]: Principal]>([:])

    func principal(of hash: [UInt8]) -> Principal? { principals.withLock { $0[hash] } }

    func remember(_ principal: Principal, _ hash: [UInt8]) {
        principals.withLock { principals in
            if principals.count >= Self.capacity { principals = [:] }
            principals[hash] = principal
        }
    }
}
