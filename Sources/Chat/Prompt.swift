/// A question that may be sent to a model: trimmed, 1 to 10,000 characters, no control character but tab and newline.
public struct Prompt: Sendable, Hashable {
    /// Unicode scalars, which is what clients count as characters.
    public static let maximumLength = 10_000

    public let text: String

    /// - Throws: ``ChatError`` with code `.invalidField` when the text is empty or too long.
    public init(_ raw: String, field: String = "message") throws(ChatError) {
        let text = try Self.checked(raw, field: field)
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

    /// - Returns: the text without the white space around it.
    static func checked(_ raw: String, field: String) throws(ChatError) -> String {
        let text = trimmed(raw)
        guard !text.isEmpty else { throw .invalid(field, "must not be empty") }
        let length = text.unicodeScalars.count
        guard length <= maximumLength else {
            throw .invalid(field, "must have at most \(maximumLength) characters, has \(length)")
        }
        return text
    }

    static func trimmed(_ raw: String) -> String {
        let scalars = raw.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
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
    /// The name of the first dangerous pattern that the raw text matches, for the log and the stored exchange.
    public let danger: String?

    public init(text: String, danger: String?) {
        self.text = text
        self.danger = danger
    }
}
