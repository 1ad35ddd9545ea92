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
        // What is around the text may close it: a page, or the tag that a renderer writes behind a quotation.
        ("> <script s<https:c=x\n\n    y", ">  s<https:c=x\n\n    y"), ("x <style y", "x  y"), ("a <svg", "a "),
        ("> <div x=\"\n\na b", ">  x=\"\n\na b"),
        // A tag begins a line when all before it goes.
        ("<!-- --><p && x>y", "y"), ("<br> <dl && x>y", " y"),
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

    @Test func removesAllThatBeginsALineAtOnce() {
        let raw = String(repeating: "<mtext a b c d>", count: 3 * MessageSanitizer.maximumPasses) + "x"
        #expect(MessageSanitizer().review(raw) == Review(text: "x", danger: nil))
    }

    @Test func readsAllOfATagHoweverManyAttributesItHas() {
        let flags = (0..<300).map { " a\($0)" }.joined()
        let review = MessageSanitizer().review("<details\(flags) ontoggle=alert(1)>")
        #expect(review.danger != nil && !review.text.contains("<"))
    }
}
