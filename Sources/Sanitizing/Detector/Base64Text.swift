/// A message that is Base64 of a text (RFC 4648, either alphabet) and nothing else.
enum Base64Text {
    /// - Returns: the text, if it is printable ASCII of more than a word; else nil.
    static func decoded(_ text: [UInt8]) -> [UInt8]? {
        guard 12...16_384 ~= text.count else { return nil }
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for byte in text {
            guard let value = value(of: byte) else {
                if byte == UInt8(ascii: "=") || byte <= 0x20 { continue }
                return nil
            }
            bits = bits << 6 | value
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            let next = UInt8(truncatingIfNeeded: bits >> UInt32(count))
            guard 0x20...0x7E ~= next || 0x09...0x0D ~= next || next == 0 else { return nil }
            plain.append(next)
        }
        return plain
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
