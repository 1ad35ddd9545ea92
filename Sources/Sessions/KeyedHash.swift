public import Chat
import Crypto
import FoundationEssentials

/// Hashes that nobody without the secret can look up: HMAC-SHA256 with a key of its own. Under them the store knows
/// people, and with the secret an operator finds them again.
public struct KeyedHash: Sendable {
    private let key: SymmetricKey

    public init(secret: TokenSecret) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: secret.bytes), info: Array("parley hashed identities".utf8),
            outputByteCount: 32)
    }

    public func email(_ email: Email) -> String { hex("email", email.address) }
    public func browser(_ name: String) -> String { hex("browser", name) }
    public func address(_ address: String) -> String { hex("address", address) }

    /// Whoever typed an address.
    public func user(_ email: Email) -> UserID { UserID("user_" + self.email(email).prefix(32))! }
    /// Whoever proved to read its mail.
    public func provedUser(_ email: Email) -> UserID { UserID("user_" + hex("mail", email.address).prefix(32))! }

    func mailbox(_ email: Email) -> String { hex("mailbox", email.mailbox) }
    func code(_ code: LoginCode, of email: Email) -> String { hex("code", code.digits + email.address) }

    /// - Parameter kind: keeps equal texts of different kinds apart.
    /// - Returns: 64 hexadecimal digits.
    private func hex(_ kind: String, _ text: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array((kind + "\0" + text).utf8), using: key)
        return code.reduce(into: "") { hex, byte in
            let digits = String(byte, radix: 16)
            hex += digits.utf8.count == 1 ? "0" + digits : digits
        }
    }
}

/// How much a session keeps of the address that it was opened from.
public enum AddressStorage: String, Sendable, CaseIterable {
    /// A keyed hash: equal addresses look equal.
    case hash
    /// In clear.
    case full
    case none

    func stored(_ address: String, _ hashes: KeyedHash) -> String {
        switch self {
        case .hash: hashes.address(address)
        case .full: address
        case .none: ""
        }
    }
}
