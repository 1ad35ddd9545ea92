internal import CGumbo

/// A text parsed as the content of a `<div>`, by the HTML standard, in the parser's own memory.
///
/// Walks never recurse: a tree may be as deep as its text has tags. The parser's own release of a tree does recurse,
/// which overflows a 512 KiB stack at some 15,000 levels; ``MessageSanitizer/maximumTags`` keeps every tree far below.
struct HTMLTree: ~Copyable {
    private let output: UnsafeMutablePointer<GumboOutput>
    private var options: GumboOptions

    /// - Parameter bytes: must stay where they are for as long as the tree lives. Nil when memory runs out.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        options = kGumboDefaultOptions
        options.max_errors = 0
        options.fragment_context = GUMBO_TAG_DIV
        let start = UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
        guard let output = gumbo_parse_with_options(&options, start, bytes.count) else { return nil }
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
        guard node.pointee.type == GUMBO_NODE_ELEMENT || node.pointee.type == GUMBO_NODE_TEMPLATE else { return [] }
        let children = node.pointee.v.element.children
        return (0..<Int(children.length)).reversed().compactMap {
            UnsafeRawPointer(children.data[$0])?.assumingMemoryBound(to: GumboNode.self)
        }
    }
}
