/// Reads tags the way the HTML standard's tokenizer does (sections 13.2.5.6 to 13.2.5.40), from any `<` of a text.
///
/// A `<` in a tag is part of a name or of a value, as it is for a browser; it may also start a tag of its own, which
/// counts once the outer one turns out to be code. Tags that overlap end alike, so what follows a place is read once:
/// the work grows with the text's length, not with the number of tags that a `>` closes.
struct TagReader {
    let bytes: UnsafeBufferPointer<UInt8>
    /// What follows in a tag from a place where an attribute begins, and for each byte its number in there, or -1.
    private var rests: [Rest] = []
    private var numbers: [Int32]
    /// The last run of bytes without an end of a name, and without an end of an unquoted value.
    private var nameRun = 0..<0
    private var valueRun = 0..<0

    private struct Rest {
        var attributes = Tag.Attributes()
        let end: Int
        let isClosed: Bool
    }

    init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        numbers = Array(repeating: -1, count: bytes.count + 1)
    }

    /// The tag whose `<` is at `start`; nil when none starts there.
    mutating func tag(at start: Int) -> Tag? {
        let isEndTag = byte(start + 1) == UInt8(ascii: "/")
        let nameStart = start + (isEndTag ? 2 : 1)
        guard let first = byte(nameStart), Self.isLetter(first) else { return nil }
        if !nameRun.contains(nameStart) {
            nameRun =
                nameStart..<skip(from: nameStart) {
                    !Self.isBlank($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ">")
                }
        }
        let nameEnd = nameRun.upperBound
        let rest = rest(from: nameEnd)
        return Tag(
            range: start..<rest.end, isEndTag: isEndTag, isClosed: rest.isClosed,
            name: lowercased(nameStart..<min(nameEnd, nameStart + Tag.longestName)),
            isCapitalised: !Self.isLower(first) && nameEnd > nameStart + 1 && Self.isLower(bytes[nameStart + 1]),
            isSelfClosing: rest.isClosed && bytes[rest.end - 2] == UInt8(ascii: "/"), attributes: rest.attributes)
    }

    private mutating func rest(from start: Int) -> Rest {
        var attributes: [(place: Int, attribute: Tag.Attributes)] = []
        var index = skipToAttribute(from: start)
        while numbers[index] < 0, let next = byte(index), next != UInt8(ascii: ">") {
            let (attribute, end) = attribute(at: index)
            attributes.append((index, attribute))
            index = skipToAttribute(from: end)
        }
        let isClosed = index < bytes.count
        var rest =
            numbers[index] < 0
            ? Rest(end: isClosed ? index + 1 : index, isClosed: isClosed) : rests[Int(numbers[index])]
        for (place, attribute) in attributes.reversed() {
            rest.attributes.add(attribute)
            numbers[place] = Int32(rests.count)
            rests.append(rest)
        }
        return rest
    }

    /// One attribute, and where it ends.
    private mutating func attribute(at start: Int) -> (Tag.Attributes, end: Int) {
        var index = start
        while let next = byte(index), !Self.isBlank(next), next != UInt8(ascii: "/"), next != UInt8(ascii: ">") {
            if next == UInt8(ascii: "="), index > start { break }
            index += 1
        }
        let name = bytes[start..<index]
        let nameStart = start..<min(index, start + Tag.Attributes.longestKnownName)
        func attribute(hasValue: Bool, isQuoted: Bool = false, isEmpty: Bool = false) -> Tag.Attributes {
            Tag.Attributes(
                name, startingWith: lowercased(nameStart), hasValue: hasValue, isQuoted: isQuoted, isEmpty: isEmpty)
        }
        let afterName = skip(from: index, while: Self.isBlank)
        guard byte(afterName) == UInt8(ascii: "=") else { return (attribute(hasValue: false), index) }
        index = skip(from: afterName + 1, while: Self.isBlank)
        if let quote = byte(index), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            let close = skip(from: index + 1) { $0 != quote }
            return (
                attribute(hasValue: true, isQuoted: true, isEmpty: close == index + 1), min(close + 1, bytes.count)
            )
        }
        if !valueRun.contains(index) {
            valueRun = index..<skip(from: index) { !Self.isBlank($0) && $0 != UInt8(ascii: ">") }
        }
        let end = valueRun.isEmpty ? index : valueRun.upperBound
        return (attribute(hasValue: true, isEmpty: end == index), end)
    }

    private func skipToAttribute(from start: Int) -> Int {
        skip(from: start) { Self.isBlank($0) || $0 == UInt8(ascii: "/") }
    }

    private func byte(_ index: Int) -> UInt8? {
        index < bytes.count ? bytes[index] : nil
    }

    private func skip(from start: Int, while condition: (UInt8) -> Bool) -> Int {
        var index = start
        while index < bytes.count, condition(bytes[index]) { index += 1 }
        return index
    }

    private func lowercased(_ range: Range<Int>) -> String {
        String(unsafeUninitializedCapacity: range.count) { text in
            text.initialize(fromContentsOf: bytes[range].lazy.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 })
        }
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0C }

    static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }

    private static func isLower(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte }
}
