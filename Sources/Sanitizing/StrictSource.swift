/// A text as gumbo must see it to read it as nh3's parser does. Not a byte moves, so that a place in it is the same place
/// in the text.
///
/// Gumbo is of 2015, and the standard has changed since, or its reader has a fault:
///
/// - `<isindex>` is an element like any other now, not a form with a sentence of its own;
/// - nh3 parses as a browser that runs scripts, for which `<noscript>` holds raw text: gumbo gets another name for it;
/// - HTML's end tags that stand for a start tag leave SVG and MathML;
/// - a character reference with more digits than a number holds becomes U+FFFD, as all above U+10FFFF do; gumbo's counter
///   overflows, and what follows is lost.
struct StrictSource {
    /// The text behind ``HTMLTree/opening``.
    private(set) var page: [UInt8]

    private let text: UnsafeBufferPointer<UInt8>
    private let rawText: [UInt8]

    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
        page = HTMLTree.opening + text
        rawText = Self.rawTextElement(missingIn: text)
        let hasForeign = Self.hasTag("svg", text) || Self.hasTag("math", text)
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "<") where index + 1 < text.count:
                let isEndTag = text[index + 1] == UInt8(ascii: "/")
                guard isEndTag || TagReader.isLetter(text[index + 1]) else { continue }
                renameTag(at: index + (isEndTag ? 2 : 1), Self.noscript, rawText)
                renameTag(at: index + (isEndTag ? 2 : 1), Self.isindex, Self.unknown)
                if hasForeign, isEndTag { leaveForeign(at: index) }
            case UInt8(ascii: "&"): boundReference(at: index)
            default: break
            }
        }
    }

    /// The content of a `<title>` or `<textarea>`, which may hold the other's end tag, for a page of its own.
    init(_ text: UnsafeBufferPointer<UInt8>, inTitle: Bool) {
        self.text = text
        rawText = []
        page = HTMLTree.opening + text
        for index in text.indices where text[index] == UInt8(ascii: "&") { boundReference(at: index) }
        // The first newline of a `<textarea>` is none of its text.
        page.insert(contentsOf: (inTitle ? "<title>" : "<textarea>\n").utf8, at: HTMLTree.opening.count)
    }

    private static let noscript = Array("noscript".utf8)
    private static let isindex = Array("isindex".utf8)
    private static let unknown = Array("isindey".utf8)

    /// Read as `<noscript>` is, wherever they stand.
    private static let rawTextElements = ["noembed ", "noframes", "iframe  "].map { Array($0.utf8) }

    /// One that the text does not name: else its end tag would end the other.
    private static func rawTextElement(missingIn text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        let missing = rawTextElements.first { element in
            !hasTag(String(decoding: element.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self), text)
        }
        return missing ?? rawTextElements[0]
    }

    /// - Parameter name: how one begins, in lower case.
    private static func hasTag(_ name: String, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while let start = text[index...].firstIndex(of: UInt8(ascii: "<")) {
            index = start + 1
            guard index < text.count, TagReader.isLetter(text[index]) || text[index] == UInt8(ascii: "/") else {
                continue
            }
            let found = text[index...].drop { $0 == UInt8(ascii: "/") }.prefix(name.utf8.count)
            if found.elementsEqual(name.utf8, by: { $0 | 0x20 == $1 }) { return true }
        }
        return false
    }

    /// A `</p>` or `</br>` leaves SVG and MathML now, as the start tags of HTML do: it becomes one that reads the same.
    private mutating func leaveForeign(at index: Int) {
        for (tag, standIn) in [("</p>", "<hr>"), ("</br>", "<br >")]
        where text.dropFirst(index).prefix(tag.utf8.count).elementsEqual(tag.utf8, by: { $0 == $1 || $0 | 0x20 == $1 })
        {
            put(Array(standIn.utf8), at: index)
        }
    }

    private mutating func put(_ bytes: [UInt8], at index: Int) {
        let start = HTMLTree.opening.count + index
        page.replaceSubrange(start..<(start + bytes.count), with: bytes)
    }

    private mutating func renameTag(at start: Int, _ name: [UInt8], _ standIn: [UInt8]) {
        let end = start + name.count
        guard end <= text.count, text[start..<end].elementsEqual(name, by: { $0 | 0x20 == $1 }),
            end == text.count || TagReader.isBlank(text[end]) || "/>".utf8.contains(text[end])
        else { return }
        put(standIn, at: start)
    }

    private mutating func boundReference(at index: Int) {
        guard index + 2 < text.count, text[index + 1] == UInt8(ascii: "#") else { return }
        let isHexadecimal = text[index + 2] | 0x20 == UInt8(ascii: "x")
        let start = index + (isHexadecimal ? 3 : 2)
        var end = start
        while end < text.count, Self.isDigit(text[end], isHexadecimal: isHexadecimal) { end += 1 }
        // One digit more than U+10FFFF has, and two.
        let beyond = Array((isHexadecimal ? "0110000" : "01114112").utf8)
        guard end - start > beyond.count,
            text[start..<(end - beyond.count + 1)].contains(where: { $0 != UInt8(ascii: "0") })
        else { return }
        put(Array(repeating: UInt8(ascii: "0"), count: end - beyond.count - start) + beyond, at: start)
    }

    private static func isDigit(_ byte: UInt8, isHexadecimal: Bool) -> Bool {
        0x30...0x39 ~= byte || (isHexadecimal && 0x61...0x66 ~= byte | 0x20)
    }
}
