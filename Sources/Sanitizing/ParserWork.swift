/// How much work a text is for the HTML parser, seen before it gets the text.
///
/// Its time grows with the tags times the elements that are open at once, with the square of one tag's attributes, and
/// with the square of the formatting elements that differ, since every block opens all of them again. What is more than
/// the limits is no message that anybody wrote: they keep 128 KiB below 20 ms, and the tree's depth far below what the
/// stack of a worker's threads can release.
struct ParserWork {
    static let maximumTags = 4_000
    static let maximumDepth = 500
    /// Open formatting elements with attributes, times tags.
    private static let maximumReopened = 60_000
    /// Pairs of attributes of one tag, over all tags.
    private static let maximumPairs = 500_000

    private(set) var isBounded = true
    private var tags = 0
    private var pairs = 0
    private var formats = 0
    private var depth = 0
    private var open: [String: Int] = [:]
    private var reopened: [String: Int] = [:]

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
        guard Self.openings(bytes) <= Self.maximumTags else {
            isBounded = false
            return
        }
        var reader = TagReader(bytes: bytes)
        var index = 0
        while isBounded, let start = bytes[index...].firstIndex(of: UInt8(ascii: "<")) {
            if let tag = reader.tag(at: start) { add(tag) }
            index = start + 1
        }
    }

    private static func openings(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        for index in 1..<max(1, bytes.count) where bytes[index - 1] == UInt8(ascii: "<") {
            if TagReader.isLetter(bytes[index]) || bytes[index] == 0x2F || bytes[index] == 0x21 { count += 1 }
        }
        return count
    }

    private mutating func add(_ tag: Tag) {
        tags += 1
        pairs += tag.attributes.count * tag.attributes.count / 2
        if tag.isEndTag {
            if let count = open[tag.name], count > 0 {
                open[tag.name] = count - 1
                depth -= 1
                if let formats = reopened[tag.name], formats >= count {
                    reopened[tag.name] = count - 1
                    self.formats -= formats - count + 1
                }
            }
        } else if !Self.shallow.contains(tag.name) {
            open[tag.name, default: 0] += 1
            depth += 1
            if tag.attributes.count > 0, Self.formatting.contains(tag.name) {
                reopened[tag.name, default: 0] += 1
                formats += 1
            }
        }
        isBounded =
            tags <= Self.maximumTags && depth <= Self.maximumDepth && formats * tags <= Self.maximumReopened
            && pairs <= Self.maximumPairs
    }
}
