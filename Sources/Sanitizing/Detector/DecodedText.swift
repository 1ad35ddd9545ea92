/// A text as the program that it attacks would come to see it: in small letters, with its escapes resolved.
///
///     %27  %2527  &#39;  &quot;  \u0027  \x27  %u0027  ＇ (full width)  ’ (typographic)  ──▶  the character
///
/// Each layer of escapes is one walk over the text; a third layer, escapes of escapes of escapes, stays as it is.
enum DecodedText {
    /// Escapes of escapes are resolved as often as this.
    static let layers = 3

    /// - Returns: ASCII letters in lower case, runs of blanks as one blank, no invisible characters.
    static func decoded(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var bytes = Array(text)
        for _ in 0..<layers {
            var reader = EscapeReader(bytes)
            guard let next = reader.resolved() else { break }
            bytes = next
        }
        return plain(bytes)
    }

    /// With the comments of SQL as blanks, and what MySQL executes of them kept; nil when there are none.
    /// In a text without any blank, a plus sign is one.
    static func statement(_ text: [UInt8]) -> [UInt8]? {
        let isJoined = text.withUnsafeBufferPointer { $0.has(UInt8(ascii: "+")) && !$0.has(blank) }
        guard isJoined else { return withoutComments(text) }
        let text = text.map { $0 == UInt8(ascii: "+") ? blank : $0 }
        return withoutComments(text) ?? text
    }

    /// With comments as blanks.
    private static func withoutComments(_ text: [UInt8]) -> [UInt8]? {
        guard hasComment(text) else { return nil }
        var kept: [UInt8] = []
        kept.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == slash, index + 2 < text.count, text[index + 1] == star {
                index += 2
                if text[index] == UInt8(ascii: "!") {
                    index += 1
                    while index < text.count, 0x30...0x39 ~= text[index] { index += 1 }
                } else if let end = endOfComment(text, from: index) {
                    index = end
                } else {
                    kept += [slash, star]
                    continue
                }
                if kept.last != blank { kept.append(blank) }
            } else if text[index] == star, index + 1 < text.count, text[index + 1] == slash {
                index += 2
            } else if let end = endOfLineComment(text, from: index) {
                index = end
            } else {
                if text[index] != blank || kept.last != blank { kept.append(text[index]) }
                index += 1
            }
        }
        return kept
    }

    private static func hasComment(_ text: [UInt8]) -> Bool {
        text.withUnsafeBufferPointer { text in
            if text.has(0x0A), text.has(UInt8(ascii: "#")) || text.has(dash) { return true }
            guard text.has(star) else { return false }
            var last: UInt8 = 0
            for byte in text {
                if byte == star, last == slash { return true }
                last = byte
            }
            return false
        }
    }

    /// The end of a comment that takes the rest of its line; a comment on the text's last line is the rules' matter.
    private static func endOfLineComment(_ text: [UInt8], from start: Int) -> Int? {
        let isDashes = text[start] == dash && start + 1 < text.count && text[start + 1] == dash
        guard isDashes || text[start] == UInt8(ascii: "#") else { return nil }
        return text[start...].prefix(256).firstIndex(of: 0x0A)
    }

    private static func endOfComment(_ text: [UInt8], from start: Int) -> Int? {
        let last = min(text.count - 1, start + 64)
        guard start < last else { return nil }
        return (start..<last).first { text[$0] == star && text[$0 + 1] == slash }.map { $0 + 2 }
    }

    private static func plain(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBufferPointer { bytes in
            Array(unsafeUninitializedCapacity: bytes.count) { kept, count in
                var index = 0
                while index < bytes.count {
                    let byte = bytes[index]
                    var written = byte
                    index += 1
                    switch byte {
                    case 0x61...0x7A: break
                    case 0x41...0x5A: written = byte | 0x20
                    case 0x0A, 0x0D: written = 0x0A
                    case 0x09...0x0C: written = blank
                    case 0x00...0x1F, 0x7F: continue
                    case 0x80...:
                        let (replacement, length) = folded(bytes, index - 1)
                        index += length - 1
                        guard let replacement else {
                            for position in (index - length)..<index {
                                kept[count] = bytes[position]
                                count += 1
                            }
                            continue
                        }
                        if replacement == 0 { continue }
                        written = replacement
                    default: break
                    }
                    // Of a run of blanks the line's end stays, if there is one.
                    if written == blank || written == 0x0A, count > 0,
                        kept[count - 1] == blank || kept[count - 1] == 0x0A
                    {
                        if written == 0x0A { kept[count - 1] = written }
                        continue
                    }
                    kept[count] = written
                    count += 1
                }
            }
        }
    }

    /// - Returns: what stands for the character that starts here, 0 for nothing and nil for itself; and its bytes.
    private static func folded(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> (UInt8?, Int) {
        let first = bytes[index]
        if first == 0xC2, index + 1 < bytes.count {
            return switch bytes[index + 1] {
            case 0x80...0x9F, 0xAD: (0, 2)
            case 0xA0: (blank, 2)
            case 0xB4: (UInt8(ascii: "'"), 2)
            default: (nil, 2)
            }
        }
        guard first & 0xF0 == 0xE0, index + 2 < bytes.count else { return (nil, 1) }
        let scalar = UInt32(first & 0xF) << 12 | UInt32(bytes[index + 1] & 0x3F) << 6 | UInt32(bytes[index + 2] & 0x3F)
        return switch scalar {
        case 0xFF21...0xFF3A: (UInt8(scalar - 0xFEE0) | 0x20, 3)
        case 0xFF01...0xFF5E: (UInt8(scalar - 0xFEE0), 3)
        case 0x2018, 0x2019, 0x2032: (UInt8(ascii: "'"), 3)
        case 0x201C, 0x201D, 0x2033: (UInt8(ascii: "\""), 3)
        case 0x2000...0x200A, 0x3000, 0x2028, 0x2029: (blank, 3)
        case 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2064, 0xFEFF: (0, 3)
        case 0x2215, 0x2044, 0xF025: (slash, 3)
        case 0x2216, 0xEFC8: (UInt8(ascii: "\\"), 3)
        default: (nil, 3)
        }
    }

    private static let slash = UInt8(ascii: "/")
    private static let dash = UInt8(ascii: "-")
    private static let star = UInt8(ascii: "*")
    private static let blank = UInt8(ascii: " ")
}
