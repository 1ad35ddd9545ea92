/// The markup in one text, found from its start to its end.
struct MarkupScan {
    /// Tags, comments and doctypes, in order; where a script or a style has an end, what is in it too.
    private(set) var cuts: [Range<Int>] = []
    /// Something looks like a tag and may stay.
    private(set) var hasTags = false
    /// More tags than a parser may see, or one with more attributes than any real one.
    private(set) var isExcessive = false

    private let bytes: UnsafeBufferPointer<UInt8>
    private let lastCommentEnd: Int

    /// - Parameter code: ranges in which no tag begins, in order.
    init(_ bytes: UnsafeBufferPointer<UInt8>, code: [Range<Int>]) {
        self.bytes = bytes
        lastCommentEnd = Self.lastCommentEnd(bytes)
        var reader = TagReader(bytes: bytes)
        let starts = Self.starts(bytes, outside: code)
        guard starts.count <= ParserWork.maximumTags else {
            isExcessive = true
            return
        }
        var rule = MarkupRule(bytes: bytes, lastEndTags: Self.lastEndTags(bytes, starts, &reader))
        var index = 0
        for start in starts where start >= index {
            if let end = declaration(at: start) {
                index = end
            } else if let tag = reader.tag(at: start), rule.isMarkup(tag) {
                isExcessive = isExcessive || tag.attributes.count > Tag.Attributes.maximum
                index = contentEnd(of: tag, rule) ?? tag.cut.upperBound
            } else {
                hasTags = true
                continue
            }
            cuts.append(start..<index)
            rule.isCut(start..<index)
        }
    }

    /// Where a comment or a doctype that starts here ends. An unended comment is its opening alone.
    private func declaration(at start: Int) -> Int? {
        guard bytes[start + 1] == UInt8(ascii: "!") else { return nil }
        let rest = bytes[start...]
        if rest.starts(with: "<!-->".utf8) { return start + 5 }
        if rest.starts(with: "<!--->".utf8) { return start + 6 }
        if rest.starts(with: "<!--".utf8) {
            guard start + 4 <= lastCommentEnd else { return start + 4 }
            var index = start + 4
            while index <= lastCommentEnd {
                if let end = Self.commentEnd(bytes, index) { return end }
                index += 1
            }
            return start + 4
        }
        guard rest.count > 9, rest.prefix(9).elementsEqual("<!doctype".utf8, by: { $0 | 0x20 == $1 | 0x20 }),
            TagReader.isBlank(rest[start + 9]) || rest[start + 9] == UInt8(ascii: ">"),
            let end = rest.dropFirst().firstIndex(where: { $0 == UInt8(ascii: ">") || $0 == UInt8(ascii: "<") }),
            bytes[end] == UInt8(ascii: ">")
        else { return nil }
        return end + 1
    }

    /// Behind the content of a script or style that has an end tag.
    private func contentEnd(of tag: Tag, _ rule: MarkupRule) -> Int? {
        guard !tag.isEndTag, tag.name == "script" || tag.name == "style",
            let last = rule.lastEndTags[tag.name], last >= tag.range.upperBound
        else { return nil }
        let end = Array("</\(tag.name)".utf8)
        return (tag.range.upperBound...last).first { index in
            bytes[index] == end[0] && bytes[index...].prefix(end.count).elementsEqual(end) { $0 | 0x20 == $1 | 0x20 }
        }
    }

    /// Each `<` that a tag may begin at.
    private static func starts(_ bytes: UnsafeBufferPointer<UInt8>, outside code: [Range<Int>]) -> [Int] {
        var starts: [Int] = []
        var code = code[...]
        var index = 0
        while let start = bytes[index...].firstIndex(of: UInt8(ascii: "<")) {
            index = start + 1
            guard index < bytes.count, TagReader.isLetter(bytes[index]) || bytes[index] == 0x21 || bytes[index] == 0x2F
            else { continue }
            while let first = code.first, first.upperBound <= start { code.removeFirst() }
            if let first = code.first, first.contains(start) {
                index = first.upperBound
            } else {
                starts.append(start)
            }
        }
        return starts
    }

    private static func lastEndTags(
        _ bytes: UnsafeBufferPointer<UInt8>, _ starts: [Int], _ reader: inout TagReader
    ) -> [String: Int] {
        var last: [String: Int] = [:]
        for start in starts where start + 1 < bytes.count && bytes[start + 1] == UInt8(ascii: "/") {
            if let tag = reader.tag(at: start), tag.isClosed { last[tag.name] = start }
        }
        return last
    }

    private static func lastCommentEnd(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        bytes.indices.last { commentEnd(bytes, $0) != nil } ?? -1
    }

    /// Behind a `-->` or `--!>` that starts here.
    private static func commentEnd(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int? {
        guard bytes[index] == UInt8(ascii: "-") else { return nil }
        if bytes[index...].starts(with: "-->".utf8) { return index + 3 }
        return bytes[index...].starts(with: "--!>".utf8) ? index + 4 : nil
    }
}
