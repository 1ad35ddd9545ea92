public import Chat
import Crypto

/// The secret text of an API key: `prl_`, 30 characters of base62 (178 bits of chance), and 6 of base62 that are the CRC-32
/// of those 30. A mistyped, cut or made-up key is refused by its checksum, without asking the store; so are the many texts
/// that only look like one (the form is GitHub's, github.blog, 2021-04-05).
///
/// The store knows an HMAC of it. No slow hash: those are for secrets that can be guessed.
public struct APIKeyToken: Sendable, Hashable {
    public static let start = "prl_"
    private static let chance = 30
    private static let checksum = 6
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// To be shown once.
    public let text: String

    public static func random() -> APIKeyToken {
        var random = SystemRandomNumberGenerator()
        let body = (0..<chance).map { _ in digits[Int.random(in: 0..<digits.count, using: &random)] }
        return APIKeyToken(body: body)
    }

    private init(body: [UInt8]) { text = Self.start + String(decoding: body + Self.checksum(of: body), as: UTF8.self) }

    /// - Returns: nil for what was never a key.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == Self.start.utf8.count + Self.chance + Self.checksum, text.hasPrefix(Self.start) else {
            return nil
        }
        let body = Array(bytes.dropFirst(Self.start.utf8.count).prefix(Self.chance))
        guard body.allSatisfy(Self.digits.contains), bytes.suffix(Self.checksum).elementsEqual(Self.checksum(of: body))
        else { return nil }
        self.text = text
    }

    /// Enough of it to tell keys apart, and 131 bits too little to use one.
    public var prefix: String { String(text.prefix(Self.start.count + 8)) }

    /// What the store knows it by: 32 bytes.
    public func hash(_ secret: KeySecret) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: secret.bytes)))
    }

    /// The most significant digit first, with zeros before it.
    private static func checksum(of body: [UInt8]) -> [UInt8] {
        var rest = Int(crc32(body))
        var text = [UInt8](repeating: digits[0], count: checksum)
        for place in text.indices.reversed() {
            text[place] = digits[rest % digits.count]
            rest /= digits.count
        }
        return text
    }

    /// CRC-32 of ISO 3309, as zlib has it.
    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
    }
}

extension APIKeyToken: CustomStringConvertible, CustomReflectable {
    /// It does not print itself.
    public var description: String { prefix + "…" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The key of the HMACs by which the store knows API keys: 32 bytes or more.
public struct KeySecret: Sendable {
    public static let minimumBytes = 32

    let bytes: [UInt8]

    /// - Throws: ``ChatError`` `.invalidField` when it is too short to be safe.
    public init(_ text: String) throws(ChatError) {
        guard text.utf8.count >= Self.minimumBytes else {
            throw .invalid("CHAT_KEY_SECRET", "must have at least \(Self.minimumBytes) bytes, has \(text.utf8.count)")
        }
        bytes = Array(text.utf8)
    }
}
