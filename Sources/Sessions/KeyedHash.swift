import Crypto
import FoundationEssentials

/// Hashes that nobody without the secret can look up: HMAC-SHA256 with a key of its own.
struct KeyedHash: Sendable {
    private let key: SymmetricKey

    init(secret: TokenSecret) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: secret.bytes), info: Array("parley hashed identities".utf8),
            outputByteCount: 32)
    }

    /// - Parameter kind: keeps equal texts of different kinds apart.
    /// - Returns: 64 hexadecimal digits.
    func hex(_ kind: String, _ text: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array((kind + "\0" + text).utf8), using: key)
        return code.reduce(into: "") { hex, byte in
            let digits = String(byte, radix: 16)
            hex += digits.utf8.count == 1 ? "0" + digits : digits
        }
    }
}
