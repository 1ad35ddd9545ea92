public import Chat

/// The key that signs tokens: 32 bytes or more, as RFC 7518 §3.2 wants of HS256.
public struct TokenSecret: Sendable {
    public static let minimumBytes = 32

    let bytes: [UInt8]

    /// - Throws: ``ChatError`` `.invalidField` when it is too short to be safe.
    public init(_ text: String) throws(ChatError) {
        guard text.utf8.count >= Self.minimumBytes else {
            throw .invalid("CHAT_JWT_SECRET", "must have at least \(Self.minimumBytes) bytes, has \(text.utf8.count)")
        }
        bytes = Array(text.utf8)
    }
}
