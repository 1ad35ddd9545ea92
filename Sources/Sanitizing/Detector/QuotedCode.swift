/// The code that a message quotes as Markdown does: fenced blocks, and spans between backticks. Read more generously than
/// ``MarkdownCode``: what is left out here is only not taken for an attack.
enum QuotedCode {
    /// - Parameter spans: whether code spans go too. Between backticks a shell runs a command, so a message that is no
    ///   prose keeps them.
    /// - Returns: the text with each piece of code replaced by a line's end or a blank.
    static func removed(from text: UnsafeBufferPointer<UInt8>, spans: Bool) -> [UInt8] {
        guard text.has(backtick) || text.has(tilde) else { return Array(text) }
        var kept: [UInt8] = []
        kept.reserveCapacity(text.count)
        var index = 0
        var isLineStart = true
        var indent = 0
        while index < text.count {
            let byte = text[index]
            if isLineStart, indent < 4, byte == backtick || byte == tilde, let end = fence(text, at: index) {
                kept.append(0x0A)
                index = end
            } else if spans, byte == backtick, let end = span(text, at: index) {
                kept.append(0x20)
                index = end
                isLineStart = false
            } else {
                kept.append(byte)
                index += 1
                indent = byte == 0x0A ? 0 : indent + 1
                isLineStart = byte == 0x0A || isLineStart && byte == 0x20
            }
        }
        return kept
    }

    /// The end of a fenced block whose fence begins here: of its closing line, or of the text.
    private static func fence(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        let mark = text[start]
        let length = run(text, of: mark, from: start)
        guard length >= 3 else { return nil }
        var line = endOfLine(text, from: start)
        // Backticks after the fence on its line: a span, not a block.
        if mark == backtick, text[(start + length)..<line].contains(backtick) { return nil }
        while line < text.count {
            var first = line
            while first < text.count, text[first] == 0x20 || text[first] == 0x09 || text[first] == 0x0A { first += 1 }
            let end = endOfLine(text, from: first)
            if first < text.count, text[first] == mark, run(text, of: mark, from: first) >= length { return end }
            line = end
        }
        return text.count
    }

    /// The end of a span that begins here and ends within its line.
    private static func span(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        let length = run(text, of: backtick, from: start)
        var index = start + length
        let limit = min(text.count, index + 512)
        while index < limit, text[index] != 0x0A {
            guard text[index] == backtick else {
                index += 1
                continue
            }
            let closing = run(text, of: backtick, from: index)
            index += closing
            if closing == length { return index }
        }
        return nil
    }

    private static func run(_ text: UnsafeBufferPointer<UInt8>, of byte: UInt8, from start: Int) -> Int {
        var end = start
        while end < text.count, text[end] == byte { end += 1 }
        return end - start
    }

    private static func endOfLine(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var end = start
        while end < text.count, text[end] != 0x0A { end += 1 }
        return end
    }

    private static let backtick = UInt8(ascii: "`")
    private static let tilde = UInt8(ascii: "~")
}
