internal import CGumbo
import Glibc

/// The text of a message read as HTML, written as HTML: `<b>1</b> < 2` becomes `1 &lt; 2`.
///
/// This is what nh3 0.2.20 gives with no tag allowed. Scripts, styles, templates and comments go with their content.
enum StrictText {
    static func clean(_ text: String) -> Cleaned {
        var text = text
        let html: [UInt8]? = text.withUTF8 { bytes in
            let bytes = bytes.starts(with: "\u{FEFF}".utf8) ? UnsafeBufferPointer(rebasing: bytes.dropFirst(3)) : bytes
            guard bytes.contains(UInt8(ascii: "<")) || bytes.contains(UInt8(ascii: "&")) else { return escaped(bytes) }
            guard isParsable(bytes) else { return nil }
            return parsedWithScripting(bytes)
        }
        guard let html else {
            let rest = MarkupRemover.clean(text)
            return Cleaned(text: escaped(rest.text), problem: Cleaned.tooMuchMarkup)
        }
        // Character references may have spelled control characters.
        return Cleaned(text: ControlCharacters.removed(from: String(decoding: html, as: UTF8.self)), problem: nil)
    }

    private static func parsed(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard let tree = HTMLTree(bytes) else { return nil }
        var html: [UInt8] = []
        html.reserveCapacity(bytes.count)
        tree.walk { node in
            switch node.pointee.type {
            case GUMBO_NODE_TEXT, GUMBO_NODE_WHITESPACE, GUMBO_NODE_CDATA:
                if let text = node.pointee.v.text.text {
                    escape(UnsafeRawBufferPointer(start: text, count: strlen(text)), to: &html)
                }
                return false
            case GUMBO_NODE_ELEMENT:
                let tag = node.pointee.v.element.tag
                return tag != GUMBO_TAG_SCRIPT && tag != GUMBO_TAG_STYLE
            default: return false
            }
        }
        return html
    }

    /// Few enough tags, and none with so many attributes that comparing them takes long.
    private static func isParsable(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var tags = 0
        var attributes = 0
        var isInTag = false
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "<"), index + 1 < bytes.count,
                TagReader.isLetter(bytes[index + 1]) || [0x21, 0x2F, 0x3F].contains(bytes[index + 1])
            {
                tags += 1
                isInTag = true
            } else if byte == UInt8(ascii: ">") {
                isInTag = false
                attributes = 0
            } else if isInTag, TagReader.isBlank(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\"") {
                attributes += 1
            }
            if tags > MessageSanitizer.maximumTags || attributes > 2_000 { return false }
        }
        return true
    }

    /// nh3 parses as a browser that runs scripts does, for which `<noscript>` holds raw text. Gumbo parses as one that
    /// does not, so it gets the name of another element with raw text, spelled so that it can be told where it shows.
    private static func parsedWithScripting(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        let noscript = Array("noscript".utf8)
        let standIn = Array("nOfRaMeS".utf8)
        var source: [UInt8]?
        for index in bytes.indices where bytes[index] == UInt8(ascii: "<") {
            let isEndTag = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "/")
            let start = index + (isEndTag ? 2 : 1)
            let name = bytes.dropFirst(start).prefix(noscript.count)
            guard name.elementsEqual(noscript, by: { $0 | 0x20 == $1 }) else { continue }
            source = source ?? Array(bytes)
            source?.replaceSubrange(start..<(start + noscript.count), with: standIn)
        }
        guard let source else { return parsed(bytes) }
        return source.withUnsafeBufferPointer(parsed)?.replacing(standIn, with: noscript)
    }

    private static func escaped(_ text: String) -> String {
        var text = text
        return String(decoding: text.withUTF8(escaped), as: UTF8.self)
    }

    private static func escaped(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var html: [UInt8] = []
        html.reserveCapacity(bytes.count)
        escape(UnsafeRawBufferPointer(bytes), to: &html)
        return html
    }

    /// `&`, `<`, `>` and U+00A0, as the HTML standard's serialisation has it (section 13.3).
    private static func escape(_ bytes: UnsafeRawBufferPointer, to html: inout [UInt8]) {
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "&"): html.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "<"): html.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): html.append(contentsOf: "&gt;".utf8)
            case 0xC2 where index + 1 < bytes.count && bytes[index + 1] == 0xA0:
                html.append(contentsOf: "&nbsp;".utf8)
                index += 1
            default: html.append(bytes[index])
            }
            index += 1
        }
    }
}
