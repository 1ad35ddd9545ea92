internal import CGumbo

/// Tells markup from what only looks like it, by what an HTML parser makes of it.
///
/// What acts is markup, wherever it stands: an element that runs, loads, sends or restyles something, by itself or by an
/// attribute (``Tag/isActing``). Of the rest, a tag is markup when it is one of HTML's and written as one: with an end tag,
/// with attributes that have values, without a place in a sentence or a program. What may stay does nothing:
///
/// - a bare start tag that is spoken of (`What does <b> do?`), or is a program's (`Array<input> = []`, `(?P<title>y)`,
///   `#include <map>`);
/// - a comparison, whose attributes are none of HTML's (`a<b && c>d`);
/// - elements of other vocabularies.
///
/// At the beginning of a line nothing of HTML stays: Markdown may begin a block there that ends with the paragraph, and
/// what a tag holds behind that would be the attributes of another.
struct MarkupRule {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Where the last end tag of each name starts.
    let lastEndTags: [String: Int]

    /// Names of other vocabularies whose start tag was markup, so that their end tag is too.
    private var foreignNames: Set<String> = []
    /// Up to here, nothing of a line stays but blanks and marks.
    private var emptyLineEnd = 0

    /// HTML of after the parser's time.
    private static let recentElements: Set<String> = ["dialog", "picture", "search", "slot"]

    /// Elements that show something else than what they hold or what follows them.
    private static let hidingElements: Set<String> = [
        "applet", "embed", "frameset", "iframe", "noembed", "noframes", "noscript", "object", "plaintext", "select",
        "template", "textarea", "xmp",
    ]

    /// Elements that people write right after a word and never end.
    private static let inlineVoidElements: Set<String> = ["br", "hr", "img", "wbr"]

    init(bytes: UnsafeBufferPointer<UInt8>, lastEndTags: [String: Int]) {
        self.bytes = bytes
        self.lastEndTags = lastEndTags
    }

    mutating func isMarkup(_ tag: Tag) -> Bool {
        let isHTML = Self.isElement(tag.name)
        if tag.isEndTag { return tag.isClosed && (isHTML || foreignNames.contains(tag.name)) }
        let mayBeginBlock =
            isHTML && (tag.name.utf8.count > 1 || tag.name == "p") && isLineEmpty(before: tag.range.lowerBound)
        guard tag.isClosed else {
            return mayBeginBlock || (isHTML && isActingOnceClosed(tag))
        }
        if tag.isActing || (!isHTML && isForeignMarkup(tag)) {
            if !isHTML { foreignNames.insert(tag.name) }
            return true
        }
        return mayBeginBlock
            || isHTML && !tag.attributes.hasForeignName && !isIncluded(tag) && !isBareInProgram(tag)
                && !isSpokenOf(tag) && !isComparison(tag)
    }

    /// No element yet: a page that the text is put in may close it. It may as well be a program: `i <b && href = 1`.
    private func isActingOnceClosed(_ tag: Tag) -> Bool {
        Tag.acts(tag.name)
            || tag.attributes.acting.act(on: tag.name)
                && (tag.attributes.acting.contains(.eventHandler) || !tag.attributes.hasForeignName)
    }

    /// An element of another vocabulary with its attributes, not the middle of a program.
    private func isForeignMarkup(_ tag: Tag) -> Bool {
        (tag.attributes.hasQuotedValue || !tag.attributes.acting.isEmpty) && !tag.attributes.hasForeignName
    }

    /// A type's argument or a group's name.
    private func isBareInProgram(_ tag: Tag) -> Bool {
        if tag.isBare, Self.groupOpenings.contains(where: { precedes(tag, $0) }) { return true }
        guard followsIdentifier(tag), !precedesWord(tag), !tag.attributes.hasValue, !hasEndTag(tag) else {
            return false
        }
        if Self.inlineVoidElements.contains(tag.name) { return tag.isCapitalised }
        guard Self.hidingElements.contains(tag.name) else { return true }
        return tag.attributes.count == 0 && (tag.name == "object" || tag.isCapitalised)
    }

    private static let groupOpenings = ["(?P", "(?", "\\k", "\\g"]

    /// A word of a sentence or of a command's usage (`cp <source> <data>`, `[-o <output>]`, `<user>@<address>`): between
    /// blanks or marks, and not the first of its line, where Markdown has its blocks of HTML.
    private func isSpokenOf(_ tag: Tag) -> Bool {
        guard tag.isBare, !hasEndTag(tag), !Self.hidingElements.contains(tag.name) else { return false }
        let isVoid = Self.inlineVoidElements.contains(tag.name)
        let before = bytes[..<tag.range.lowerBound].suffix(2)
        guard before.count == 2, let last = before.last, (isVoid ? " (\"'" : " (\"'[{@=/|").utf8.contains(last),
            before.first.map({ TagReader.isLetter($0) || $0 >= 0x80 || " ,.:;()\"'>[]{}@=/|-".utf8.contains($0) })
                == true,
            followsWordOfItsLine(tag)
        else { return false }
        guard tag.range.upperBound < bytes.count else { return true }
        return (isVoid ? " .,:;?!)\"'\n" : " .,:;?!)\"'\n]}@=/|").utf8.contains(bytes[tag.range.upperBound])
    }

    /// What begins a line behind the cut begins it where the cut does.
    mutating func isCut(_ range: Range<Int>) {
        if isLineEmpty(before: range.lowerBound) { emptyLineEnd = range.upperBound }
    }

    /// Nothing but white space and the marks of lists and quotations is before the place.
    private func isLineEmpty(before end: Int) -> Bool {
        var end = end
        while end > emptyLineEnd {
            var start = end - 1
            while start > emptyLineEnd, bytes[start] & 0xC0 == 0x80 { start -= 1 }
            let byte = bytes[start]
            if byte == UInt8(ascii: "\n") { return true }
            guard
                byte < 0x80
                    ? " \t>-+*.):[]^!?".utf8.contains(byte) || 0x30...0x39 ~= byte : bytes[start..<end].isWhiteSpace
            else { return false }
            end = start
        }
        return true
    }

    private func followsWordOfItsLine(_ tag: Tag) -> Bool {
        for byte in bytes[..<tag.range.lowerBound].reversed() {
            if byte == UInt8(ascii: "\n") { return false }
            if TagReader.isLetter(byte) || byte >= 0x80 { return true }
        }
        return false
    }

    /// `a <b or c> d`: words where attributes would be, none of them HTML's.
    private func isComparison(_ tag: Tag) -> Bool {
        tag.attributes.hasUnknownFlag && !tag.attributes.hasValue && !hasEndTag(tag)
            && !Self.hidingElements.contains(tag.name)
    }

    private func hasEndTag(_ tag: Tag) -> Bool {
        lastEndTags[tag.name].map { $0 >= tag.range.upperBound } ?? false
    }

    private func followsIdentifier(_ tag: Tag) -> Bool {
        let start = tag.range.lowerBound
        guard start > 0 else { return false }
        let previous = bytes[start - 1]
        if previous == UInt8(ascii: ":") { return start > 1 && bytes[start - 2] == previous }
        return TagReader.isLetter(previous) || 0x30...0x39 ~= previous || previous == UInt8(ascii: "_")
    }

    private func precedes(_ tag: Tag, _ text: String) -> Bool {
        bytes[..<tag.range.lowerBound].suffix(text.utf8.count).elementsEqual(text.utf8)
    }

    /// `one<p>two` and `x<tr><td>` are markup; after a type argument comes a blank or a mark.
    private func precedesWord(_ tag: Tag) -> Bool {
        guard tag.range.upperBound < bytes.count else { return false }
        let next = bytes[tag.range.upperBound]
        return TagReader.isLetter(next) || 0x30...0x39 ~= next || next >= 0x80 || next == UInt8(ascii: "<")
    }

    /// `#include <map>` and `import <map>`.
    private func isIncluded(_ tag: Tag) -> Bool {
        var end = tag.range.lowerBound
        while end > 0, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return ["#include", "# include", "import"].contains {
            bytes[..<end].suffix($0.utf8.count).elementsEqual($0.utf8)
        }
    }

    private static func isElement(_ name: String) -> Bool {
        recentElements.contains(name) || gumbo_tagn_enum(name, UInt32(name.utf8.count)) != GUMBO_TAG_UNKNOWN
    }
}
