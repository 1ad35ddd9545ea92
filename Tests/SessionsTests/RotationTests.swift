import Chat
import Foundation
import Sessions
import Testing

/// Tokens of before and after a rotation of the secret that signs them.
@Suite(.timeLimit(.minutes(1))) struct RotationTests {
    private static let old = String(repeating: "o", count: 40)
    private static let new = String(repeating: "n", count: 64)
    private let store = MemorySessions()

    /// - Parameter age: seconds since the gate's start.
    private func gate(_ secret: String, overlap: TimeInterval = 0, age: TimeInterval = 0) throws -> TokenAuthenticator {
        let start = Date()
        let clock = Ticks([start] + Array(repeating: start + age, count: 100))
        let identity = IdentityKey(of: try TokenSecret(Self.old))
        return TokenAuthenticator(
            secret: try TokenSecret(secret), identity: identity, store: store, lifetime: 3_600, overlap: overlap,
            now: { clock.next() })
    }

    private func open(_ gate: TokenAuthenticator) async throws -> (session: Session, token: String) {
        try await gate.open(try Email("ann@example.com"), browser: "curl/7.88.1", address: "127.0.0.1")
    }

    private func header(_ token: String) throws -> [String: String] {
        let part = token.prefix { $0 != "." }
        let padded = String(part) + String(repeating: "=", count: (4 - part.count % 4) % 4)
        let data = try #require(
            Data(
                base64Encoded: padded.replacing("-", with: "+").replacing("_", with: "/")))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: String])
    }

    @Test func bothSecretsTokensAreGoodUntilTheOlderIsDropped() async throws {
        let before = try await open(try gate(Self.old))
        #expect(try header(before.token)["kid"] == nil, "one secret needs no name")
        let rotated = try gate("\(Self.new),\(Self.old)")
        let after = try await open(rotated)
        #expect(try header(after.token)["kid"]?.isEmpty == false)
        #expect(after.session.user == before.session.user, "nobody is somebody else")
        for token in [before.token, after.token] { _ = try await rotated.identify(token) }

        let retired = try gate(Self.new)
        _ = try await retired.identify(after.token)
        await #expect(throws: ChatError.self) { try await retired.identify(before.token) }
        await #expect(throws: ChatError.self) { try await gate(Self.old).identify(after.token) }
        await #expect(throws: ChatError.self) {
            try await gate("\(Self.new),\(String(Self.new.reversed()))x").identify(before.token)
        }
    }

    /// A reload replaces workers one by one.
    @Test func workersOfBeforeTakeTheTokensOfThoseThatAreNew() async throws {
        for (age, isOld) in [(1.0, true), (599, true), (600, false), (1e6, false)] {
            let rotated = try gate("\(Self.new),\(Self.old)", overlap: TokenAuthenticator.overlap, age: age)
            let token = try await open(rotated).token
            #expect(try header(token).keys.contains("kid") != isOld)
            _ = try await rotated.identify(token)
            let seen = try? await gate(Self.old, age: age).identify(token)
            #expect((seen != nil) == isOld, "after \(age) s")
        }
        let first = try gate(Self.old, overlap: TokenAuthenticator.overlap)
        _ = try await gate(Self.old).identify(try await open(first).token)
    }

    /// A comma means nothing in a secret that has had one all along.
    @Test func aSecretIsOneOrTwo() throws {
        let half = String(repeating: "h", count: 32)
        for (text, isTwo) in [(half, false), ("\(half),\(half)", true), ("\(half),short", false), (",\(half)", false)] {
            #expect(try TokenSecret(text).hasPrevious == isTwo, "\(text)")
        }
        #expect(try TokenSecret("\(half),short").currentText == "\(half),short")
        #expect(try TokenSecret("\(half),\(half)").currentText == half)
        for text in ["\(half),\(half),\(half)", "short,short", ""] {
            #expect(throws: ChatError.self) { try TokenSecret(text) }
        }
    }

    @Test func aKeyThatWasWrittenDownIsTheOneThatWasMade() throws {
        let made = IdentityKey(of: try TokenSecret(Self.old))
        #expect(made.text.utf8.count == 64)
        #expect(try IdentityKey(made.text) == made)
        #expect(try IdentityKey(made.text.uppercased()) == made)
        for text in ["", String(made.text.dropLast()), made.text + "0", String(repeating: "g", count: 64)] {
            #expect(throws: ChatError.self) { try IdentityKey(text) }
        }
    }
}
