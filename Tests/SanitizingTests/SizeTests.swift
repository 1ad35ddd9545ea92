import Chat
import Support
import Testing

@testable import Sanitizing

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

    /// Each would keep the parser busy for 20 to 85 ms.
    @Test func reportsWhatTheParserWouldTakeLongFor() {
        let raws = [
            Self.repeated("&xx", 43_690), Self.repeated("&#x;", 32_768), "<title>" + Self.repeated("<", 131_000),
            Self.repeated("<svg>", 490) + Self.repeated("</x>", 3_400),
            Self.repeated("<ul><li>", 499) + Self.repeated("</p>", 2_900),
            (0..<99).map { "<b a\($0)>" }.joined() + Self.repeated("<div>x", 400) + Self.repeated("</b>", 3_400),
        ]
        for raw in raws {
            let problem = MessageSanitizer(mode: .strict).clean(raw).problem
            #expect(problem == "too much markup", "\(raw.suffix(8)) after \(raw.prefix(8))")
        }
    }

    /// None of it is markup: it never reaches the parser.
    @Test func readsAnyNumberOfSigns() {
        for raw in [Self.repeated("<", 131_072), Self.repeated("`< & ", 26_214)] {
            #expect(MessageSanitizer(mode: .strict).clean(raw).problem == nil)
        }
    }

    @Test func takesAFewTimesAsLongAsPlainTextDoes() {
        for unit in ["<mtext a b c d>", "<ul a b c d>é", "`<"] {
            let raw = Self.repeated(unit, min(2_000, 32_768 / unit.utf8.count))
            let plain = "<b>" + Self.repeated("x", raw.utf8.count)
            let limit = processorTime { _ = MessageSanitizer(mode: .strict).clean(plain) } * 20
            #expect(processorTime { _ = MessageSanitizer().clean(raw) } < limit, "\(unit)")
        }
    }

    private static func repeated(_ unit: String, _ count: Int) -> String { String(repeating: unit, count: count) }

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
        #expect(MessageSanitizer(mode: .strict).clean(raw).problem == nil)
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
