internal import CPCRE2

/// A regular expression over bytes, compiled once and searched by any thread at once.
final class Pattern: @unchecked Sendable {
    // Unchecked: nothing changes after init. PCRE2 documents that a compiled pattern and its JIT code may be shared;
    // each search brings its own match data.
    fileprivate let code: OpaquePointer

    /// Stops the program when the expression does not compile: that is a mistake in the program, seen at its start.
    init(_ expression: String) {
        var error: Int32 = 0
        var offset = 0
        var expression = expression
        let code = expression.withUTF8 { pcre2_compile_8($0.baseAddress, $0.count, 0, &error, &offset, nil) }
        guard let code else { fatalError("pattern \(expression) does not compile: error \(error) at \(offset)") }
        // Just-in-time code where the system grants memory for it; the interpreter otherwise.
        _ = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
        self.code = code
    }

    deinit { pcre2_code_free_8(code) }
}

/// What one search after the other needs; of one thread.
struct Search: ~Copyable {
    private let data: OpaquePointer?

    init() { data = pcre2_match_data_create_8(1, nil) }

    deinit { pcre2_match_data_free_8(data) }

    /// True also when the search gave up: what cannot be searched is not to be trusted.
    func finds(_ pattern: Pattern, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let start = text.baseAddress, let data else { return false }
        return pcre2_match_8(pattern.code, start, text.count, 0, 0, data, nil) != PCRE2_ERROR_NOMATCH
    }
}
