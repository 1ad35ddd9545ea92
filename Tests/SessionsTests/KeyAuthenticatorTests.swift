import Chat
import Foundation
import Synchronization
import Testing

@testable import Sessions

/// Counts how often it is asked whose a key is.
private final class OneKey: APIKeyStore {
    struct Unused: Error {}

    let asked = Mutex(0)
    let hash: [UInt8]
    let principal = Principal(
        session: .random(), user: APIKey.ID.random().user,
        key: Principal.Key(hash: [], isManagement: false, models: nil))

    init(_ hash: [UInt8]) { self.hash = hash }

    func principal(of hash: [UInt8]) -> Principal? {
        asked.withLock { $0 += 1 }
        return hash == self.hash ? principal : nil
    }

    func insert(_ key: APIKey, hash: [UInt8], for principal: Principal?) throws { throw Unused() }
    func keys(for principal: Principal?) throws -> [APIKey] { throw Unused() }
    func key(_ name: String, for principal: Principal?) throws -> APIKey { throw Unused() }
    func revoke(_ name: String, for principal: Principal?) throws -> APIKey { throw Unused() }
    func rotate(_ name: String, to hash: [UInt8], prefix: String, grace: TimeSpan?, for principal: Principal?) throws
        -> APIKey
    { throw Unused() }
}

@Suite(.timeLimit(.minutes(1))) struct KeyAuthenticatorTests {
    private let secret = try! KeySecret("0123456789abcdef0123456789abcdef")
    private let token = APIKeyToken.random()

    private func authenticator(_ store: OneKey, _ secret: KeySecret?) async throws -> KeyAuthenticator {
        let sessions = TokenAuthenticator(
            secret: try TokenSecret("0123456789abcdef0123456789abcdef"), store: MemorySessions(), lifetime: 3_600)
        return KeyAuthenticator(beside: sessions, store: store, secret: secret)
    }

    @Test func asksTheStoreOnceWhoseAKeyIs() async throws {
        let store = OneKey(token.hash(secret))
        let authenticator = try await authenticator(store, secret)
        for _ in 0..<3 { #expect(try await authenticator.identify(token.text) == store.principal) }
        #expect(store.asked.withLock { $0 } == 1)
    }

    @Test func refusesAWrongChecksumWithoutTheStore() async throws {
        let store = OneKey(token.hash(secret))
        let authenticator = try await authenticator(store, secret)
        for text in [
            token.text + "0", String(token.text.dropLast()), "prl_", "prl_" + String(repeating: "0", count: 36),
        ] {
            let error = await #expect(throws: ChatError.self) { try await authenticator.identify(text) }
            #expect(error?.code == .unauthorized && error?.cause == "its checksum is wrong")
        }
        #expect(store.asked.withLock { $0 } == 0)
        let error = await #expect(throws: ChatError.self) {
            try await authenticator.identify(APIKeyToken.random().text)
        }
        #expect(error?.code == .unauthorized)
        #expect(store.asked.withLock { $0 } == 1)
    }

    @Test func withoutASecretThereAreNoKeys() async throws {
        let store = OneKey(token.hash(secret))
        let error = await #expect(throws: ChatError.self) {
            try await authenticator(store, nil).identify(token.text)
        }
        #expect(error?.code == .unauthorized && error?.cause?.contains("CHAT_KEY_SECRET") == true)
        #expect(store.asked.withLock { $0 } == 0)
    }

    @Test func sessionsGoOnAsBefore() async throws {
        let authenticator = try await authenticator(OneKey([]), secret)
        let (session, token) = try await authenticator.open(
            try Email("ann@example.com"), browser: "test", address: "127.0.0.1")
        #expect(try await authenticator.identify(token) == session.principal)
        #expect(try await authenticator.session(of: session.principal).id == session.id)
        try await authenticator.end(session.principal)
        await #expect(throws: ChatError.self) { try await authenticator.identify(nil) }
    }

    @Test func aKeyHasNoSessionToEnd() async throws {
        let store = OneKey(token.hash(secret))
        let authenticator = try await authenticator(store, secret)
        let error = await #expect(throws: ChatError.self) { try await authenticator.end(store.principal) }
        #expect(error?.code == .forbidden)
    }
}
