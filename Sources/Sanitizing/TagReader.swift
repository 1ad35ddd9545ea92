/// Reads one tag the way the HTML standard's tokenizer does (sections 13.2.5.6 to 13.2.5.40), but stops at a `<`
/// outside quotes: what starts there is looked at first, and what is left of the outer tag in the next pass.
struct TagReader {
    let bytes: UnsafeBufferPointer<UInt8>

    /// The tag whose `<` is at `start`; nil when none starts there.
    func tag(at start: Int) -> Tag? {
        let isEndTag = byte(start + 1) == UInt8(ascii: "/")
        var index = start + (isEndTag ? 2 : 1)
        guard let first = byte(index), Self.isLetter(first) else { return nil }
        let nameStart = index
        while let next = byte(index), !Self.isBlank(next), next != UInt8(ascii: "/"), next != UInt8(ascii: ">") {
            guard next != UInt8(ascii: "<") else { return nil }
            index += 1
        }
        let isCapitalised = !Self.isLower(first) && index > nameStart + 1 && Self.isLower(bytes[nameStart + 1])
        var tag = Tag(
            range: start..<index, isEndTag: isEndTag, isClosed: false, name: lowercased(nameStart..<index),
            isCapitalised: isCapitalised, attributes: .init())
        while tag.attributes.count <= Tag.Attributes.maximum {
            index = skip(from: index) { Self.isBlank($0) || $0 == UInt8(ascii: "/") }
            guard let next = byte(index) else { break }
            if next == UInt8(ascii: ">") {
                tag.isClosed = true
                index += 1
                break
            }
            guard let end = attribute(at: index, of: &tag.attributes) else { return nil }
            index = end
        }
        tag.range = start..<index
        return tag
    }

    /// Adds one attribute and returns where it ends; nil at a `<`.
    private func attribute(at start: Int, of attributes: inout Tag.Attributes) -> Int? {
        var index = start
        while let next = byte(index), !Self.isBlank(next), next != UInt8(ascii: "/"), next != UInt8(ascii: ">") {
            guard next != UInt8(ascii: "<") else { return nil }
            if next == UInt8(ascii: "="), index > start { break }
            index += 1
        }
        let name = lowercased(start..<index)
        let afterName = skip(from: index, while: Self.isBlank)
        guard byte(afterName) == UInt8(ascii: "=") else {
            attributes.add(name, hasValue: false, isQuoted: false)
            return index
        }
        index = skip(from: afterName + 1, while: Self.isBlank)
        if let quote = byte(index), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            attributes.add(name, hasValue: true, isQuoted: true)
            return min(skip(from: index + 1) { $0 != quote } + 1, bytes.count)
        }
        attributes.add(name, hasValue: true, isQuoted: false)
        let end = skip(from: index) { !Self.isBlank($0) && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "<") }
        return byte(end) == UInt8(ascii: "<") ? nil : end
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
        String(decoding: bytes[range].map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0C }

    static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }

    private static func isLower(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte }
}
