/// Where a text holds Markdown code, which every renderer shows as it was typed: fences, code spans, indented code.
///
/// Renderers differ, and a place that only some of them take for code would be a hole in the others. So this is code
/// only where they agree; what is doubtful is text, and its markup goes:
///
/// - a fence counts when it is closed, from a line of its own, and no line of it is indented less than its first;
/// - a code span counts when it ends on its line and no backtick before it in the paragraph is left alone, is behind a
///   backslash, or may belong to a tag, to an address, to a link's target, to a cell or to a formula;
/// - indented code counts behind a blank line, when no list is open that it could belong to.
struct MarkdownCode {
    /// In bytes, in order. They never overlap.
    private(set) var ranges: [Range<Int>] = []

    let bytes: UnsafeBufferPointer<UInt8>
    /// What in the text is markup is still there, and will go: it makes no block and hides no backtick.
    private let ignoresTags: Bool

    /// What the lines so far mean for the next one.
    private var isAfterBlank = true
    private var isAfterText = false
    private var isInList = false
    private var isInIndentedCode = false
    private var paragraph = Paragraph()

    init(_ bytes: UnsafeBufferPointer<UInt8>, ignoresTags: Bool) {
        self.bytes = bytes
        self.ignoresTags = ignoresTags
        guard bytes.contains(where: { $0 == UInt8(ascii: "`") || $0 == UInt8(ascii: "~") }) || hasIndentation() else {
            return
        }
        var start = 0
        while start < bytes.count, let next = read(MarkdownLine(bytes, from: start)) { start = next }
    }

    private func hasIndentation() -> Bool {
        var isAtStart = false
        var blanks = 0
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                (isAtStart, blanks) = (true, 0)
            } else if isAtStart {
                if byte == UInt8(ascii: "\t") { return true }
                if byte == UInt8(ascii: " ") { blanks += 1 } else { isAtStart = false }
                if blanks == 4 { return true }
            }
        }
        return false
    }

    /// - Returns: where to go on; nil when nothing from here on can be told for certain.
    private mutating func read(_ line: MarkdownLine) -> Int? {
        guard !line.isBlank else {
            isAfterBlank = true
            paragraph = Paragraph()
            return line.end
        }
        defer {
            isAfterBlank = false
            isAfterText = isAfterText || !bytes[line.start..<line.end].isWhiteSpace
        }
        if line.indent >= 4, isInIndentedCode || (isAfterBlank && isAfterText && !isInList) {
            isInIndentedCode = true
            append(line.start..<line.end)
            return line.end
        }
        isInIndentedCode = false
        if line.fence != nil, line.indent <= 3 || isAfterBlank {
            // A message is trimmed: its first line loses what it is indented by.
            return paragraph.isInTag || (line.indent > 0 && !isAfterText) ? nil : readFence(from: line)
        }
        if line.isFenceInContainer || line.isFormula { return nil }
        if line.startsItem { isInList = true } else if isAfterBlank, line.indent == 0 { isInList = false }
        if !ignoresTags, line.startsTag {
            if line.startsEndlessBlock { return nil }
            paragraph.isDoubtful = true
            paragraph.isInTag = true
        }
        if line.isDelimiterRow || (line.end < bytes.count && MarkdownLine(bytes, from: line.end).isDelimiterRow) {
            paragraph.hasCells = true
        }
        readSpans(of: line)
        return line.end
    }

    private mutating func readFence(from first: MarkdownLine) -> Int? {
        guard let fence = first.fence else { return nil }
        var start = first.end
        while start < bytes.count {
            let line = MarkdownLine(bytes, from: start)
            if !line.isBlank {
                guard line.indent >= first.indent else { return nil }
                if let other = line.fence, other.mark == fence.mark, other.length >= fence.length, other.isAlone {
                    guard line.indent == first.indent else { return nil }
                    append(first.start..<line.end)
                    paragraph = Paragraph()
                    return line.end
                }
            }
            start = line.end
        }
        return nil
    }

    /// Leftmost first, as CommonMark has it (section 6.1).
    private mutating func readSpans(of line: MarkdownLine) {
        var spans: [Range<Int>] = []
        var index = line.start
        while !paragraph.isDoubtful, index < line.end {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "`"):
                let length = run(of: byte, from: index, to: line.end)
                guard index == 0 || bytes[index - 1] != UInt8(ascii: "\\"),
                    !isInAddress(index, from: spans.last?.upperBound ?? line.start),
                    let end = spanEnd(from: index + length, length, to: line.end),
                    !paragraph.divides(bytes[index..<end])
                else {
                    paragraph.isDoubtful = true
                    return
                }
                spans.append(index..<end)
                index = end
                continue
            case UInt8(ascii: "$"): paragraph.hasDollar = true
            case UInt8(ascii: "["): paragraph.isDoubtful = isDoubtfulNote(index, to: line.end)
            case UInt8(ascii: "]"): paragraph.isDoubtful = isDoubtfulLink(index, to: line.end)
            case UInt8(ascii: "<"): paragraph.isDoubtful = !ignoresTags && hidesBacktick(index, to: line.end)
            default: break
            }
            index += 1
        }
        if !paragraph.isDoubtful { for span in spans { append(span) } }
    }

    private func spanEnd(from start: Int, _ length: Int, to end: Int) -> Int? {
        var index = start
        while let next = bytes[index..<end].firstIndex(of: UInt8(ascii: "`")) {
            let other = run(of: UInt8(ascii: "`"), from: next, to: end)
            if other == length { return next + other }
            index = next + other
        }
        return nil
    }

    /// `[a](b)` is plain; a target in brackets or with a title may hold a backtick that opens nothing.
    private func isDoubtfulLink(_ start: Int, to end: Int) -> Bool {
        let next = start + 1 < end ? bytes[start + 1] : 0
        guard next == UInt8(ascii: "(") || next == UInt8(ascii: "[") else { return false }
        let close = next == UInt8(ascii: "(") ? UInt8(ascii: ")") : UInt8(ascii: "]")
        for byte in bytes[(start + 2)..<end] {
            if byte == close { return false }
            if byte <= 0x20 || "`\"'<>()\\".utf8.contains(byte) { return true }
        }
        return true
    }

    /// `[^1]` is plain; a backtick in it opens nothing, to some renderers.
    private func isDoubtfulNote(_ start: Int, to end: Int) -> Bool {
        guard start + 1 < end, bytes[start + 1] == UInt8(ascii: "^") else { return false }
        return bytes[start..<end].prefix { $0 != UInt8(ascii: "]") }.contains(UInt8(ascii: "`"))
    }

    /// What follows may be a tag, a declaration or an address, with a backtick in it that opens nothing.
    private func hidesBacktick(_ start: Int, to end: Int) -> Bool {
        guard start + 1 < end, MarkdownLine.opensTag(bytes[start + 1]) else { return false }
        if bytes[start + 1] == UInt8(ascii: "!") || bytes[start + 1] == UInt8(ascii: "?") { return true }
        let close = bytes[start..<end].firstIndex(of: UInt8(ascii: ">")) ?? end
        return close == end || bytes[start..<close].contains(UInt8(ascii: "`"))
    }

    /// Bare addresses are links to some renderers, up to the next blank.
    private func isInAddress(_ index: Int, from first: Int) -> Bool {
        var start = index
        var mayBeAddress = false
        while start > first, bytes[start - 1] > 0x20 {
            start -= 1
            mayBeAddress = mayBeAddress || ":.".utf8.contains(bytes[start])
        }
        return mayBeAddress && ["://", "www.", "mailto:", "xmpp:"].contains { bytes[start..<index].contains($0) }
    }

    private func run(of byte: UInt8, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, bytes[index] == byte { index += 1 }
        return index - start
    }

    private mutating func append(_ range: Range<Int>) {
        if let last = ranges.last, last.upperBound == range.lowerBound {
            ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
            ranges.append(range)
        }
    }

    /// Lines without a blank one between them: what is written in one may matter for the next.
    private struct Paragraph {
        /// No more code spans.
        var isDoubtful = false
        /// A tag may have begun a block.
        var isInTag = false
        /// It may be a table.
        var hasCells = false
        /// It may hold a formula.
        var hasDollar = false

        func divides(_ span: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
            (hasCells && span.contains(UInt8(ascii: "|"))) || (hasDollar && span.contains(UInt8(ascii: "$")))
        }
    }
}

extension Slice<UnsafeBufferPointer<UInt8>> {
    /// All of it would go from the ends of a message.
    var isWhiteSpace: Bool {
        String(decoding: self, as: UTF8.self).unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }

    /// Letters of `text` are in lower case, and stand for either.
    fileprivate func contains(_ text: String) -> Bool {
        indices.contains {
            self[$0...].prefix(text.utf8.count).elementsEqual(text.utf8) { $0 == $1 || $0 | 0x20 == $1 }
        }
    }
}
