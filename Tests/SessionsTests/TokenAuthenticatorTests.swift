import Chat
import Crypto
import Foundation
import Sessions
import Synchronization
import Testing

/// Keeps sessions in memory, with the store's own rules.
final class MemorySessions: SessionStore {
    private let openings = Mutex<[SessionID: SessionOpening]>([:])
    private let ended = Mutex<Set<SessionID>>([])

    var all: [SessionOpening] { openings.withLock { Array($0.values) } }

    func insert(_ opening: SessionOpening) { openings.withLock { $0[opening.session.id] = opening } }
    func insertOnce(_ opening: SessionOpening) -> Bool {
        openings.withLock { openings in
            guard openings[opening.session.id] == nil else { return false }
            openings[opening.session.id] = opening
            return true
        }
    }
    func live(_ principal: Principal, at now: Date) -> Session? {
        let isEnded = ended.withLock { $0.contains(principal.session) }
        return openings.withLock { $0[principal.session]?.session }
            .flatMap { !isEnded && $0.expires > now && $0.user == principal.user ? $0 : nil }
    }
    func end(_ principal: Principal, at now: Date) -> Bool {
        live(principal, at: now) != nil && ended.withLock { $0.insert(principal.session).inserted }
    }
    func endAll(of principal: Principal, at now: Date) -> Result<Int, Refusal> { .failure(.notProved) }
}

private let secretText = "0123456789abcdef0123456789abcdef"

@Suite(.timeLimit(.minutes(2))) struct TokenAuthenticatorTests {
    let store = MemorySessions()

    private func gate(
        secret: String = secretText, addresses: AddressStorage = .hash, at now: Date = Date()
    ) async throws -> TokenAuthenticator {
        TokenAuthenticator(
            secret: try TokenSecret(secret), store: store, lifetime: 3_600, addresses: addresses, now: { now })
    }

    private func open(_ gate: TokenAuthenticator) async throws -> (session: Session, token: String) {
        try await gate.open(try Email("ann@example.com"), browser: "curl/7.88.1", address: "127.0.0.1")
    }

    private func expectRefusal(_ token: String?, _ gate: TokenAuthenticator, _ note: Comment) async {
        let error = await #expect(throws: ChatError.self, note) { try await gate.admit(token) }
        #expect(error?.code == .unauthorized, note)
    }

    @Test func admitsItsOwnTokenUntilLogout() async throws {
        let gate = try await gate()
        let (session, token) = try await open(gate)
        #expect(try await gate.admit(token).id == session.id)
        try await gate.end(session.principal)
        await expectRefusal(token, gate, "ended")
    }

    @Test func tokenHasAllSixClaims() async throws {
        let (session, token) = try await open(try await gate())
        let claims = try decoded(token.split(separator: ".")[1])
        #expect(Set(claims.keys) == ["sub", "jti", "iat", "exp", "iss", "aud"])
        #expect(claims["jti"] as? String == session.id.rawValue)
        #expect(claims["sub"] as? String == session.user.rawValue)
        #expect(try decoded(token.split(separator: ".")[0])["alg"] as? String == "HS256")
    }

    @Test func storesNothingThatCanBeReadBack() async throws {
        _ = try await open(try await gate())
        let opening = try #require(store.all.first)
        #expect(!"\(opening)".contains("ann@") && !"\(opening)".contains("curl") && !"\(opening)".contains("127.0.0.1"))
        #expect(opening.emailHash.count == 64 && opening.browserHash.count == 64)
        let plain = SHA256.hash(data: Data("ann@example.com".utf8)).map { String(format: "%02x", $0) }.joined()
        #expect(opening.emailHash != plain, "a hash without a key can be looked up")
    }

    @Test func keepsTheAddressAsTheOperatorWants() async throws {
        let hashes = KeyedHash(IdentityKey(of: try TokenSecret(secretText)))
        let cases: [(AddressStorage, String)] = [
            (.hash, hashes.address("127.0.0.1")), (.full, "127.0.0.1"), (.none, ""),
        ]
        for (addresses, stored) in cases {
            let session = try await open(try await gate(addresses: addresses)).session
            let opening = try #require(store.all.first { $0.session.id == session.id })
            #expect(opening.address == stored)
            #expect(session.user == hashes.user(try Email("Ann@example.com")))
        }
    }

    @Test func oneEmailIsOneUserInManySessions() async throws {
        let gate = try await gate()
        let (one, two) = (try await open(gate).session, try await open(gate).session)
        #expect(one.user == two.user && one.id != two.id)
    }

    @Test func refusesAnExpiredToken() async throws {
        let (_, token) = try await open(try await gate())
        await expectRefusal(token, try await gate(at: Date() + 3_601), "expired")
    }

    @Test func refusesAnotherSecretsToken() async throws {
        let (_, token) = try await open(try await gate(secret: String(secretText.reversed())))
        await expectRefusal(token, try await gate(), "another secret")
    }

    @Test func refusesATokenWithoutItsSession() async throws {
        let gate = try await gate()
        let (session, token) = try await open(gate)
        _ = store.end(session.principal, at: Date())
        await expectRefusal(token, gate, "no row")
    }

    @Test(arguments: [nil, "", "x", "a.b", "a.b.c", "a.b.c.d", "....", "Bearer x", "eyJhbGciOiJub25lIn0.e30."])
    func refusesWhatIsNoToken(_ token: String?) async throws {
        await expectRefusal(token, try await gate(), "\(token ?? "none")")
    }

    @Test func refusesEveryForgery() async throws {
        let gate = try await gate()
        let (session, token) = try await open(gate)
        let now = Int(Date().timeIntervalSince1970)
        let good: [String: Any] = [
            "sub": session.user.rawValue, "jti": session.id.rawValue, "iat": now, "exp": now + 60, "iss": "parley",
            "aud": "parley-chat",
        ]
        let header: [String: Any] = ["alg": "HS256", "typ": "JWT"]
        _ = try await gate.admit(try signed(header, good))  // else the cases below would prove nothing
        let cases: [(Comment, String)] = try [
            ("alg none, signed", signed(["alg": "none"], good)),
            (
                "alg none, unsigned",
                signed(["alg": "none"], good).split(separator: ".").dropLast().joined(separator: ".") + "."
            ),
            ("alg HS512", signed(["alg": "HS512"], good)),
            ("alg hs256", signed(["alg": "hs256"], good)),
            ("alg RS256", signed(["alg": "RS256"], good)),
            ("no alg", signed(["typ": "JWT"], good)),
            ("crit", signed(["alg": "HS256", "crit": ["x"], "x": 1], good)),
            ("another issuer", signed(header, good.merging(["iss": "other"]) { $1 })),
            ("another audience", signed(header, good.merging(["aud": "other"]) { $1 })),
            ("expired", signed(header, good.merging(["exp": now - 1]) { $1 })),
            ("another user", signed(header, good.merging(["sub": "user_" + String(repeating: "0", count: 32)]) { $1 })),
            ("another session", signed(header, good.merging(["jti": String(repeating: "A", count: 32)]) { $1 })),
            ("jti that is none", signed(header, good.merging(["jti": "' OR 1=1 --"]) { $1 })),
            ("exp is text", signed(header, good.merging(["exp": "tomorrow"]) { $1 })),
            ("cut signature", String(token.dropLast(4))),
            ("changed payload", token.replacing(".ey", with: ".eZ")),
        ]
        for (note, forged) in cases { await expectRefusal(forged, gate, note) }
        for claim in good.keys {
            await expectRefusal(try signed(header, good.filter { $0.key != claim }), gate, "no \(claim)")
        }
    }

    /// Each has the right signature, and is written as no token of ours is.
    @Test func refusesWhatIsOddlyWritten() async throws {
        let gate = try await gate()
        let session = try await open(gate).session
        let now = Int(Date().timeIntervalSince1970)
        let header = #"{"alg":"HS256","typ":"JWT"}"#
        func claims(_ more: String = "", iat: String = "\(now)", exp: String = "\(now + 60)") -> String {
            let (user, id) = (session.user.rawValue, session.id.rawValue)
            return
                #"{"sub":"\#(user)","jti":"\#(id)","iat":\#(iat),"exp":\#(exp),"iss":"parley","aud":"parley-chat"\#(more)}"#
        }
        let good = signed(header, claims())
        _ = try await gate.admit(good)
        _ = try await gate.admit(signed(#"{"alg":"HS256"}"#, claims()))
        _ = try await gate.admit(signed(header, claims(exp: "\(now + 60).5")))
        let cases: [(Comment, String)] = [
            ("nbf in the future", signed(header, claims(#","nbf":\#(now + 600)"#))),
            ("exp twice", signed(header, claims(#","exp":\#(now + 600)"#))),
            ("alg twice", signed(#"{"alg":"HS256","alg":"HS256"}"#, claims())),
            ("trailing comma", signed(header, claims(","))),
            ("byte order mark", signed("\u{FEFF}" + header, claims())),
            ("byte order mark in the claims", signed(header, "\u{FEFF}" + claims())),
            ("UTF-16", signed(Data(header.utf16.flatMap { [UInt8($0 & 0xFF), 0] }), Data(claims().utf8))),
            ("crit as text", signed(#"{"alg":"HS256","crit":"x"}"#, claims())),
            ("crit as null", signed(#"{"alg":"HS256","crit":null}"#, claims())),
            ("zip", signed(#"{"alg":"HS256","zip":"DEF"}"#, claims())),
            ("b64", signed(#"{"alg":"HS256","b64":false}"#, claims())),
            ("another typ", signed(#"{"alg":"HS256","typ":"secevent+jwt"}"#, claims())),
            ("a kid that is no text", signed(#"{"alg":"HS256","kid":1}"#, claims())),
            ("a kid of no secret", signed(#"{"alg":"HS256","kid":"other"}"#, claims())),
            ("crit as a list of nothing", signed(#"{"alg":"HS256","crit":[]}"#, claims())),
            ("jwk", signed(#"{"alg":"HS256","jwk":{}}"#, claims())),
            ("typ as null", signed(#"{"alg":"HS256","typ":null}"#, claims())),
            ("alg as a list", signed(#"{"alg":["HS256"]}"#, claims())),
            ("aud as a list", signed(header, claims().replacing(#""parley-chat""#, with: #"["parley-chat"]"#))),
            ("aud twice, once escaped", signed(header, claims(#","\u0061ud":"parley-chat""#))),
            ("exp as true", signed(header, claims(exp: "true"))),
            ("exp as null", signed(header, claims(exp: "null"))),
            ("text after the claims", signed(header, claims() + "{}")),
            ("a claim that is not ours", signed(header, claims(#","admin":true"#))),
            ("a header that is no object", signed(#"["HS256"]"#, claims())),
            ("claims that are no object", signed(header, "[]")),
            ("iat in the future", signed(header, claims(iat: "\(now + 600)"))),
            ("exp beyond 2^53", signed(header, claims(exp: "9007199254740993"))),
            ("exp beyond all numbers", signed(header, claims(exp: "1e999"))),
            ("negative iat", signed(header, claims(iat: "-1"))),
            ("padded signature", good + "="),
            ("unused bits of the signature", String(good.dropLast()) + next(after: good.last!)),
            ("a part more", good + "."),
            ("a space", good + " "),
        ]
        for (note, odd) in cases { await expectRefusal(odd, gate, note) }
    }

    /// 32 bytes leave the last of 43 characters two bits that say nothing.
    private func next(after character: Character) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return String(alphabet[alphabet.firstIndex(of: character)! + 1])
    }

    /// Swift takes the Kelvin sign for a K, also once the genuine token is known.
    @Test func refusesATokenThatOnlyLooksTheSame() async throws {
        let gate = try await gate()
        var token = ""
        while !token.contains("K") { token = try await open(gate).token }
        _ = try await gate.admit(token)
        await expectRefusal(token.replacing("K", with: "\u{212A}"), gate, "Kelvin sign")
    }

    @Test func refusesAShortSecret() {
        #expect(throws: ChatError.self) { try TokenSecret(String(repeating: "x", count: 31)) }
    }

    private func decoded(_ part: Substring) throws -> [String: Any] {
        let padded = part.replacing("-", with: "+").replacing("_", with: "/")
        let data = try #require(Data(base64Encoded: padded + String(repeating: "=", count: (4 - padded.count % 4) % 4)))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// A token with any header and claims, and the right HMAC-SHA256 over them.
    private func signed(_ header: [String: Any], _ claims: [String: Any]) throws -> String {
        let parts = try [header, claims].map { try JSONSerialization.data(withJSONObject: $0) }
        return signed(parts[0], parts[1])
    }

    private func signed(_ header: String, _ claims: String) -> String {
        signed(Data(header.utf8), Data(claims.utf8))
    }

    private func signed(_ header: Data, _ claims: Data) -> String {
        let text = base64URL(header) + "." + base64URL(claims)
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(text.utf8), using: SymmetricKey(data: Data(secretText.utf8)))
        return text + "." + base64URL(Data(code))
    }

    private func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

extension Authenticator {
    fileprivate func admit(_ token: String?) async throws -> Session {
        try await session(of: try await identify(token))
    }
}

/// A clock that says one time after the other, and then the last one for ever.
final class Ticks: Sendable {
    private let times: Mutex<[Date]>

    init(_ times: [Date]) { self.times = Mutex(times) }

    func next() -> Date { times.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
}
