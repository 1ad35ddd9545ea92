/// How much work a text is for the HTML parser, seen before it gets the text.
///
/// Its time grows with the text, with the tags times the elements that are open at once, with the square of one tag's
/// attributes, and with the formatting elements that differ, since every block opens all of them again. What is more
/// than the limits is no message that anybody wrote: they keep 128 KiB below 20 ms, and the tree's depth far below what
/// the stack of a worker's threads can release.
struct ParserWork {
    static let maximumTags = 4_000
    static let maximumDepth = 500
    /// The longest that 128 KiB may take. What each thing takes was measured with gumbo 0.10, on a busy processor.
    private static let maximumTime = 14_000_000

    private(set) var isBounded = true
    /// There is something that is not its own text, such as a tag or a character reference.
    private(set) var hasMarkup = false

    /// In nanoseconds.
    private var time: Int
    /// Not closed yet, outermost first.
    private var open: [Element] = []
    /// Those of them, and of those that a block's end closed, that the next block opens again.
    private var formats = 0
    private var foreign = 0
    private var hasForeign = false
    private let size: Int

    private struct Element {
        let name: String
        let isFormat: Bool
    }

    private enum Time {
        static let byte = 75
        /// In SVG and MathML.
        static let foreignByte = 20
        /// More, for a `<` or `&` that stands for itself.
        static let lessThanSign = 110
        static let ampersand = 30
        /// Of a character reference that is none after all, or of an unusual name.
        static let unusualReference = 350
        static let tag = 500
        static let pairOfAttributes = 12
        /// Of each tag, for each element that is open. The elements of HTML that others end are not counted as such.
        static let level = 12
        static let foreignLevel = 32
        static let reopened = 200
    }

    /// Elements without content, and those that end where the next of their kind begins.
    private static let shallow: Set<String> = [
        "area", "base", "basefont", "bgsound", "br", "col", "colgroup", "dd", "dt", "embed", "frame", "hr", "image",
        "img",
        "input", "keygen", "li", "link", "meta", "optgroup", "option", "p", "param", "source", "tbody", "td", "tfoot",
        "th",
        "thead", "tr", "track", "wbr",
    ]

    /// They are opened again in each block, as often as they differ; of `<a>`, one is.
    private static let formatting: Set<String> = [
        "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
    ]

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        size = bytes.count
        time = Time.byte * size
        let starts = tagStarts(in: bytes)
        guard starts.count <= Self.maximumTags else {
            isBounded = false
            return
        }
        if !starts.isEmpty {
            var reader = TagReader(bytes: bytes)
            for start in starts where isBounded {
                if let tag = reader.tag(at: start) { add(tag) } else { time += Time.tag }
            }
        }
        isBounded = isBounded && time <= Self.maximumTime
    }

    /// Where tags, comments and the like may begin, up to one more than ``maximumTags``.
    private mutating func tagStarts(in bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        var starts: [Int] = []
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "<") || byte == UInt8(ascii: "&") {
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            if byte == UInt8(ascii: "<"), MarkdownLine.opensTag(next) {
                hasMarkup = true
                starts.append(index)
                if starts.count > Self.maximumTags { break }
            } else if byte == UInt8(ascii: "&"), TagReader.isLetter(next) || next == UInt8(ascii: "#") {
                hasMarkup = true
                if !Self.isCommonReference(bytes[index...]) { time += Time.unusualReference }
            } else {
                time += byte == UInt8(ascii: "<") ? Time.lessThanSign : Time.ampersand
            }
        }
        return starts
    }

    /// It takes no longer than plain text.
    private static func isCommonReference(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard text.starts(with: "&#".utf8) else {
            return ["&lt;", "&gt;", "&amp;", "&quot;", "&nbsp;"].contains { text.starts(with: $0.utf8) }
        }
        let digits = text.dropFirst(2)
        guard let first = digits.first else { return false }
        let isHexadecimal = first | 0x20 == UInt8(ascii: "x")
        let digit = isHexadecimal ? digits.dropFirst().first : first
        return digit.map { 0x30...0x39 ~= $0 || (isHexadecimal && 0x61...0x66 ~= $0 | 0x20) } ?? false
    }

    private mutating func add(_ tag: Tag) {
        time += Time.tag + tag.attributes.count * tag.attributes.count / 2 * Time.pairOfAttributes
        time += open.count * (foreign > 0 ? Time.foreignLevel : Time.level) + formats * Time.reopened
        if tag.isEndTag {
            end(tag.name)
        } else if !Self.shallow.contains(tag.name) {
            let isFormat = tag.attributes.count > 0 && Self.formatting.contains(tag.name)
            open.append(Element(name: tag.name, isFormat: isFormat))
            if isFormat { formats += 1 }
            if Tag.isForeign(tag.name) {
                if !hasForeign { time += Time.foreignByte * size }
                hasForeign = true
                foreign += 1
            }
        }
        isBounded = open.count <= Self.maximumDepth && time <= Self.maximumTime
    }

    /// One end tag of a formatting element moves it below eight of the elements that are open in it, one at a time.
    private mutating func end(_ name: String) {
        guard let index = open.lastIndex(where: { $0.name == name }) else { return }
        let inner = open.count - index - 1
        if Self.formatting.contains(name) || name == "a" {
            time += min(inner, 8) * open.count * Time.level
            if inner > 8 { return }
        }
        if open[index].isFormat { formats -= 1 }
        if Tag.isForeign(name) { foreign -= 1 }
        open.remove(at: index)
    }
}
