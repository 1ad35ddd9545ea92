internal import CJansson

/// Why a text is not JSON, in words that a caller may see.
public struct JSONError: Error, Sendable, Equatable {
    /// Such as `duplicate member near byte 17`.
    public let message: String
    /// Where reading stopped, in bytes from the start of the text; never past its end.
    public let offset: Int

    init(_ problem: String, near offset: Int) {
        self.init(message: "\(problem) near byte \(offset)", offset: offset)
    }

    init(_ error: json_error_t, length: Int) {
        let code = withUnsafePointer(to: error) { json_error_code(rawValue: UInt32(cjansson_error_code($0))) }
        let offset = min(max(Int(error.position), 0), length)
        self.init(Self.problem(code), near: offset)
    }

    private init(message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }

    /// Two names of one object that only Unicode normalisation makes equal.
    static let equivalentNames = JSONError(message: "duplicate member after Unicode normalisation", offset: 0)

    private static func problem(_ code: json_error_code) -> String {
        switch code {
        case json_error_invalid_utf8: "invalid UTF-8"
        case json_error_premature_end_of_input: "unexpected end"
        case json_error_end_of_input_expected: "unexpected text after the value"
        case json_error_duplicate_key: "duplicate member"
        case json_error_numeric_overflow: "number out of range"
        case json_error_stack_overflow: "nesting too deep"
        case json_error_null_byte_in_key: "U+0000 in a member's name"
        case json_error_out_of_memory: "text too large"
        default: "invalid syntax"
        }
    }
}
