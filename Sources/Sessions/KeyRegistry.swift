public import Chat
public import FoundationEssentials

/// Makes the secrets of API keys, and hands the store what it may know of them.
public struct KeyRegistry: APIKeyRegistry {
    private let store: any APIKeyStore
    private let secret: KeySecret
    private let now: @Sendable () -> Date

    public init(store: any APIKeyStore, secret: KeySecret, now: @escaping @Sendable () -> Date = { Date() }) {
        self.store = store
        self.secret = secret
        self.now = now
    }

    public func make(_ grant: APIKey.Grant, for principal: Principal?) async throws -> (key: APIKey, token: String) {
        let token = APIKeyToken.random()
        let key = APIKey(
            id: .random(), grant: grant, prefix: token.prefix, created: now(), isDisabled: false, spent: .zero)
        try await store.insert(key, hash: token.hash(secret), for: principal)
        return (key, token.text)
    }

    public func keys(for principal: Principal?) async throws -> [APIKey] { try await store.keys(for: principal) }

    public func key(_ name: String, for principal: Principal?) async throws -> APIKey {
        try await store.key(name, for: principal)
    }

    public func revoke(_ name: String, for principal: Principal?) async throws -> APIKey {
        try await store.revoke(name, for: principal)
    }

    public func rotate(_ name: String, grace: TimeSpan?, for principal: Principal?) async throws -> (
        key: APIKey, token: String
    ) {
        let token = APIKeyToken.random()
        let key = try await store.rotate(
            name, to: token.hash(secret), prefix: token.prefix, grace: grace, for: principal)
        return (key, token.text)
    }
}
