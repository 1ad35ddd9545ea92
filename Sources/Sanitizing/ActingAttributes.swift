/// Attributes whose value makes a browser act: run a program, load something, send something, change how a page looks.
/// Event handlers, styles and what a page's styles go by act on every element; the others only where the HTML standard
/// gives them a meaning, now or in the past.
struct ActingAttributes: OptionSet {
    let rawValue: UInt32

    static let eventHandler = Self(rawValue: 1 << 31)
    static let style = Self(rawValue: 1 << 30)
    /// What the style sheets and programs of a page go by.
    static let hook = Self(rawValue: 1 << 29)

    private static let elements: [(attribute: String, elements: Set<String>)] = [
        ("action", ["form", "isindex"]),
        ("archive", ["applet", "object"]),
        ("background", ["body", "table", "tbody", "td", "tfoot", "th", "thead", "tr"]),
        ("classid", ["object"]),
        ("code", ["applet", "embed", "object"]),
        ("codebase", ["applet", "object"]),
        ("content", ["meta"]),
        ("data", ["object"]),
        ("dynsrc", ["image", "img", "input", "isindex"]),
        ("formaction", ["button", "input", "isindex"]),
        ("href", ["a", "area", "base", "link"]),
        ("imagesrcset", ["link"]),
        ("lowsrc", ["image", "img", "input", "isindex"]),
        ("manifest", ["html"]),
        ("object", ["applet"]),
        ("ping", ["a", "area"]),
        ("poster", ["video"]),
        (
            "src",
            [
                "audio", "bgsound", "embed", "frame", "iframe", "image", "img", "input", "isindex", "script", "source",
                "track",
                "video",
            ]
        ),
        ("srcdoc", ["iframe"]),
        ("srcset", ["image", "img", "source"]),
        ("xlink:href", ["a"]),
    ]

    private static let byName: [String: Self] = Dictionary(
        uniqueKeysWithValues: elements.enumerated().map { ($1.attribute, Self(rawValue: 1 << UInt32($0))) }
            + [("style", .style), ("class", .hook), ("id", .hook)])

    private static let byElement: [String: Self] = elements.enumerated().reduce(into: [:]) { acting, row in
        for element in row.element.elements {
            acting[element, default: []].insert(Self(rawValue: 1 << UInt32(row.offset)))
        }
    }

    /// - Parameter name: an attribute's, in lower case, that has a value.
    init(named name: String) {
        self = Self.byName[name] ?? []
    }

    /// `on` and three letters or more, whatever follows: browsers of old took `onload!#$=` for `onload=`.
    ///
    /// - Parameter name: an attribute's, or how it begins, in lower case.
    static func isEventHandler(_ name: String) -> Bool {
        let bytes = name.utf8
        return bytes.count >= 5 && bytes.starts(with: "on".utf8)
            && bytes.dropFirst(2).prefix(3).allSatisfy { 0x61...0x7A ~= $0 }
    }

    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// - Parameter name: an element's, in lower case.
    func act(on name: String) -> Bool {
        !isDisjoint(with: [.eventHandler, .style, .hook, Self.byElement[name] ?? []])
    }
}
