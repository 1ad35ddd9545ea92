import Chat
import Sanitizing
import Support
import Testing

/// Texts made to be slow or deep, each of 16 KiB, on a stack as small as a worker's threads have.
@Suite(.serialized, .timeLimit(.minutes(1))) struct SizeTests {
    /// Far above what a build without optimisation needs, far below what quadratic work would take.
    private static let limit = Duration.seconds(1)

    static let units = [
        "<b>", "<div>", "<table><tr><td>", "<svg>", "</b>", "</p>", "<b", "<b ", "<", "<!--", "<!-- -->", "<!", "<?",
        "<a x=",
        "<a x='", "<a x=\"<a y='", "<a/x=<a", "<p><b a=1>x", "<script>", "<style>", "<script></script>", "<script", "&",
        "&lt;", "{",
        "{{", "${", "<%=", "<%= % ", "../a", "../", "'or ", "' or 'a", "; ", "data:", "\0", "\r\n", "<title>",
        "<select>", "<x y='z'>",
        "<a b c d e f g h i j k l>", "'", "a<b>", "vector<int> ", "<noscript>", "<b a=1 a=2>",
        "<!doctype ",
        "<script </script>", "{{a", "<a<", "<a/x=", "<a/x='", "<a x=\"<b y='", "</a ", "</a<", "<a \"", "<a x=",
        "`", "` ", "`<b>` ", "``a` ", "```\n", "~~~\n", "\n    <x>\n", "[a](`", "|`|\n|-|\n", "<x>\n", "- ", "List<p> ",
    ]

    @Test(arguments: MessageSanitizer.Mode.allCases)
    func takesNoLongerThanTheSizeAllows(_ mode: MessageSanitizer.Mode) {
        onSmallStack {
            let sanitizer = MessageSanitizer(mode: mode)
            for unit in Self.units {
                let raw = String(repeating: unit, count: 16_384 / unit.utf8.count)
                let time = processorTime { _ = sanitizer.review(raw) }
                #expect(time < Self.limit, "\(mode) \(unit.debugDescription)")
            }
        }
    }

    /// Each takes the parser longer for its size than any other of its kind.
    private static let shapes = [
        ("<b>", "<"), ("<title>", "<"), ("<svg>", "<"), ("", "&xx"), ("", "&#x;"), ("<b>", "`<"), ("<![CDATA[", "]"),
        (repeated("<svg>", 490), "</x>"), (repeated("<ul><li>", 245), "</p>"),
        ((0..<99).map { "<b a\($0)>" }.joined() + repeated("<div>x", 400), "</b>"), ("<p>", "<b a b c d>x"),
        ("", "<mtext a b c d>"), ("", "<ul a b c d>é"), ("<table>", "<b>x"), ("<a>", "|a|\n|-|\n"), ("<a>", "**"),
    ]

    private static func repeated(_ unit: String, _ count: Int) -> String { String(repeating: unit, count: count) }

    @Test(arguments: [MessageSanitizer.Mode.smart, .strict])
    func takesAFewTimesAsLongAsPlainTextDoes(_ mode: MessageSanitizer.Mode) {
        @Sendable func time(_ mode: MessageSanitizer.Mode, _ raw: String) -> Duration {
            processorTime { _ = MessageSanitizer(mode: mode).review(raw) }
        }
        onSmallStack {
            let size = 32_768
            let plain = "<b>" + Self.repeated("x", size)
            let limit = max(time(.strict, plain), time(.strict, plain)) * 12
            for (start, unit) in Self.shapes {
                let isMarkup = unit.contains("<") && unit.count > 2
                let raw = start + Self.repeated(unit, isMarkup ? 3_400 : (size - start.utf8.count) / unit.utf8.count)
                #expect(time(mode, raw) < limit || time(mode, raw) < limit, "\(mode) \(unit.debugDescription)")
            }
        }
    }

    @Test(arguments: MessageSanitizer.Mode.allCases)
    func survivesATagWithThousandsOfAttributes(_ mode: MessageSanitizer.Mode) {
        let raw = "<b" + (0..<4_000).map { " a\($0)" }.joined() + ">x</b>"
        onSmallStack {
            let time = processorTime { _ = MessageSanitizer(mode: mode).review(raw) }
            #expect(time < Self.limit)
        }
    }

    @Test(arguments: [MessageSanitizer.Mode.smart, .strict])
    func reportsMoreTagsThanTheParserMaySee(_ mode: MessageSanitizer.Mode) {
        let raw = String(repeating: "<b>", count: 60_000)
        onSmallStack {
            let review = MessageSanitizer(mode: mode).review(raw)
            #expect(review.danger == "too much markup")
            #expect(!review.text.contains("<"))
        }
    }

    /// A page that was escaped, of the most that a message can have.
    @Test func readsAllOfALongEscapedPage() {
        let raw = String(repeating: "&lt;a href=&quot;#&quot;&gt; &#60; &#x3c; ", count: 3_100)
        #expect(MessageSanitizer(mode: .strict).review(raw).danger != "too much markup")
    }

    /// A page of tables, lists and links, of more tags than a message of 10,000 characters can have.
    @Test(arguments: MessageSanitizer.Mode.allCases)
    func readsAllOfALongPage(_ mode: MessageSanitizer.Mode) {
        onSmallStack {
            let row = "<tr><td>x<td><a href=y>z</a></tr><ul><li>1<li>2</ul>"
            let raw = "<table>" + String(repeating: row, count: 390) + "</table>"
            #expect(MessageSanitizer(mode: mode).review(raw).danger == nil)
        }
    }
}
