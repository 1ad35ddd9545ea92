/// Something in a text that starts like a tag, and what can be said of it without a parse of the whole.
struct Tag {
    /// In bytes of the text, from the `<` to behind the `>`, or to the text's end when no `>` closes it.
    var range: Range<Int>
    var isEndTag: Bool
    var isClosed: Bool
    /// ASCII letters in lower case.
    var name: String
    /// Such as `Link`: not how HTML is written.
    var isCapitalised: Bool
    var attributes: Attributes

    /// What tells a tag's attributes from the middle of a program.
    struct Attributes {
        var count = 0
        var hasValue = false
        var hasQuotedValue = false
        /// A name that no HTML attribute has, such as `&&` or `f(x)`.
        var hasForeignName = false
        /// Something that makes a browser act: an event handler, an address or a style, with its value.
        var isActive = false
        var hasEventHandler = false
        /// A name without value that HTML does not define as such.
        var hasUnknownFlag = false
    }
}

extension Tag.Attributes {
    /// More than any real tag has. The parser compares each attribute with all before it.
    static let maximum = 256

    private static let active: Set<String> = [
        "href", "src", "style", "action", "formaction", "srcdoc", "xlink:href", "background", "poster", "dynsrc",
        "lowsrc",
    ]

    private static let flags: Set<String> = [
        "async", "autofocus", "autoplay", "checked", "compact", "contenteditable", "controls", "default", "defer",
        "disabled", "download", "formnovalidate", "hidden", "inert", "ismap", "itemscope", "loop", "multiple", "muted",
        "nomodule", "noresize", "noshade", "novalidate", "nowrap", "open", "playsinline", "readonly", "required",
        "reversed",
        "scoped", "selected",
    ]

    mutating func add(_ name: String, hasValue: Bool, isQuoted: Bool) {
        count += 1
        self.hasValue = self.hasValue || hasValue
        hasQuotedValue = hasQuotedValue || isQuoted
        hasForeignName = hasForeignName || name.utf8.contains(where: Self.isForeign)
        hasEventHandler = hasEventHandler || (hasValue && Self.isEventHandler(name))
        isActive = isActive || hasEventHandler || (hasValue && Self.active.contains(name))
        hasUnknownFlag = hasUnknownFlag || (!hasValue && !Self.flags.contains(name))
    }

    /// `on` and three letters or more, whatever follows: browsers of old took `onload!#$=` for `onload=`.
    private static func isEventHandler(_ name: String) -> Bool {
        let bytes = name.utf8
        return bytes.count >= 5 && name.hasPrefix("on") && bytes.dropFirst(2).prefix(3).allSatisfy { 0x61...0x7A ~= $0 }
    }

    private static func isForeign(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"),
            UInt8(ascii: "}"), UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "+"), UInt8(ascii: "!"),
            UInt8(ascii: "?"), UInt8(ascii: "$"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"),
            UInt8(ascii: "\\"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
