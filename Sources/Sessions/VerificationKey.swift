import Crypto
import CryptoExtras
import FoundationEssentials
import StrictJSON

/// Signatures that are checked here (RFC 7518 §3.1, RFC 8037 §3.1). Each goes with one kind of key: no token chooses
/// what its key is taken for.
enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case hs256 = "HS256"
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"

    /// - Parameter name: of an `alg`. Ed25519 is EdDSA's other name (RFC 9864 §2.2).
    init?(named name: String) { self.init(rawValue: name == "Ed25519" ? "EdDSA" : name) }
}

/// A key that signatures are checked with.
struct VerificationKey: Sendable {
    private enum Material: Sendable {
        case hmac(SymmetricKey)
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
    }

    let algorithm: SignatureAlgorithm
    /// Nil for one without a name.
    let id: String?
    private let material: Material

    init(hmac secret: [UInt8]) {
        (algorithm, id, material) = (.hs256, nil, .hmac(SymmetricKey(data: secret)))
    }

    /// - Parameter jwk: a JSON Web Key (RFC 7517 §4).
    /// - Throws: ``TokenFault`` for one that is not for checking signatures of ours, that is not well formed, that is
    ///   private, or that is too weak.
    init(jwk: JSON) throws(TokenFault) {
        let id = jwk["kid"]
        guard id == nil || id?.string != nil else { throw TokenFault("kid is no text") }
        self.id = id?.string
        guard jwk["use"] ?? .string("sig") == .string("sig") else { throw TokenFault("not for signatures") }
        try Self.checkOperations(jwk["key_ops"])
        guard jwk["d"] == nil else { throw TokenFault("a private key") }
        (algorithm, material) = try Self.read(jwk)
        guard let named = jwk["alg"] else { return }
        guard named.string.flatMap(SignatureAlgorithm.init(named:)) == algorithm else {
            throw TokenFault("its alg is not that of its kind")
        }
    }

    func isSignature(_ signature: [UInt8], of signed: some DataProtocol) -> Bool {
        switch material {
        case .hmac(let key): HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: signed, using: key)
        case .rsa(let key):
            // BoringSSL compares the whole padded block, and takes it in no other length than the modulus'.
            key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: signed, padding: .insecurePKCS1v1_5)
        case .p256(let key):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: signed)
            } ?? false
        case .ed25519(let key): key.isValidSignature(signature, for: signed)
        }
    }

    private static func checkOperations(_ operations: JSON?) throws(TokenFault) {
        guard let operations else { return }
        guard let names = operations.array?.compactMap(\.string) else { throw TokenFault("key_ops is no list") }
        let known = names.filter {
            ["sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"].contains($0)
        }
        guard known.isEmpty || known.contains("verify") else { throw TokenFault("not for verifying") }
    }

    private static func read(_ jwk: JSON) throws(TokenFault) -> (SignatureAlgorithm, Material) {
        func member(_ name: String) throws(TokenFault) -> [UInt8] {
            guard let bytes = jwk[name]?.string.flatMap({ Base64URL.decoded($0.utf8) }) else {
                throw TokenFault("\(name) is not base64url")
            }
            return bytes
        }
        do {
            switch (jwk["kty"]?.string, jwk["crv"]?.string) {
            case ("oct", nil):
                let secret = try member("k")
                guard secret.count >= TokenSecret.minimumBytes else { throw TokenFault("a secret that is too short") }
                return (.hs256, .hmac(SymmetricKey(data: secret)))
            case ("RSA", nil):
                let (modulus, exponent) = (try member("n"), try member("e"))
                try RSAStrength.check(modulus: modulus, exponent: exponent)
                return (.rs256, .rsa(try _RSA.Signing.PublicKey(n: modulus, e: exponent)))
            case ("EC", "P-256"):
                let (x, y) = (try member("x"), try member("y"))
                guard x.count == 32, y.count == 32 else { throw TokenFault("coordinates of another length") }
                return (.es256, .p256(try P256.Signing.PublicKey(rawRepresentation: x + y)))
            case ("OKP", "Ed25519"):
                return (.edDSA, .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: try member("x"))))
            default: throw TokenFault("a kind that is not used here")
            }
        } catch let fault as TokenFault {
            throw fault
        } catch {
            throw TokenFault("no such key: \(error)")
        }
    }
}
