import Chat
import FoundationEssentials

/// An authenticator whose sessions are a store's: whatever their tokens are, the store says which are live, and ends them.
protocol StoredSessions: Authenticator {
    var store: any SessionStore { get }
    var now: @Sendable () -> Date { get }
}

extension StoredSessions {
    public func session(of principal: Principal) async throws -> Session {
        guard let session = try await store.live(principal, at: now()) else { throw ChatError.sessionEnded }
        return session
    }

    public func end(_ principal: Principal) async throws {
        guard try await store.end(principal, at: now()) else { throw ChatError.sessionEnded }
    }

    public func endAll(_ principal: Principal) async throws -> Int {
        try await store.endAll(of: principal, at: now()).admitted()
    }
}
