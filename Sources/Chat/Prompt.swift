/// A question that may be sent to a model: trimmed, not empty, no control character but tab and newline.
///
/// How long it may be is the ``ChatRequest``'s rule: cleaning can make a text longer than the user wrote it.
public struct Prompt: Sendable, Hashable {
    public let text: String

    /// - Throws: ``ChatError`` with code `.invalidField` when the text is empty or has a control character.
    public init(_ raw: String, field: String = "message") throws(ChatError) {
        let text = Self.trimmed(raw)
        guard !text.isEmpty else { throw .invalid(field, "must not be empty") }
        guard !text.unicodeScalars.contains(where: Self.isForbidden) else {
            throw .invalid(field, "must not contain control characters")
        }
        self.text = text
    }

    /// C0 and C1 control characters and DEL; tab and newline are ordinary text.
    public static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0x00...0x1F, 0x7F...0x9F: true
        default: false
        }
    }

    static func trimmed(_ raw: String) -> String {
        let scalars = raw.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        if first == scalars.startIndex, scalars.index(after: last) == scalars.endIndex { return raw }
        return String(scalars[first...last])
    }

    /// Unicode's White_Space.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII ? scalar == " " || (0x09...0x0D).contains(scalar.value) : scalar.properties.isWhitespace
    }
}

/// Cleans what a user wrote and tells whether it looks like an attack.
public protocol Sanitizer: Sendable {
    /// Never fails: what cannot be cleaned is reported as dangerous.
    func review(_ raw: String) -> Review
}

/// What a sanitizer made of a text.
public struct Review: Sendable, Equatable {
    /// The text without markup and control characters; possibly empty.
    public let text: String
    /// The category of the attack that the raw text looks like, such as `sql`; for the reply, the log and the stored
    /// exchange.
    public let danger: String?
    /// Whether it is one beyond reasonable doubt. What only looks like one is marked at most, never held.
    public let isSure: Bool

    public init(text: String, danger: String?, isSure: Bool = true) {
        self.text = text
        self.danger = danger
        self.isSure = danger != nil && isSure
    }
}
