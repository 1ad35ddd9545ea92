import Crypto
import FoundationEssentials
import StrictJSON

/// A JSON Web Token (RFC 7519) in JWS's compact form (RFC 7515 §3.1), signed with HS256 (RFC 7518 §3.2).
///
/// Every token that is good here was written here, so whatever this would not have written is refused even when its
/// signature is right: other members in the header (`crit`, `zip`, another `typ`), JSON that is not strict, padding or
/// unused bits that are not zero in its base64url.
struct SignedToken {
    /// Longer than any token of ours.
    private static let maximumBytes = 4_096

    let claims: JSON

    /// - Throws: ``TokenFault``, for the log.
    init(verifying token: String, with key: SymmetricKey) throws(TokenFault) {
        let bytes = Array(token.utf8)
        guard bytes.count <= Self.maximumBytes else { throw TokenFault("too long") }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw TokenFault("not three parts") }
        guard let signature = Base64URL.decoded(parts[2]) else { throw TokenFault("signature is not base64url") }
        let signed = bytes[..<(parts[1].endIndex)]
        guard HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: signed, using: key) else {
            throw TokenFault("another signature")
        }
        let header = try Self.object(parts[0], "header")
        guard header["alg"] == .string("HS256") else { throw TokenFault("alg is not HS256") }
        for name in header.keys where name != "alg" && !(name == "typ" && header[name] == .string("JWT")) {
            throw TokenFault("a header that is not ours")
        }
        claims = .object(try Self.object(parts[1], "claims"))
    }

    /// - Parameter claims: a JSON object.
    static func text(of claims: [UInt8], signedWith key: SymmetricKey) -> String {
        let header = JSONWriter.object { json in
            json.member("alg", "HS256")
            json.member("typ", "JWT")
        }
        let signed = Base64URL.text(header) + "." + Base64URL.text(claims)
        let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: key)
        return signed + "." + Base64URL.text(Array(code))
    }

    private static func object(_ part: ArraySlice<UInt8>, _ name: String) throws(TokenFault) -> [String: JSON] {
        guard let bytes = Base64URL.decoded(part) else { throw TokenFault("\(name): not base64url") }
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw TokenFault("\(name): \(error)") }
        guard let object = json.object else { throw TokenFault("\(name): not an object") }
        return object
    }
}

/// Why a token is refused, for the log.
struct TokenFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
