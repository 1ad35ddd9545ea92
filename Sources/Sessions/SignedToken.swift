import Crypto
import StrictJSON

/// A JSON Web Token (RFC 7519) of ours, signed with HS256 (RFC 7518 §3.2).
///
/// Every token that is good here was written here, so whatever this would not have written is refused even when its
/// signature is right: other members in the header (`crit`, `zip`, another `typ`), and what ``CompactJWS`` refuses.
struct SignedToken {
    /// Longer than any token of ours.
    private static let maximumBytes = 4_096
    private static let headers: Set = ["alg", "typ", "kid"]

    let claims: JSON

    /// - Throws: ``TokenFault``, for the log.
    init(verifying token: String, with keys: TokenKeys) throws(TokenFault) {
        let token = try CompactJWS(token, maximumBytes: Self.maximumBytes)
        let header = token.header
        guard header["alg"] == .string("HS256") else { throw TokenFault("alg is not HS256") }
        guard Set(header.keys).isSubset(of: Self.headers), header["typ"] ?? .string("JWT") == .string("JWT") else {
            throw TokenFault("a header that is not ours")
        }
        let named = try token.keyID()
        guard
            keys.all.contains(where: {
                named ?? $0.id == $0.id && $0.key.isSignature(token.signature, of: token.signed)
            })
        else { throw TokenFault("another signature") }
        claims = .object(try token.claims())
    }

    /// - Parameter claims: a JSON object.
    static func text(of claims: [UInt8], signedWith key: TokenKeys.Signer) -> String {
        let header = JSONWriter.object { json in
            json.member("alg", "HS256")
            if let id = key.id { json.member("kid", id) }
            json.member("typ", "JWT")
        }
        let signed = Base64URL.text(header) + "." + Base64URL.text(claims)
        let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: key.key)
        return signed + "." + Base64URL.text(Array(code))
    }
}
