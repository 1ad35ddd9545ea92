public import Chat
import Crypto

/// What signs tokens: 32 bytes or more, as RFC 7518 §3.2 wants of HS256. And, while it is being replaced, what signed
/// them before: tokens of either are good.
public struct TokenSecret: Sendable {
    public static let minimumBytes = 32

    let bytes: [UInt8]
    let previous: [UInt8]?

    /// The text of a new one: 64 hexadecimal digits.
    public static func random() -> String {
        var random = SystemRandomNumberGenerator()
        return hexadecimal((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
    }

    public var hasPrevious: Bool { previous != nil }
    /// The present one alone, to be written down.
    public var currentText: String { String(decoding: bytes, as: UTF8.self) }

    /// A comma parts the present secret from the one before. In a secret that has had a comma since before that meant
    /// anything, it is a character like another, unless both sides are long enough to be secrets.
    ///
    /// - Throws: ``ChatError`` `.invalidField` when it is too short to be safe, or names more than two.
    public init(_ text: String) throws(ChatError) {
        guard text.utf8.count >= Self.minimumBytes else {
            throw .invalid("CHAT_JWT_SECRET", "must have at least \(Self.minimumBytes) bytes, has \(text.utf8.count)")
        }
        let parts = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(Array.init)
        guard parts.allSatisfy({ $0.count >= Self.minimumBytes }) else {
            (bytes, previous) = (Array(text.utf8), nil)
            return
        }
        guard parts.count <= 2 else {
            throw .invalid("CHAT_JWT_SECRET", "must be one secret, or the present one, a comma and the one before")
        }
        (bytes, previous) = (parts[0], parts.count == 2 ? parts[1] : nil)
    }
}

/// The keys of ``TokenSecret``, by the names that tokens give them.
struct TokenKeys: Sendable {
    struct Signer: Sendable {
        let key: SymmetricKey
        /// Nil for a token that does not say.
        let id: String?
    }

    struct Verifier: Sendable {
        let key: VerificationKey
        let id: String

        init(_ bytes: [UInt8]) {
            key = VerificationKey(hmac: bytes)
            id = TokenKeys.id(of: bytes)
        }
    }

    let all: [Verifier]
    private let current: Signer
    private let former: Signer

    init(_ secret: TokenSecret) {
        all = [secret.bytes, secret.previous].compactMap { $0.map(Verifier.init) }
        // With one secret there is nothing to tell apart, and a worker of an earlier version of the program, which a
        // reload is about to replace, knows no kid.
        current = Signer(
            key: SymmetricKey(data: secret.bytes), id: secret.hasPrevious ? Self.id(of: secret.bytes) : nil)
        former = Signer(key: SymmetricKey(data: secret.previous ?? secret.bytes), id: nil)
    }

    /// - Parameter isSettled: whether every worker knows the present secret by now. Until then the one before signs.
    func signer(isSettled: Bool) -> Signer { isSettled ? current : former }

    /// 48 bits that say which secret it is and nothing about it.
    private static func id(of secret: [UInt8]) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array("parley key id".utf8), using: SymmetricKey(data: secret))
        return Base64URL.text(Array(code.prefix(6)))
    }
}
