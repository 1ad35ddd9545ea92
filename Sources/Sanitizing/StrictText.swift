internal import CGumbo
import Glibc

/// The text of a message read as HTML, written as HTML: `<b>1</b> < 2` becomes `1 &lt; 2`.
///
/// This is what nh3 0.2.20 gives with no tag allowed. Scripts, styles, templates and comments go with their content.
struct StrictText {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var html: [UInt8] = []

    static func clean(_ text: String) -> Cleaned {
        var text = text
        var problem: String?
        let html: [UInt8] = text.withUTF8 { bytes in
            let bytes = bytes.starts(with: "\u{FEFF}".utf8) ? UnsafeBufferPointer(rebasing: bytes.dropFirst(3)) : bytes
            var strict = StrictText(bytes: bytes)
            let work = ParserWork(bytes)
            guard work.hasMarkup else {
                strict.escape(UnsafeRawBufferPointer(bytes))
                return strict.html
            }
            guard work.isBounded, strict.readTree() else {
                problem = Cleaned.tooMuchMarkup
                strict.html = []
                strict.escape(UnsafeRawBufferPointer(bytes))
                return strict.html
            }
            return strict.html
        }
        // Character references may have spelled control characters.
        return Cleaned(text: ControlCharacters.removed(from: String(decoding: html, as: UTF8.self)), problem: problem)
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        html.reserveCapacity(bytes.count)
    }

    /// - Returns: false when memory runs out.
    private mutating func readTree() -> Bool {
        StrictSource(bytes).page.withUnsafeBufferPointer { page in
            guard let tree = HTMLTree(page) else { return false }
            tree.walk { node in
                guard !node.isElement else { return !node.isHiddenFromText }
                if node.isText { write(node, of: page) }
                return false
            }
            return true
        }
    }

    /// What shows as it was typed is taken from the text itself, since the page has other names in it.
    private mutating func write(_ node: UnsafePointer<GumboNode>, of page: UnsafeBufferPointer<UInt8>) {
        let holder = node.pointee.parent.pointee.v.element
        var piece = node.pointee.v.text.original_text
        // Where a text ends is where the next token begins, and at the end there is none.
        if holder.tag == GUMBO_TAG_PLAINTEXT, let start = piece.data, let first = page.baseAddress {
            piece.length = page.count - (UnsafeRawPointer(start) - UnsafeRawPointer(first))
        }
        guard holder.tag_namespace == GUMBO_NAMESPACE_HTML, let kind = Self.verbatim[holder.tag.rawValue],
            let place = page.place(of: piece),
            !page.dropFirst(HTMLTree.opening.count).dropFirst(place.lowerBound).prefix(place.count).elementsEqual(
                bytes[place])
        else { return write(text: node) }
        let typed = UnsafeBufferPointer(rebasing: bytes[place])
        guard kind == .references else { return escape(UnsafeRawBufferPointer(typed)) }
        StrictSource(typed, inTitle: holder.tag == GUMBO_TAG_TITLE).page.withUnsafeBufferPointer { page in
            guard let tree = HTMLTree(page) else { return }
            tree.walk { node in
                if node.isText { write(text: node) }
                return node.isElement
            }
        }
    }

    private mutating func write(text node: UnsafePointer<GumboNode>) {
        guard let text = node.pointee.v.text.text else { return }
        escape(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    private enum Verbatim { case all, references }

    private static let verbatim: [UInt32: Verbatim] = [
        GUMBO_TAG_TITLE.rawValue: .references, GUMBO_TAG_TEXTAREA.rawValue: .references, GUMBO_TAG_XMP.rawValue: .all,
        GUMBO_TAG_IFRAME.rawValue: .all, GUMBO_TAG_NOEMBED.rawValue: .all, GUMBO_TAG_NOFRAMES.rawValue: .all,
        GUMBO_TAG_PLAINTEXT.rawValue: .all,
    ]

    /// `&`, `<`, `>` and U+00A0, as the HTML standard's serialisation has it (section 13.3).
    private mutating func escape(_ bytes: UnsafeRawBufferPointer) {
        var plain = 0
        var index = 0
        func reference() -> StaticString? {
            switch bytes[index] {
            case UInt8(ascii: "&"): "&amp;"
            case UInt8(ascii: "<"): "&lt;"
            case UInt8(ascii: ">"): "&gt;"
            case 0xC2 where index + 1 < bytes.count && bytes[index + 1] == 0xA0: "&nbsp;"
            default: nil
            }
        }
        while index < bytes.count {
            if let reference = reference() {
                html.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[plain..<index]))
                html.append(
                    contentsOf: UnsafeBufferPointer(start: reference.utf8Start, count: reference.utf8CodeUnitCount))
                if bytes[index] == 0xC2 { index += 1 }
                plain = index + 1
            }
            index += 1
        }
        html.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[plain...]))
    }
}

extension UnsafePointer<GumboNode> {
    fileprivate var isText: Bool {
        [GUMBO_NODE_TEXT, GUMBO_NODE_WHITESPACE, GUMBO_NODE_CDATA].contains(pointee.type)
    }

    /// It goes with its content.
    fileprivate var isHiddenFromText: Bool {
        pointee.type == GUMBO_NODE_TEMPLATE || pointee.v.element.tag == GUMBO_TAG_SCRIPT
            || pointee.v.element.tag == GUMBO_TAG_STYLE
    }
}
