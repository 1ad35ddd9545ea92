import Chat
import CryptoExtras
import Foundation
import Testing

@testable import Sessions

/// Whose tokens of an identity provider are let in.
@Suite(.timeLimit(.minutes(1))) struct ExternalTokenTests {
    let issuer: ScriptedIssuer
    let store = MemorySessions()

    init() throws { issuer = try ScriptedIssuer() }

    private func gate(clients: [String] = [], at now: Date? = nil) throws -> ExternalAuthenticator {
        let keys = ProviderKeys(try KeyAddress(issuer.url), onNews: { _ in })
        let identity = IdentityKey(of: try TokenSecret(String(repeating: "s", count: 32)))
        return ExternalAuthenticator(
            try issuer.provider(clients: clients), keys, identity: identity, store: store, now: { now ?? Date() })
    }

    private func expectRefusal(_ token: String, _ gate: ExternalAuthenticator, _ note: String) async {
        let error = await #expect(throws: ChatError.self, "\(note)") { try await gate.identify(token) }
        #expect(error?.code == .unauthorized && error?.cause != nil, "\(note): \(String(describing: error))")
    }

    @Test(arguments: ["rsa", "ec", "ed"]) func admitsATokenUntilItsSessionEnds(_ key: String) async throws {
        let gate = try gate()
        let token = try issuer.token(signedWith: key)
        let principal = try await gate.identify(token)
        let session = try await gate.session(of: principal)
        #expect(session.user.rawValue.hasPrefix("user_") && session.expires > Date() && session.messagesUsed == 0)
        #expect(session.isProved && principal.provedUser == session.user)
        // Another worker sees the same session.
        #expect(try await self.gate().identify(token) == principal)
        #expect(store.all.count == 1)

        try await gate.end(principal)
        for gate in [gate, try self.gate()] {
            let again = try await gate.identify(token)
            await #expect(throws: ChatError.sessionEnded) { try await gate.session(of: again) }
        }
        let other = try await gate.identify(try issuer.token(["jti": "two"], signedWith: key))
        #expect(other.user == principal.user && other.session != principal.session, "a new login of the same user")
        _ = try await gate.session(of: other)
    }

    @Test func nothingOfWhoItIsIsStored() async throws {
        let gate = try gate()
        let first = try await gate.identify(try issuer.token(["sub": "ann@example.com", "jti": "secret-id"]))
        let text = "\(store.all)"
        #expect(!text.contains("ann@") && !text.contains("secret-id") && !text.contains("id.example.com"))
        let other = try await gate.identify(try issuer.token(["sub": "bob@example.com", "jti": "secret-id"]))
        #expect(first.user != other.user && first.session != other.session)
    }

    /// Without a jti what it says is its name, however it is signed.
    @Test func aTokenWithoutAnIDIsKnownByItsClaims() async throws {
        let gate = try gate()
        let (one, two) = (
            try issuer.token(["jti": nil], signedWith: "ec"), try issuer.token(["jti": nil], signedWith: "ec")
        )
        let claims = one.split(separator: ".")[1]
        guard two.split(separator: ".")[1] == claims else { return }  // the second has changed in between
        #expect(one != two, "ES256 signs with chance")
        #expect(try await gate.identify(one) == gate.identify(two))
        let later = try issuer.token(["jti": nil, "exp": Int(Date().timeIntervalSince1970) + 999], signedWith: "ec")
        #expect(try await gate.identify(later).session != gate.identify(one).session)
    }

    @Test func takesWhatProvidersWrite() async throws {
        let gate = try gate()
        let now = Int(Date().timeIntervalSince1970)
        let cases: [(String, [String: Any?], [String: Any?])] = [
            ("audiences in a list", ["aud": ["account", "parley"]], [:]),
            ("a client", ["azp": "chat-page"], [:]),
            ("an access token", ["client_id": "chat-page", "scope": "openid"], ["typ": "at+jwt"]),
            ("an access token, at length", [:], ["typ": "application/at+JWT"]),
            ("no typ", [:], ["typ": nil]),
            ("other headers", [:], ["x5t": "abc", "jku": "https://evil.example", "jwk": ["kty": "oct"]]),
            ("a nonce, an email, a fraction", ["nonce": "n", "email": "a@b.c", "exp": Double(now) + 60.5], [:]),
            ("a clock that is ahead", ["iat": now + 50, "nbf": now + 50], [:]),
            ("no iat", ["iat": nil], [:]),
        ]
        for (note, claims, header) in cases {
            _ = await #expect(throws: Never.self, "\(note)") {
                try await gate.identify(try issuer.token(claims, header: header))
            }
        }
        _ = try await gate.identify(try issuer.token(header: ["alg": "Ed25519"], signedWith: "ed"))
    }

    @Test func refusesTokensThatSayTheWrongThing() async throws {
        let gate = try gate()
        let now = Int(Date().timeIntervalSince1970)
        let claims: [(String, [String: Any?])] = [
            ("no exp", ["exp": nil]), ("exp as text", ["exp": "\(now + 60)"]), ("exp as null", ["exp": NSNull()]),
            ("expired", ["exp": now - 1]), ("exp beyond 2^53", ["exp": 9_007_199_254_740_992]),
            ("exp below 0", ["exp": -1]),
            ("nbf", ["nbf": now + 70]), ("iat", ["iat": now + 70]), ("nbf as text", ["nbf": "0"]),
            ("iat as text", ["iat": "0"]),
            ("another issuer", ["iss": "https://id.example.com/realms/other"]), ("no issuer", ["iss": nil]),
            ("an issuer and a slash", ["iss": ScriptedIssuer.issuer + "/"]),
            ("issuers", ["iss": [ScriptedIssuer.issuer]]),
            ("another audience", ["aud": "other"]), ("no audience", ["aud": nil]),
            ("none of them", ["aud": [String]()]),
            ("other audiences", ["aud": ["parley-2", "Parley"]]), ("audience as an object", ["aud": ["parley": 1]]),
            ("no subject", ["sub": nil]), ("empty subject", ["sub": ""]), ("subject as a number", ["sub": 7]),
            ("long subject", ["sub": String(repeating: "a", count: 1_001)]),
            ("empty jti", ["jti": ""]), ("jti as a number", ["jti": 1]), ("azp as a list", ["azp": ["parley"]]),
            ("bound to a key", ["cnf": ["jkt": "x"]]), ("a logout token", ["events": ["x": [String: String]()]]),
        ]
        for (note, changes) in claims { await expectRefusal(try issuer.token(changes), gate, note) }
        let headers: [(String, [String: Any?])] = [
            ("crit", ["crit": ["b64"]]), ("b64", ["b64": false]), ("zip", ["zip": "DEF"]),
            ("a logout token", ["typ": "logout+jwt"]), ("a proof", ["typ": "dpop+jwt"]),
            ("typ as null", ["typ": NSNull()]),
            ("kid as a number", ["kid": 1]), ("kid as null", ["kid": NSNull()]),
            ("kid as a path", ["kid": "../../dev/null"]),
        ]
        for (note, changes) in headers { await expectRefusal(try issuer.token(header: changes), gate, note) }
        #expect(store.all.isEmpty, "nobody has left a row")
    }

    @Test func refusesForgedSignatures() async throws {
        let gate = try gate()
        let good = try issuer.token()
        _ = try await gate.identify(good)  // else the cases below would prove nothing
        let pem = Data(ScriptedIssuer.rsa.publicKey.pemRepresentation.utf8)
        let der = ScriptedIssuer.rsa.publicKey.derRepresentation
        let modulus = try ScriptedIssuer.rsa.publicKey.getKeyPrimitives().modulus
        for (note, secret) in [
            ("PEM", pem), ("PEM and a line end", pem + Data("\n".utf8)), ("DER", der), ("modulus", modulus),
        ] {
            let forged = try issuer.token(header: ["alg": "HS256", "kid": "rsa", "typ": "JWT"], hmac: secret)
            await expectRefusal(forged, gate, "HS256 under the public key: \(note)")
        }
        let parts = good.split(separator: ".").map(String.init)
        for algorithm in ["none", "None", "nOnE", ""] {
            let header = issuer.text(Data(#"{"alg":"\#(algorithm)","kid":"rsa"}"#.utf8))
            for signature in ["", parts[2]] {
                await expectRefusal("\(header).\(parts[1]).\(signature)", gate, algorithm)
            }
        }
        for (key, algorithm) in [
            ("rsa", "ES256"), ("rsa", "EdDSA"), ("rsa", "PS256"), ("rsa", "RS512"), ("rsa", "rs256"), ("ec", "RS256"),
            ("ec", "ES256K"), ("ed", "ES256"), ("ed", "HS256"),
        ] {
            await expectRefusal(
                try issuer.token(header: ["alg": algorithm], signedWith: key), gate, "\(key) as \(algorithm)")
        }
        for other in ["ec", "ed"] {
            await expectRefusal(try issuer.token(header: ["kid": other]), gate, "rsa under the name of \(other)")
        }
        await expectRefusal(parts[0] + "." + parts[1] + "." + String(parts[2].dropLast(4)), gate, "cut")
        await expectRefusal(good + "=", gate, "padded")
        await expectRefusal(parts[0] + "." + parts[1], gate, "two parts")
        let body = issuer.text(try JSONSerialization.data(withJSONObject: issuer.claims(["sub": "bob"])))
        await expectRefusal("\(parts[0]).\(body).\(parts[2])", gate, "somebody else's claims")
        let point = try issuer.token(signedWith: "ec").split(separator: ".").map(String.init)
        await expectRefusal("\(point[0]).\(point[1]).\(issuer.text(Data(count: 64)))", gate, "r and s of zero")
        await expectRefusal(try issuer.token(["x": String(repeating: "x", count: 20_000)]), gate, "too long")
        await expectRefusal("x", gate, "no token")
    }

    @Test func clientsMayBeNamed() async throws {
        let gate = try gate(clients: ["chat-page", "parley"])
        for good: [String: Any?] in [["azp": "chat-page"], ["client_id": "chat-page"], [:], ["azp": "parley"]] {
            _ = try await gate.identify(try issuer.token(good))
        }
        for bad: [String: Any?] in [
            ["azp": "other"], ["client_id": "other"], ["azp": "chat-page", "client_id": "other"],
            ["aud": ["parley", "other"]],
        ] {
            await expectRefusal(try issuer.token(bad), gate, "\(bad)")
        }
        await expectRefusal(try issuer.token(), try self.gate(clients: ["chat-page"]), "no client")
    }

    @Test func expiryIsJudgedEachTime() async throws {
        let clock = Ticks([Date(), Date(), Date() + 301])
        let keys = ProviderKeys(try KeyAddress(issuer.url), onNews: { _ in })
        let gate = ExternalAuthenticator(
            try issuer.provider(), keys, identity: IdentityKey(of: try TokenSecret(String(repeating: "s", count: 32))),
            store: store, now: { clock.next() })
        let token = try issuer.token()
        _ = try await gate.identify(token)
        _ = try await gate.identify(token)
        await expectRefusal(token, gate, "expired since it was seen")
    }

    @Test func nobodyLogsInWithAnAddress() async throws {
        let gate = try gate()
        let error = await #expect(throws: ChatError.self) {
            try await gate.open(try Email("ann@example.com"), browser: "", address: "")
        }
        #expect(error?.code == .forbidden && error?.message.contains("identity provider") == true)
        let missing = await #expect(throws: ChatError.self) { try await gate.identify(nil) }
        #expect(missing?.code == .unauthorized)
    }
}
