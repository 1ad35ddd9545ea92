/// JSON text in and out, as RFC 8259 has it, over UTF-8 bytes.
///
/// Reading gives a ``JSON`` value, writing goes through ``JSONWriter`` straight into bytes. A scalar at the top level
/// and U+0000 in a string's value are legal and accepted.
///
/// Refused, each with a ``JSONError`` whose words a caller may see: a trailing comma, a byte order mark, UTF-16,
/// a member named twice, U+0000 in a member's name (§9 leaves that to the reader), a lone surrogate, text after the value,
/// NaN, raw control characters in strings, UTF-8 that is malformed or longer than it need be, nesting deeper than
/// ``JSON/maximumDepth``, and numbers out of range. Two of these are let through in the replies of other programs
/// (``JSON/Strictness``).
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent. Beyond `Int64` the text is refused, never rounded.
    case int(Int64)
    /// A number written with a fraction or an exponent. Too large for a `Double` is refused; too small is zero.
    case double(Double)
    case string(String)
    case array([JSON])
    /// Names that differ only in Unicode normalisation count as the same name, and so as a duplicate.
    case object([String: JSON])

    /// Arrays and objects inside one another: what reading follows on any thread's stack.
    public static let maximumDepth = 128

    /// The member's value; nil when there is none or this is no object.
    public subscript(name: String) -> JSON? { object?[name] }

    /// The element; nil when the index is out of bounds or this is no array.
    public subscript(index: Int) -> JSON? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }

    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// Only for a number written as an integer: `1.0` has none.
    public var int: Int64? {
        if case .int(let value) = self { value } else { nil }
    }

    /// Any number; an integer beyond 2^53 is rounded.
    public var double: Double? {
        switch self {
        case .double(let value): value
        case .int(let value): Double(value)
        default: nil
        }
    }

    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    public var array: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    public var object: [String: JSON]? {
        if case .object(let value) = self { value } else { nil }
    }

    public var isNull: Bool { self == .null }
}
