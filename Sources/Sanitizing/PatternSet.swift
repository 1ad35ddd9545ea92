internal import CPCRE2

/// Named regular expressions, compiled once and searched by any thread at once.
final class PatternSet: @unchecked Sendable {
    // Unchecked: nothing changes after init. PCRE2 documents that a compiled pattern, its JIT code and a match context
    // that nobody changes may be shared; each search brings its own match data.

    private struct Pattern {
        let name: String
        let code: OpaquePointer
        /// Bytes without which no text matches.
        let needs: [UInt8]
    }

    private let patterns: [Pattern]
    private let limits: OpaquePointer?

    /// Steps that one pattern may take from one position; no legal text comes near.
    private static let matchLimit: UInt32 = 200_000

    /// Stops the program when an expression does not compile: that is a mistake in the program, seen at its start.
    init(_ patterns: [(name: String, expression: String)]) {
        self.patterns = patterns.map { name, expression in
            let code = Self.compile(expression)
            return Pattern(name: name, code: code, needs: Self.neededBytes(code))
        }
        limits = pcre2_match_context_create_8(nil)
        pcre2_set_match_limit_8(limits, Self.matchLimit)
    }

    deinit {
        for pattern in patterns { pcre2_code_free_8(pattern.code) }
        pcre2_match_context_free_8(limits)
    }

    /// The name of the first pattern, in the set's order, that occurs in the text; `unsearchable: …` when one could not
    /// be searched for.
    func firstMatch(in text: String) -> String? {
        var text = text
        return text.withUTF8 { bytes in
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return nil }
            guard let data = pcre2_match_data_create_8(1, nil) else { return "unsearchable: no memory" }
            defer { pcre2_match_data_free_8(data) }
            let present = ByteSet(bytes)
            for pattern in patterns where pattern.needs.allSatisfy(present.contains) {
                let status = pcre2_match_8(pattern.code, start, bytes.count, 0, PCRE2_NO_UTF_CHECK, data, limits)
                if status == PCRE2_ERROR_NOMATCH { continue }
                return status >= 0 ? pattern.name : "unsearchable: \(pattern.name)"
            }
            return nil
        }
    }

    /// The first and the last literal that the compiler knows of; letters say nothing, for they have two cases.
    private static func neededBytes(_ code: OpaquePointer) -> [UInt8] {
        func unit(_ kind: UInt32, _ value: UInt32) -> UInt8? {
            var found: UInt32 = 0
            guard pcre2_pattern_info_8(code, kind, &found) == 0, found == 1,
                pcre2_pattern_info_8(code, value, &found) == 0, found < 0x80
            else { return nil }
            return 0x61...0x7A ~= found | 0x20 ? nil : UInt8(found)
        }
        return [
            unit(UInt32(PCRE2_INFO_FIRSTCODETYPE), UInt32(PCRE2_INFO_FIRSTCODEUNIT)),
            unit(UInt32(PCRE2_INFO_LASTCODETYPE), UInt32(PCRE2_INFO_LASTCODEUNIT)),
        ].compactMap { $0 }
    }

    /// Just-in-time code where the system grants memory for it; the interpreter otherwise.
    private static func compile(_ expression: String) -> OpaquePointer {
        var error: Int32 = 0
        var offset = 0
        let options = PCRE2_CASELESS | PCRE2_UTF | PCRE2_UCP
        var expression = expression
        let code = expression.withUTF8 { pcre2_compile_8($0.baseAddress, $0.count, options, &error, &offset, nil) }
        guard let code else { fatalError("pattern \(expression) does not compile: error \(error) at \(offset)") }
        _ = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
        return code
    }
}

/// Which ASCII bytes a text contains.
private struct ByteSet {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        for byte in bytes {
            let bit: UInt64 = 1 << UInt64(byte & 63)
            low |= byte & 0xC0 == 0 ? bit : 0
            high |= byte & 0xC0 == 0x40 ? bit : 0
        }
    }

    func contains(_ byte: UInt8) -> Bool {
        (byte < 64 ? low : high) & (1 << UInt64(byte & 63)) != 0
    }
}
