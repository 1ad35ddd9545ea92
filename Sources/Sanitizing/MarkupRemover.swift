internal import CGumbo

/// Cuts markup out of a text's source, again and again until none is left.
///
///     text ──▶ MarkupScan: what is markup ──▶ HTMLTree: how far it reaches ──▶ cut ──▶ text without
///
/// The scan also finds tags that a tree has no place for (a stray `</td>`, a second `<body>`). The tree knows the
/// extent of comments and scripts. What the scan takes for code is hidden from the parser.
enum MarkupRemover {
    static func clean(_ text: String) -> Cleaned {
        var cleaned = Cleaned(text: text, problem: nil)
        for _ in 0..<MessageSanitizer.maximumPasses {
            let isUnchanged = pass(&cleaned)
            if isUnchanged { return cleaned }
        }
        if !cleaned.text.withUTF8({ MarkupScan($0).cuts.isEmpty }) { cleaned.problem = Cleaned.nestedMarkup }
        return cleaned
    }

    /// - Returns: whether there was nothing to cut.
    private static func pass(_ cleaned: inout Cleaned) -> Bool {
        var text = cleaned.text
        let (rest, isTooMuch): ([UInt8]?, Bool) = text.withUTF8 { bytes in
            let scan = MarkupScan(bytes)
            guard !scan.cuts.isEmpty else { return (nil, false) }
            let isTooMuch = scan.cuts.count > MessageSanitizer.maximumTags || scan.isExcessive
            let cuts = isTooMuch ? scan.cuts : scan.cuts + extents(bytes, hiding: scan.others)
            return (bytes.without(cuts), isTooMuch)
        }
        if isTooMuch { cleaned.problem = Cleaned.tooMuchMarkup }
        guard let rest else { return true }
        cleaned.text = String(decoding: rest, as: UTF8.self)
        return false
    }

    /// Source ranges of tags, comments and whole scripts and styles, as the parser sees them.
    private static func extents(_ bytes: UnsafeBufferPointer<UInt8>, hiding others: [Int]) -> [Range<Int>] {
        var source = Array(bytes)
        for place in others { source[place] = UInt8(ascii: " ") }
        return source.withUnsafeBufferPointer { source in
            var extents: [Range<Int>] = []
            HTMLTree(source)?.walk { node in
                switch node.pointee.type {
                case GUMBO_NODE_COMMENT:
                    if let comment = source.range(node.pointee.v.text.original_text) { extents.append(comment) }
                    return false
                case GUMBO_NODE_ELEMENT, GUMBO_NODE_TEMPLATE:
                    let element = node.pointee.v.element
                    let start = source.range(element.original_tag)
                    let end = source.range(element.original_end_tag)
                    let hidesContent = element.tag == GUMBO_TAG_SCRIPT || element.tag == GUMBO_TAG_STYLE
                    if hidesContent, let start, let end, start.upperBound <= end.lowerBound {
                        extents.append(start.lowerBound..<end.upperBound)
                    } else {
                        extents.append(contentsOf: [start, end].compactMap { $0 })
                    }
                    return true
                default: return false
                }
            }
            return extents
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Where a piece of this buffer lies in it; nil for pieces that do not start with `<`, which stand for no source.
    fileprivate func range(_ piece: GumboStringPiece) -> Range<Int>? {
        guard let base = baseAddress, let data = piece.data, piece.length > 0 else { return nil }
        let start = UnsafeRawPointer(data) - UnsafeRawPointer(base)
        guard start >= 0, start + piece.length <= count, self[start] == UInt8(ascii: "<") else { return nil }
        return start..<(start + piece.length)
    }

    /// The bytes outside the ranges, which may overlap and come in any order.
    fileprivate func without(_ ranges: [Range<Int>]) -> [UInt8] {
        var rest: [UInt8] = []
        rest.reserveCapacity(count)
        var index = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.upperBound > index {
            if range.lowerBound > index { rest.append(contentsOf: self[index..<range.lowerBound]) }
            index = range.upperBound
        }
        rest.append(contentsOf: self[index...])
        return rest
    }
}
