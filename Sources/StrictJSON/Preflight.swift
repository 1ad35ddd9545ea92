/// Refuses what must not reach the parser: nesting too deep to recurse into, and a raw U+0000, which it takes for the
/// end of the text.
enum Preflight {
    static func check(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
        var depth = 0
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index = endOfString(bytes, from: index + 1)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                guard depth <= JSON.maximumDepth else { throw JSONError("nesting too deep", near: index) }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
            case 0:
                throw JSONError("invalid syntax", near: index)
            default: break
            }
            index += 1
        }
    }

    /// The closing quote, or the end of the bytes.
    private static func endOfString(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while true {
            index = PlainRun.end(bytes, from: index)
            guard index < bytes.count, bytes[index] != UInt8(ascii: "\"") else { return index }
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
    }
}

/// Finds the stretches of a string that need no escape.
enum PlainRun {
    /// The first byte from `start` on that is a quote, a backslash or a control character; `bytes.count` if none is.
    static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count {
            guard isPlain(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) else { break }
            index += 8
        }
        while index < bytes.count {
            guard isPlain(bytes[index]) else { return index }
            index += 1
        }
        return max(index, bytes.count)
    }

    static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// Whether all eight bytes are (the "has a zero byte" trick, once for each condition).
    static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let control = (word &- ones &* 0x20) & ~word
        return (control | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & tops == 0
    }

    /// None of them needs an escape ``JSONEscapes/forPages`` either: neither `<` and `>` nor `"` and `&`, which differ in one
    /// bit each, nor the first byte of U+2028.
    static func isPlainForPages(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let angle = (word | ones &* 0x02) ^ (ones &* 0x3E)
        let quote = (word | ones &* 0x04) ^ (ones &* 0x26)
        let backslash = word ^ (ones &* 0x5C)
        let separator = word ^ (ones &* 0xE2)
        let control = (word &- ones &* 0x20) & ~word
        let zeros =
            ((angle &- ones) & ~angle) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
            | ((separator &- ones) & ~separator)
        return (control | zeros) & tops == 0
    }
}
