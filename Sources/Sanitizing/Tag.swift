/// Something in a text that starts like a tag, and what can be said of it without a parse of the whole.
struct Tag {
    /// In bytes of the text, from the `<` to behind the `>`, or to the text's end when no `>` closes it.
    var range: Range<Int>
    var isEndTag: Bool
    var isClosed: Bool
    /// ASCII letters in lower case; only the first ``longestName`` bytes.
    var name: String
    /// Such as `Link`: not how HTML is written.
    var isCapitalised: Bool
    var isSelfClosing: Bool
    var attributes: Attributes

    /// Nothing but its name.
    var isBare: Bool { !isEndTag && isClosed && !isSelfClosing && attributes.count == 0 }

    /// What goes when it is markup: all of it, or of one that never ends and does nothing by its attributes, its name.
    var cut: Range<Int> {
        isClosed || attributes.acting.act(on: name)
            ? range : range.lowerBound..<(range.lowerBound + (isEndTag ? 2 : 1) + name.utf8.count)
    }

    /// Longer than any name of HTML, SVG or MathML.
    static let longestName = 64

    /// Elements that act without any attribute: a program, a style sheet, and the vocabularies in which elements that HTML
    /// does not know act too.
    private static let acting: Set<String> = ["script", "style", "svg", "math"]

    /// - Parameter name: an element's, in lower case.
    static func isForeign(_ name: String) -> Bool { name == "svg" || name == "math" }

    /// A browser would act on it, whatever else it looks like.
    var isActing: Bool { Self.acts(name) || attributes.acting.act(on: name) }

    /// - Parameter name: an element's, in lower case.
    static func acts(_ name: String) -> Bool { acting.contains(name) }

    /// What tells a tag's attributes from the middle of a program.
    struct Attributes {
        var count = 0
        var hasValue = false
        var hasQuotedValue = false
        /// A name that no HTML attribute has, such as `&&` or `f(x)`.
        var hasForeignName = false
        /// A name without value that HTML does not define as such.
        var hasUnknownFlag = false
        var acting: ActingAttributes = []
    }
}

extension Tag.Attributes {
    /// More than any real tag has. The parser compares each attribute with all before it.
    static let maximum = 256

    /// No name of a flag or an acting attribute is longer.
    static let longestKnownName = 15
    private static let shortestFlag = 4

    private static let flags: Set<String> = [
        "async", "autofocus", "autoplay", "checked", "compact", "contenteditable", "controls", "default", "defer",
        "disabled", "download", "formnovalidate", "hidden", "inert", "ismap", "itemscope", "loop", "multiple", "muted",
        "nomodule", "noresize", "noshade", "novalidate", "nowrap", "open", "playsinline", "readonly", "required",
        "reversed",
        "scoped", "selected",
    ]

    /// One attribute.
    ///
    /// - Parameters:
    ///   - name: its bytes as they were typed.
    ///   - start: at least the first ``longestKnownName`` bytes of the name, in lower case.
    ///   - isEmpty: of the value.
    init(
        _ name: Slice<UnsafeBufferPointer<UInt8>>, startingWith start: @autoclosure () -> String, hasValue: Bool,
        isQuoted: Bool, isEmpty: Bool
    ) {
        let isKnownLength = name.count <= Self.longestKnownName
        count = 1
        self.hasValue = hasValue
        hasQuotedValue = isQuoted
        hasForeignName = name.contains(where: Self.isForeign)
        hasUnknownFlag =
            !hasValue && !(isKnownLength && name.count >= Self.shortestFlag && Self.flags.contains(start()))
        guard hasValue, !isEmpty else { return }
        let start = start()
        if isKnownLength { acting = ActingAttributes(named: start) }
        if ActingAttributes.isEventHandler(start) { acting.insert(.eventHandler) }
    }

    /// These and others of the same tag.
    mutating func add(_ others: Self) {
        count += others.count
        hasValue = hasValue || others.hasValue
        hasQuotedValue = hasQuotedValue || others.hasQuotedValue
        hasForeignName = hasForeignName || others.hasForeignName
        hasUnknownFlag = hasUnknownFlag || others.hasUnknownFlag
        acting.formUnion(others.acting)
    }

    private static func isForeign(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"),
            UInt8(ascii: "}"), UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "+"), UInt8(ascii: "!"),
            UInt8(ascii: "?"), UInt8(ascii: "$"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"),
            UInt8(ascii: "\\"), UInt8(ascii: "="), UInt8(ascii: "<"):
            true
        default: false
        }
    }
}
