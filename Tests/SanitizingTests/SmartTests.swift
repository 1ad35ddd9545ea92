import Chat
import Sanitizing
import Testing

@Suite(.timeLimit(.minutes(1))) struct SmartTests {
    private func text(_ raw: String) -> String { MessageSanitizer(mode: .smart).review(raw).text }

    @Test(arguments: [
        "What is 2 + 2?", "", "a & b &amp; &lt;b&gt; &#60;", "vector<int>", "#include <stdio.h>",
        "#include <map>\nint x;",
        "#include <time>", "#import <object>", "import <map>;", "List<Object>", "List<Link> links",
        "Map<String, List<Integer>>",
        "Map<String, List<Object>>", "if (a<b && c>d)", "x < 3 and y > 4", "template<typename T = int>",
        "template<class T>",
        "a <- b", "I <3 you", "std::array<time, 3>", "std::vector<map>", "Vec<u8>", "Vec::<b>::new()", "<T>(x: T) => x",
        "i<p",
        "for (i=0;i<a;i++) { s>1 }", "while(i<a && x==3 || y>4)", "if a <b or c> d", "mail <bob@example.com> now",
        "<https://example.com>", "<https://example.com/a?src=1&b=2>", "1<<i", "cout << a << b", "x <> y", "a<", "<",
        "</", "</3",
        "<!", "<?php if ($a) echo 1; ?>", "<note><to>x</to></note>", "std::map<std::string, int> m;", "é<漢>😀",
        "<!ELEMENT note (to)>", "Dictionary<string, object> d", "x <y && style = 1", "fn f<'a>(s: &'a str)", "a<b>>c",
        "Promise<Array<Option>>", "HashMap<u8, Vec<Time>>", "std::cout<<b", "tab\tnew\nline",
        "(?P<title>y)", "/(?<time>[0-9]+)/", "Array<input> = []", "What does <b> do?", "Is a <div> like a <span>?",
        "Why does <p>, of all, need no end?", "cp [-p <data>] <source> <time>", "ssh <user>@<address>",
        "{id|<data>|--x=<time>}", "BLAH <IMG SRC=",
    ])
    func keepsCodeAndProse(_ raw: String) {
        #expect(text(raw) == raw)
    }

    @Test(arguments: [
        ("<b>bold</b> move", "bold move"), ("<script>alert('xss')</script>", ""), ("a<script>x</script >b", "ab"),
        ("a<SCRIPT SRC=//x.y></SCRIPT>b", "ab"), ("a<style>p{}</style>b", "ab"), ("a<!-- c -->b", "ab"),
        ("a<!-->b", "ab"),
        ("a<!-- <b> --!>b", "ab"), ("<!DOCTYPE html><html><body>x</body></html>", "x"),
        ("line<br>next<br/>x", "linenextx"),
        ("<p>one<p>two", "onetwo"), ("x</td>y", "xy"), ("</p>x</br>", "x"), ("<tr><td>z", "z"),
        ("a<body>b<body class=c>d", "abd"),
        ("<img src=x onerror=alert(1)>", ""), (#"<img src="x" alt="a > b">c"#, "c"), ("<svg onload=alert(1)>x", "x"),
        (#"<a href="javascript:x">link</a>"#, "link"), ("<iframe src=//x></iframe>", ""),
        ("<x onclick=alert(1)>y</x>", "y"),
        (#"<foo bar="baz">q</foo>"#, "q"), ("<svg><path d='M0'/></svg>z", "z"),
        ("<scr<script>ipt>alert(1)</script>", "<scr"),
        ("<scr<b>ipt>alert(1)</scr</b>ipt>", ""), ("<<b>b>x", "x"), ("text<b>bold</b>text", "textboldtext"),
        ("vector<int> <b>x</b>", "vector<int> x"), ("<table>x<tr><td>1</td></table>", "x1"),
        ("<textarea><b>x</b></textarea>", "x"),
        ("x<object data='y'></object>z", "xz"), (#"<IMG SRC="javascript:alert('XSS')""#, ""),
        ("<b\nclass=x\n>y</b\n>", "y"),
        ("<details open ontoggle=alert(1)>x", "x"), ("<BODY onload!#$=alert(1)>x", "x"),
        ("unended <!-- comment", "unended  comment"), ("unended <script>tag", "unended tag"),
        ("<input disabled>x", "x"),
        ("<script foo>alert(1)</script>", ""), ("a<svg/onload=alert(1)>b", "ab"),
        ("<b>1</b> < 2 & <i>3</i>", "1 < 2 & 3"),
        ("<dialog open>x</dialog>", "x"), ("x<style>", "x"), ("x<iframe> y", "x y"), ("<math><mi>x</mi></math>", "x"),
        ("<template><b>x</b></template>", "x"),
        ("<noscript><b>x</b></noscript>", "x"), ("<script><!-- <script> </script> --></script>x", " -->x"),
        ("<title>a</title>b", "ab"), ("What does <b>this</b> do?", "What does this do?"),
        ("<b> at the start", " at the start"),
        ("Name=<br> Age=<br>", "Name= Age="), ("<data> <time> at the start", "  at the start"),
        ("What does <script> do?", "What does  do?"), ("What does <b class=x> do?", "What does  do?"),
        ("one <iframe> two", "one  two"), ("x\n<dl && y=z>w", "x\nw"), ("a <b class=x && c> d", "a  d"),
        ("\u{A0}<p && x>y", "\u{A0}y"),
    ])
    func removesMarkup(_ raw: String, leaving expected: String) {
        #expect(text(raw) == expected)
    }

    @Test func reportsMarkupThatNeverEnds() {
        let depth = MessageSanitizer.maximumPasses + 2
        let raw = String(repeating: "<b ", count: depth) + String(repeating: ">", count: depth)
        #expect(MessageSanitizer().review(raw).danger == "nested markup")
        #expect(MessageSanitizer().review("<b <b <b >>>x") == Review(text: "x", danger: nil))
    }
}

@Suite(.timeLimit(.minutes(1))) struct ControlCharacterTests {
    @Test(arguments: MessageSanitizer.Mode.allCases)
    func removesControlCharactersInEveryMode(_ mode: MessageSanitizer.Mode) {
        let raw = "a\0b\u{1}c\u{7F}d\u{80}e\u{9F}f\u{1B}[0mg\u{A1}h\r\ni\rj\tk\n\u{85}"
        #expect(MessageSanitizer(mode: mode).review(raw).text == "abcdef[0mg\u{A1}h\ni\nj\tk\n")
    }

    @Test func offKeepsMarkup() {
        #expect(MessageSanitizer(mode: .off).review("<b>x</b>\0").text == "<b>x</b>")
    }
}
