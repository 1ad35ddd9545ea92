internal import CGumbo

/// Cuts markup out of a text's source, again and again until an HTML parser finds none.
///
///     text ──▶ MarkdownCode: what stays as it is ──▶ MarkupScan: tags, as the tokenizer reads them ──▶ cut
///      ▲                                                                                                │
///      └────── elements that the tree still has ◀── HTMLTree ◀── nothing to cut ◀──────────────────────┤
///                                                                                                     ▼
///                                                                                                    text
///
/// The scan reads a tag at every `<`, whatever the parser's state would be there, so it also finds tags that a tree has
/// no place for (a stray `</td>`, a second `<body>`) and those behind what may stay (`(?P<title>y)`).
///
/// The first passes take a text's code as it will be when its markup is gone. The last ones take nothing for code that
/// what stays could make into something else.
enum MarkupRemover {
    static func clean(_ text: String) -> Cleaned {
        var bytes = Array(text.utf8)
        var ignoresTags = true
        for _ in 0..<MessageSanitizer.maximumPasses {
            let verdict = bytes.withUnsafeBufferPointer { judge($0, ignoresTags: &ignoresTags) }
            switch verdict {
            case .clean: return Cleaned(text: String(decoding: bytes, as: UTF8.self), problem: nil)
            case .tooMuch: return Cleaned(text: disarmed(bytes), problem: Cleaned.tooMuchMarkup)
            case .markup(let cuts): bytes = bytes.withUnsafeBufferPointer { $0.without(cuts) }
            }
        }
        return Cleaned(text: disarmed(bytes), problem: Cleaned.nestedMarkup)
    }

    /// Where no parser can say what is markup nothing is: every `<` goes.
    private static func disarmed(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.filter { $0 != UInt8(ascii: "<") }, as: UTF8.self)
    }

    private enum Verdict {
        case clean
        case markup([Range<Int>])
        case tooMuch
    }

    /// - Parameter ignoresTags: false once all of the text's own markup is gone.
    private static func judge(_ bytes: UnsafeBufferPointer<UInt8>, ignoresTags: inout Bool) -> Verdict {
        guard bytes.contains(UInt8(ascii: "<")) else { return .clean }
        var code = MarkdownCode(bytes, ignoresTags: ignoresTags).ranges
        var scan = MarkupScan(bytes, code: code)
        if ignoresTags, !scan.isExcessive, scan.cuts.isEmpty {
            ignoresTags = false
            let certainCode = MarkdownCode(bytes, ignoresTags: false).ranges
            if certainCode != code {
                code = certainCode
                scan = MarkupScan(bytes, code: code)
            }
        }
        if scan.isExcessive { return .tooMuch }
        if !scan.cuts.isEmpty { return .markup(scan.cuts) }
        guard scan.hasTags else { return .clean }
        guard let tags = actingTags(HTMLTree.opening + bytes, code: code) else { return .tooMuch }
        return tags.isEmpty ? .clean : .markup(tags)
    }

    /// Where a page's text has tags of elements that act, as the parser sees them; nil when it may not see them all, or
    /// memory runs out. What a character reference stands for makes no difference to that, and takes long to find.
    private static func actingTags(_ page: [UInt8], code: [Range<Int>]) -> [Range<Int>]? {
        var page = page
        for place in page.indices where page[place] == UInt8(ascii: "&") { page[place] = UInt8(ascii: ".") }
        for place in code.joined() where page[HTMLTree.opening.count + place] == UInt8(ascii: "<") {
            page[HTMLTree.opening.count + place] = UInt8(ascii: " ")
        }
        return page.withUnsafeBufferPointer { page in
            ParserWork(UnsafeBufferPointer(rebasing: page.dropFirst(HTMLTree.opening.count))).isBounded
                ? actingTags(page) : nil
        }
    }

    private static func actingTags(_ page: UnsafeBufferPointer<UInt8>) -> [Range<Int>]? {
        guard let tree = HTMLTree(page) else { return nil }
        var tags: [Range<Int>] = []
        tree.walk { node in
            guard node.isElement else { return false }
            if node.acts, let tag = page.place(of: node.pointee.v.element.original_tag) { tags.append(tag) }
            return true
        }
        return tags.sorted { $0.lowerBound < $1.lowerBound }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The bytes outside the ranges, which are in order.
    fileprivate func without(_ ranges: [Range<Int>]) -> [UInt8] {
        var rest: [UInt8] = []
        rest.reserveCapacity(count)
        var index = 0
        for range in ranges where range.upperBound > index {
            if range.lowerBound > index { rest.append(contentsOf: self[index..<range.lowerBound]) }
            index = range.upperBound
        }
        rest.append(contentsOf: self[index...])
        return rest
    }
}
