internal import CGumbo

/// A text parsed as the content of a page's body, by the HTML standard, in the parser's own memory.
///
/// Not as a fragment, which is how the text is meant: in fragments gumbo follows the standard of its time, by which an
/// HTML element inside of `<svg>` stays there. In a body, it leaves, as it does for browsers today.
///
/// Walks never recurse: a tree may be as deep as its text has tags. The parser's own release of a tree does recurse,
/// which overflows a 512 KiB stack at some 15,000 levels; ``ParserWork`` keeps every tree far below.
struct HTMLTree: ~Copyable {
    private let output: UnsafeMutablePointer<GumboOutput>
    private var options: GumboOptions

    /// What stands before the text. It also keeps a `<frameset>` from replacing the body.
    static let opening = Array("<!DOCTYPE html><body>".utf8)

    /// - Parameter page: ``opening`` and the text; must stay where it is for as long as the tree lives. Nil when memory
    ///   runs out.
    init?(_ page: UnsafeBufferPointer<UInt8>) {
        options = kGumboDefaultOptions
        options.max_errors = 0
        let start = UnsafeRawPointer(page.baseAddress)?.assumingMemoryBound(to: CChar.self)
        guard let output = gumbo_parse_with_options(&options, start, page.count) else { return nil }
        self.output = output
    }

    deinit {
        var options = options
        gumbo_destroy_output(&options, output)
    }

    /// Each node in document order, without the root. `visit` tells whether to go on into the node.
    func walk(_ visit: (UnsafePointer<GumboNode>) -> Bool) {
        var pending = children(UnsafePointer(output.pointee.root))
        while let node = pending.popLast() {
            if visit(node) { pending.append(contentsOf: children(node)) }
        }
    }

    /// Last child first.
    private func children(_ node: UnsafePointer<GumboNode>) -> [UnsafePointer<GumboNode>] {
        guard node.isElement else { return [] }
        let children = node.pointee.v.element.children
        return (0..<Int(children.length)).reversed().compactMap {
            UnsafeRawPointer(children.data[$0])?.assumingMemoryBound(to: GumboNode.self)
        }
    }
}

extension UnsafePointer<GumboNode> {
    var isElement: Bool { pointee.type == GUMBO_NODE_ELEMENT || pointee.type == GUMBO_NODE_TEMPLATE }

    /// The element is one that ``MarkupRule`` never lets stay.
    var acts: Bool {
        let element = pointee.v.element
        if element.tag_namespace != GUMBO_NAMESPACE_HTML { return true }
        let name = String(cString: gumbo_normalized_tagname(element.tag))
        if Tag.acts(name) { return true }
        var acting: ActingAttributes = []
        for index in 0..<Int(element.attributes.length) {
            guard let attribute = element.attributes.data[index]?.assumingMemoryBound(to: GumboAttribute.self),
                attribute.pointee.value.pointee != 0
            else { continue }
            let name = String(cString: attribute.pointee.name)
            acting.formUnion(ActingAttributes.isEventHandler(name) ? .eventHandler : ActingAttributes(named: name))
        }
        return acting.act(on: name)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Where a piece of this page lies in the text behind its ``HTMLTree/opening``; nil for one that is not of the text.
    func place(of piece: GumboStringPiece) -> Range<Int>? {
        guard let base = baseAddress, let data = piece.data, piece.length > 0 else { return nil }
        let start = UnsafeRawPointer(data) - UnsafeRawPointer(base) - HTMLTree.opening.count
        guard start >= 0, start + piece.length <= count - HTMLTree.opening.count else { return nil }
        return start..<(start + piece.length)
    }
}
