import Chat
import Crypto
import CryptoExtras
import Foundation
import StrictJSON
import Support
import Synchronization

@testable import Sessions

/// An identity provider: signs whatever it is told to, and publishes its keys over HTTP as it is told to.
final class ScriptedIssuer: Sendable {
    static let issuer = "https://id.example.com/realms/main"
    static let audience = "parley"
    static let rsa = try! _RSA.Signing.PrivateKey(keySize: .bits2048)

    /// What a request for the keys gets.
    typealias Reply = @Sendable (Connection) throws -> Void

    let p256 = P256.Signing.PrivateKey()
    let ed25519 = Curve25519.Signing.PrivateKey()
    private let server: ScriptedServer
    private let state: State

    private final class State: Sendable {
        let reply: Mutex<Reply?> = Mutex(nil)
        let keys = Mutex("")
        let asked = Mutex(0)
    }

    init() throws {
        let state = State()
        server = try ScriptedServer { connection, _ in
            while connection.readRequest() != nil {
                state.asked.withLock { $0 += 1 }
                if let reply = state.reply.withLock({ $0 }) { return try reply(connection) }
                try connection.answer(state.keys.withLock { $0 })
            }
        }
        self.state = state
        publish([rsaKey, p256Key, ed25519Key])
    }

    var url: String { server.url + "/keys" }
    /// Requests for the keys so far.
    var asked: Int { state.asked.withLock { $0 } }

    func publish(_ keys: [String]) { state.keys.withLock { $0 = #"{"keys":[\#(keys.joined(separator: ","))]}"# } }

    /// - Parameter reply: nil for the keys.
    func answer(_ reply: Reply?) { state.reply.withLock { $0 = reply } }

    func provider(clients: [String] = []) throws -> IdentityProvider {
        IdentityProvider(
            keys: try KeyAddress(url), issuer: Self.issuer, audience: Self.audience, clients: clients)
    }

    // MARK: Keys

    var rsaKey: String { rsaKey(kid: "rsa") }
    var p256Key: String { p256Key(kid: "ec") }
    var ed25519Key: String {
        #"{"kty":"OKP","crv":"Ed25519","kid":"ed","use":"sig","x":"\#(text(ed25519.publicKey.rawRepresentation))"}"#
    }

    func rsaKey(kid: String?, _ more: String = "") -> String {
        let numbers = try! Self.rsa.publicKey.getKeyPrimitives()
        let (n, e) = (text(numbers.modulus), text(numbers.publicExponent))
        return #"{"kty":"RSA","n":"\#(n)","e":"\#(e)"\#(kid.map { #","kid":"\#($0)""# } ?? "")\#(more)}"#
    }

    func p256Key(kid: String) -> String {
        let point = p256.publicKey.rawRepresentation
        return
            #"{"kty":"EC","crv":"P-256","kid":"\#(kid)","x":"\#(text(point.prefix(32)))","y":"\#(text(point.suffix(32)))"}"#
    }

    // MARK: Tokens

    /// Claims of a good token; a change of nil takes one away.
    func claims(_ changes: [String: Any?] = [:]) -> [String: Any] {
        let now = Int(Date().timeIntervalSince1970)
        let good: [String: Any?] = [
            "iss": Self.issuer, "aud": Self.audience, "sub": "ann", "exp": now + 300, "iat": now, "jti": "one",
        ]
        return good.merging(changes) { $1 }.compactMapValues { $0 }
    }

    /// A token with any header and claims, signed with the key of `kid`, whatever the header says.
    func token(
        _ changes: [String: Any?] = [:], header: [String: Any?] = [:], signedWith kid: String = "rsa"
    ) throws -> String {
        let algorithm = ["rsa": "RS256", "ec": "ES256", "ed": "EdDSA"][kid] ?? "RS256"
        let start: [String: Any?] = ["alg": algorithm, "kid": kid, "typ": "JWT"]
        let header = start.merging(header) { $1 }.compactMapValues { $0 }
        let signed = try [header, claims(changes)].map {
            text(try JSONSerialization.data(withJSONObject: $0, options: .sortedKeys))
        }.joined(separator: ".")
        let bytes = Data(signed.utf8)
        let signature: Data =
            switch kid {
            case "ec": try p256.signature(for: bytes).rawRepresentation
            case "ed": try ed25519.signature(for: bytes)
            default: try Self.rsa.signature(for: bytes, padding: .insecurePKCS1v1_5).rawRepresentation
            }
        return signed + "." + text(signature)
    }

    /// What an attacker signs with what everybody may know.
    func token(header: [String: Any], hmac secret: Data) throws -> String {
        let signed = try [header, claims()].map { text(try JSONSerialization.data(withJSONObject: $0)) }
            .joined(separator: ".")
        let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: secret))
        return signed + "." + text(Data(code))
    }

    func text(_ data: some Sequence<UInt8>) -> String { Base64URL.text(Array(data)) }
}
