internal import CPCRE2
internal import Synchronization

/// A regular expression over bytes, searched by any thread at once. It is compiled at its first search: all of them
/// together take 8 ms, which a CGI process, with its one message, would spend on rules that it never tries.
final class Pattern: Sendable {
    private let expression: String
    /// The address of the compiled pattern, 0 before. PCRE2 documents that all threads may use one at once; each search
    /// brings its own match data.
    private let compiled = Atomic<UInt>(0)

    init(_ expression: String) { self.expression = expression }

    deinit { pcre2_code_free_8(OpaquePointer(bitPattern: compiled.load(ordering: .acquiring))) }

    fileprivate var code: OpaquePointer {
        if let code = OpaquePointer(bitPattern: compiled.load(ordering: .acquiring)) { return code }
        let code = compile()
        let (isFirst, first) = compiled.compareExchange(
            expected: 0, desired: UInt(bitPattern: code), ordering: .acquiringAndReleasing)
        if isFirst { return code }
        pcre2_code_free_8(code)
        return OpaquePointer(bitPattern: first)!
    }

    /// Stops the program when the expression does not compile: that is a mistake in the program, which its rule's
    /// examples find.
    private func compile() -> OpaquePointer {
        var error: Int32 = 0
        var offset = 0
        var text = expression
        let code = text.withUTF8 { pcre2_compile_8($0.baseAddress, $0.count, 0, &error, &offset, nil) }
        guard let code else { fatalError("pattern \(expression) does not compile: error \(error) at \(offset)") }
        // Just-in-time code where the system grants memory for it; the interpreter otherwise.
        _ = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
        return code
    }
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
