public import Chat
import Crypto
import FoundationEssentials

/// Hashes that nobody without the secret can look up: HMAC-SHA256 with a key of its own. Under them the store knows
/// people, and with the secret an operator finds them again.
public struct KeyedHash: Sendable {
    private let key: SymmetricKey

    public init(_ key: IdentityKey) { self.key = SymmetricKey(data: key.bytes) }

    public func email(_ email: Email) -> String { hex("email", email.address) }
    public func browser(_ name: String) -> String { hex("browser", name) }
    public func address(_ address: String) -> String { hex("address", address) }

    /// Tells whether a setting is still the same.
    public func setting(_ text: String) -> String { hex("setting", text) }

    /// Whoever typed an address.
    public func user(_ email: Email) -> UserID { UserID("user_" + self.email(email).prefix(32))! }
    /// Whoever proved to read its mail.
    public func provedUser(_ email: Email) -> UserID { UserID("user_" + hex("mail", email.address).prefix(32))! }

    func mailbox(_ email: Email) -> String { hex("mailbox", email.mailbox) }
    func code(_ code: LoginCode, of email: Email) -> String { hex("code", code.digits + email.address) }

    /// Whom an identity provider names.
    ///
    /// - Parameters:
    ///   - subject: what the issuer knows them by, and no other issuer.
    func subject(_ subject: String, of issuer: String) -> String { hex("subject", issuer + "\0" + subject) }
    func user(_ subject: String, of issuer: String) -> UserID {
        UserID("user_" + self.subject(subject, of: issuer).prefix(32))!
    }

    /// The session of an identity provider's token.
    ///
    /// - Parameter token: what it is known by among its issuer's tokens.
    func session(_ token: String, of issuer: String) -> SessionID {
        SessionID(Base64URL.text(Array(code("session", issuer + "\0" + token).prefix(24))))!
    }

    /// - Parameter kind: keeps equal texts of different kinds apart.
    /// - Returns: 64 hexadecimal digits.
    private func hex(_ kind: String, _ text: String) -> String { hexadecimal(code(kind, text)) }

    private func code(_ kind: String, _ text: String) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array((kind + "\0" + text).utf8), using: key)
    }
}

/// The key of ``KeyedHash``: 32 bytes that stay when the secret that signs tokens is replaced. With another key
/// everybody is somebody else.
public struct IdentityKey: Sendable, Equatable {
    let bytes: [UInt8]

    /// What it is as long as nobody has written one down: made from the secret, which it does not tell.
    public init(of secret: TokenSecret) {
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: secret.bytes), info: Array("parley hashed identities".utf8),
            outputByteCount: 32)
        bytes = key.withUnsafeBytes(Array.init)
    }

    /// - Throws: ``ChatError`` `.invalidField` for anything but 64 hexadecimal digits.
    public init(_ text: String) throws(ChatError) {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard text.utf8.count == 64, digits.count == 64 else {
            throw .invalid("CHAT_IDENTITY_KEY", "must have 64 hexadecimal digits")
        }
        bytes = stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// 64 hexadecimal digits.
    public var text: String { hexadecimal(bytes) }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.reduce(into: "") { hex, byte in
        let digits = String(byte, radix: 16)
        hex += digits.utf8.count == 1 ? "0" + digits : digits
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
