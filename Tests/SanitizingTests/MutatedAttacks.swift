import Support

/// Attacks, cut and joined and disturbed at random, from a seed that makes them the same in every run.
struct MutatedAttacks {
    private var random: SplitMix

    private static let attacks = [
        "<details open ontoggle=alert(1) <>", "<input autofocus onfocus=alert(1) <>", "<iframe src=//evil.example <>",
        "<a href=javascrip&#116;:alert(1) <>x</a>", "<iframe srcdoc=<svg/o&#x6Eload&equals;alert&lpar;1)&gt;>",
        "<script>alert(1)</script>", "<script src=//evil.example></script>", "<svg/onload=alert(1)>",
        "<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<math><mi xlink:href=javascript:alert(1)>x",
        "<img src=x onerror=alert(1)>", "<IMG SRC=\"x\" ONERROR='alert(1)'>", "<body onload=alert(1)>",
        "<style>*{background:url(//evil.example)}</style>",
        "<x style=\"position:fixed;inset:0\" onclick=alert(1)>y</x>",
        "<form action=//evil.example><button formaction=//evil.example>go</button></form>",
        "<object data=//evil.example></object>", "<embed src=//evil.example>", "<base href=//evil.example>",
        "<meta http-equiv=refresh content=\"0;url=//evil.example\">", "<link rel=stylesheet href=//evil.example>",
        "<video poster=//evil.example><source srcset=//evil.example onerror=alert(1)>",
        "<isindex action=//evil.example>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<select><style></select><img src=x onerror=f()>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--><img src=1 onerror=alert(1)>\">",
        "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">", "<table background=//evil.example><td>",
        "<template><img src=x onerror=alert(1)></template>", "<title><img src=x onerror=alert(1)></title>",
        "<image src=x onerror=alert(1)>", "<plaintext><img src=x onerror=alert(1)>", "<frameset onload=alert(1)>",
        "<textarea><img src=x onerror=alert(1)></textarea>", "<a ping=//evil.example href=#>x</a>",
    ]

    /// What makes a tag look like code, and code like a tag.
    private static let disturbances = [
        "<", "<>", " <", "<b", "<b ", "<b<", ">", "/>", "</", "</b>", "<!--", "-->", "--!>", "<!", "<?", "<![CDATA[",
        "]]>",
        "<!doctype ", "\"", "'", "`", "/", "=", "==", " ", "\n", "\t", "&&", "||", ",", ";", "(", ")", "{", "}", "$",
        "\\",
        "a", "List<", "vector<int>", "import ", "#include ", "#include <map>", "if (a<b && c>d)", "x<", "i<n; ", "::",
        "&lt;",
        "&#60;", "&gt;", "é", "\u{212A}", "\0", "\r", "\u{C}", "<script", "<style", "</script", "</style>", "<svg>",
        "<math>",
        "<title>", "<table>", "<List ", "Array<Style> ", "onclick", " onclick=f()", " href=", " style=x",
        "`", "``", "` ", " `", "\n```\n", "```", "\n~~~\n", "\n\n    ", "\n\n\t", "\n- ", "\n> ", "1. ", "|", "\n|-|\n",
        "$",
        "$$", "](", "][", "[x]: ", "\\`", "http://a/", "www.", "\n[^1]: ", "<note>", "<pre>", " <b> ", "(?P<title>",
        "\n\n",
        "\n   ```", "\u{A0}",
    ]

    init(seed: UInt64) {
        random = SplitMix(state: seed)
    }

    mutating func next() -> String {
        var text = Array(pick(Self.attacks).unicodeScalars)
        for _ in 0..<Int(random.next() % 3) {
            text.insert(contentsOf: pick(Self.attacks).unicodeScalars, at: place(in: text))
        }
        for _ in 0...Int(random.next() % 6) {
            let place = place(in: text)
            switch random.next() % 8 {
            case 0: text.removeSubrange(place..<min(text.count, place + 1 + Int(random.next() % 4)))
            case 1:
                text.insert(
                    contentsOf: text[place..<min(text.count, place + Int(random.next() % 12))], at: self.place(in: text)
                )
            default: text.insert(contentsOf: pick(Self.disturbances).unicodeScalars, at: place)
            }
        }
        return String(String.UnicodeScalarView(text))
    }

    private mutating func pick(_ texts: [String]) -> String { texts[Int(random.next() % UInt64(texts.count))] }

    private mutating func place(in text: [Unicode.Scalar]) -> Int { Int(random.next() % UInt64(text.count + 1)) }
}
