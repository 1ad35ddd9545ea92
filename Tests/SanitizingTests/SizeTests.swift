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
            #expect(MessageSanitizer(mode: mode).review(raw) == Review(text: "", danger: "too much markup"))
        }
    }

    @Test(arguments: MessageSanitizer.Mode.allCases)
    func parsesAsManyTagsAsAllowed(_ mode: MessageSanitizer.Mode) {
        let count = MessageSanitizer.maximumTags / 3
        onSmallStack {
            let raw = String(repeating: "<table><tr><td>", count: count) + "x"
            #expect(MessageSanitizer(mode: mode).review(raw).danger == nil)
        }
    }
}
