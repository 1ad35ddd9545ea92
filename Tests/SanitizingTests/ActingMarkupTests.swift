import CGumbo
import Chat
import Sanitizing
import Testing

/// What an HTML parser calls an element is one, whatever else it looks like.
@Suite(.timeLimit(.minutes(1))) struct ActingMarkupTests {
    private func text(_ raw: String) -> String { MessageSanitizer().review(raw).text }

    @Test(arguments: [
        ("<details open ontoggle=alert(1) <>", ""), ("<input autofocus onfocus=alert(1) <>", ""),
        ("<iframe src=//evil.example <>", ""), ("<a href=javascrip&#116;:alert(1) <>x</a>", "x"),
        ("<iframe srcdoc=<svg/o&#x6Eload&equals;alert&lpar;1)&gt;>", ""),
        ("<p<b onclick=f()>x", "x"), ("<p a<b onclick=f()>x", "x"), ("<p a=<b> onclick=f()>x", " onclick=f()>x"),
        ("<p title='<' onclick=f()>x", "x"), ("<x <y <z style=a:b>c", "c"),
        ("<b/<//onclick=f()>x</b>", "x"), ("</b <i>x", "x"),
        // Names that only a program has do not make it one.
        ("<iframe src=//evil.example &&>", ""), ("<object data=//evil.example ,>", ""),
        ("<meta http-equiv=refresh content=0;url=//evil.example &&>", ""), ("<img srcset=//evil.example ;>", ""),
        ("<style &&>*{background:url(//evil.example)}</style>", ""), ("<x && style=position:fixed>y", "y"),
        ("<base href=//evil.example {>", ""), ("<details ontoggle=f() <", ""),
        // Nor does what comes before, when it acts by itself.
        ("import <script>x", "import x"), ("#include <style>*{color:red}", "#include *{color:red}"),
        ("List<Style> *{color:red}", "List *{color:red}"), ("List<Svg> x", "List x"),
    ])
    func removesWhatABrowserWouldActOn(_ raw: String, leaving expected: String) {
        #expect(text(raw) == expected)
    }

    @Test(arguments: [
        "while (i<a && x<b || y>4)", "if (a<b && c<d) { e>f }", "std::map<std::string, std::vector<int>> m;",
        "for (i=0; i<n; i++) { action = next(i) } // => done", "x<y, z<w, v>u", "cout<<a<<b<<c; d>>e",
        "i<p && href = 1; j > 2", "a <b or c <d> e",
    ])
    func keepsWhatDoesNothing(_ raw: String) {
        #expect(text(raw) == raw)
    }

    @Test func readsAllOfATagHoweverManyAttributesItHas() {
        let flags = (0..<300).map { " a\($0)" }.joined()
        #expect(MessageSanitizer().review("<details\(flags) ontoggle=alert(1)>").danger == "too much markup")
    }

    @Test func leavesNoElementThatActs() {
        var attacks = MutatedAttacks(seed: 1)
        for _ in 0..<4_000 {
            let attack = attacks.next()
            let review = MessageSanitizer().review(attack)
            if ["too much markup", "nested markup"].contains(review.danger) { continue }
            let left = actingElements(in: review.text)
            #expect(left.isEmpty, "\(attack.debugDescription) became \(review.text.debugDescription)")
        }
    }
}

/// What the parser finds in a text that runs, loads, sends or restyles.
private func actingElements(in text: String) -> [String] {
    var options = kGumboDefaultOptions
    var text = text
    return text.withUTF8 { bytes in
        let start = UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
        guard let output = gumbo_parse_with_options(&options, start, bytes.count) else { return ["no memory"] }
        defer { gumbo_destroy_output(&options, output) }
        var found: [String] = []
        var nodes = [output.pointee.root]
        while let node = nodes.popLast() {
            guard let node, [GUMBO_NODE_ELEMENT, GUMBO_NODE_TEMPLATE].contains(node.pointee.type) else { continue }
            let element = node.pointee.v.element
            nodes += pointers(element.children).map { $0.assumingMemoryBound(to: GumboNode.self) }
            let name = name(of: element)
            let attributes = pointers(element.attributes).map {
                let attribute = $0.assumingMemoryBound(to: GumboAttribute.self).pointee
                return (String(cString: attribute.name), String(cString: attribute.value))
            }
            if acts(name, attributes) { found.append(name) }
        }
        return found
    }
}

private func acts(_ name: String, _ attributes: [(name: String, value: String)]) -> Bool {
    if ["script", "style", "svg", "math"].contains(name) { return true }
    return attributes.contains { attribute, value in
        guard !value.isEmpty else { return false }
        if attribute == "style" || attribute.wholeMatch(of: /on[a-z]{3,}/) != nil { return true }
        switch name {
        case "a", "area": return ["href", "ping"].contains(attribute)
        case "base", "link": return attribute == "href"
        case "img", "source": return ["src", "srcset"].contains(attribute)
        case "iframe": return ["src", "srcdoc"].contains(attribute)
        case "frame", "embed", "audio", "video", "input": return attribute == "src"
        case "form": return attribute == "action"
        case "button": return attribute == "formaction"
        case "object": return attribute == "data"
        case "meta": return attribute == "content"
        default: return false
        }
    }
}

private func name(of element: GumboElement) -> String {
    if element.tag != GUMBO_TAG_UNKNOWN { return String(cString: gumbo_normalized_tagname(element.tag)) }
    var piece = element.original_tag
    gumbo_tag_from_original_text(&piece)
    return String(decoding: UnsafeRawBufferPointer(start: piece.data, count: Int(piece.length)), as: UTF8.self)
        .lowercased()
}

private func pointers(_ vector: GumboVector) -> [UnsafeMutableRawPointer] {
    (0..<Int(vector.length)).compactMap { vector.data[$0] }
}
