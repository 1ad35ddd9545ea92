internal import Glibc

/// One walk over a text that resolves each escape in it once.
struct EscapeReader {
    private let bytes: [UInt8]
    private var index = 0
    private var resolvedBytes: [UInt8] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Returns: nil when the text has no escape.
    mutating func resolved() -> [UInt8]? {
        let mayEscape = bytes.withUnsafeBufferPointer { $0.has(percent) || $0.has(ampersand) || $0.has(backslash) }
        guard mayEscape else { return nil }
        var copied = 0
        while let next = nextEscape() {
            index = next
            guard let (scalar, length) = escape() else {
                index += 1
                continue
            }
            if copied == 0 { resolvedBytes.reserveCapacity(bytes.count) }
            resolvedBytes.append(contentsOf: bytes[copied..<index])
            append(scalar)
            index += length
            copied = index
        }
        guard copied > 0 else { return nil }
        resolvedBytes.append(contentsOf: bytes[copied...])
        return resolvedBytes
    }

    private func nextEscape() -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            var index = index
            while index < bytes.count {
                switch bytes[index] {
                case percent, ampersand, backslash: return index
                default: index += 1
                }
            }
            return nil
        }
    }

    private mutating func append(_ scalar: UInt32) {
        if scalar < 0x80 {
            resolvedBytes.append(UInt8(scalar))
        } else if let scalar = Unicode.Scalar(scalar) {
            resolvedBytes.append(contentsOf: UTF8.encode(scalar)!)
        }
    }

    private func escape() -> (UInt32, Int)? {
        switch bytes[index] {
        case percent: percentEscape()
        case ampersand: entity()
        default: backslashEscape()
        }
    }

    private func percentEscape() -> (UInt32, Int)? {
        if byte(1) | 0x20 == UInt8(ascii: "u"), let value = hex(from: index + 2, digits: 4) { return (value, 6) }
        if byte(1) == percent { return doublePercentEscape() }
        guard let value = hex(from: index + 1, digits: 2) else { return nil }
        // UTF-8 in percent escapes, also the overlong forms of `.`, `/` and `\` that some decoders take, and a lead
        // byte before a plain character.
        let length = Self.sequenceLength(value)
        guard length > 1 else { return (value, 3) }
        guard byte(3) == percent else { return (value < 0xC2 ? 0 : value, 3) }
        if value < 0xC2, let mark = Self.overlong(value, byte(4), byte(5)) { return (mark, 6) }
        guard let next = hex(from: index + 4, digits: 2) else { return (value, 3) }
        if next < 0x80 { return (next & 0x3F == 0x2E ? 0x2E : next, 6) }
        var scalar = value & (0x7F >> UInt32(length))
        for position in 1..<length {
            guard byte(3 * position) == percent, let next = hex(from: index + 3 * position + 1, digits: 2) else {
                return (value, 3)
            }
            scalar = scalar << 6 | next & 0x3F
        }
        return (scalar, 3 * length)
    }

    /// `%%32%%66`: the digits of an escape as escapes themselves, each after another percent sign.
    private func doublePercentEscape() -> (UInt32, Int)? {
        guard let high = hex(from: index + 2, digits: 2).flatMap({ Self.digit(UInt8($0)) }) else { return nil }
        let next = byte(4) == percent && byte(5) == percent ? 6 : 5
        guard byte(4) == percent, let low = hex(from: index + next, digits: 2).flatMap({ Self.digit(UInt8($0)) }) else {
            return nil
        }
        return (high << 4 | low, next + 2)
    }

    /// What a careless decoder makes of two bytes for a character of one, of which it takes digits past `f` too: a dot,
    /// a slash or a backslash by the last digit, unless the bits say another mark.
    private static func overlong(_ lead: UInt32, _ first: UInt8, _ second: UInt8) -> UInt32? {
        func value(_ byte: UInt8) -> UInt32? {
            digit(byte) ?? (0x67...0x7A ~= byte | 0x20 ? UInt32(byte | 0x20) - 0x57 : nil)
        }
        guard let high = value(first), let low = value(second) else { return nil }
        let next = (high << 4 + low) & 0xFF
        let scalar = (lead & 1) << 6 | next & 0x3F
        if next < 0xC0, 0x21...0x2F ~= scalar || 0x3A...0x40 ~= scalar || scalar == 0x5C { return scalar }
        return [0xC: 0x5C, 0xE: 0x2E, 0xF: 0x2F][next & 0xF]
    }

    /// Bytes of the UTF-8 sequence that a byte leads, also of the forms of five and six that it had once.
    private static func sequenceLength(_ lead: UInt32) -> Int {
        switch lead {
        case 0xC0...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF7: 4
        case 0xF8...0xFB: 5
        case 0xFC...0xFD: 6
        default: 1
        }
    }

    private func backslashEscape() -> (UInt32, Int)? {
        switch byte(1) | 0x20 {
        case UInt8(ascii: "x"): return hex(from: index + 2, digits: 2).map { ($0, 4) }
        case UInt8(ascii: "u"):
            if let value = hex(from: index + 2, digits: 4) { return (value, 6) }
            guard byte(2) == UInt8(ascii: "{") else { return nil }
            let (value, digits) = number(from: index + 3, base: 16)
            return digits > 0 && digits < 7 && byte(3 + digits) == UInt8(ascii: "}") ? (value, digits + 4) : nil
        // Two digits: a mark in an LDAP filter or a style sheet.
        case 0x32, 0x33, 0x35, 0x37:
            guard let value = hex(from: index + 1, digits: 2), "()*&|!\\'\"<=>;:".utf8.contains(UInt8(value)) else {
                return nil
            }
            return (value, 3)
        default: return nil
        }
    }

    private func entity() -> (UInt32, Int)? {
        if byte(1) == UInt8(ascii: "#") {
            let isHex = byte(2) | 0x20 == UInt8(ascii: "x")
            let start = isHex ? 3 : 2
            let (value, digits) = number(from: index + start, base: isHex ? 16 : 10)
            guard digits > 0, digits < 9 else { return nil }
            return (value, start + digits + (byte(start + digits) == UInt8(ascii: ";") ? 1 : 0))
        }
        for (name, scalar) in Self.entities where starts(with: name, at: index + 1) { return (scalar, name.count + 1) }
        return nil
    }

    private static let entities: [([UInt8], UInt32)] = [
        ("lt;", "<"), ("gt;", ">"), ("quot;", "\""), ("apos;", "'"), ("amp;", "&"), ("nbsp;", " "), ("colon;", ":"),
        ("lpar;", "("), ("rpar;", ")"), ("tab;", " "), ("newline;", " "), ("equals;", "="), ("sol;", "/"),
        ("bsol;", "\\"), ("semi;", ";"), ("period;", "."), ("comma;", ","), ("grave;", "`"), ("lbrace;", "{"),
    ].map { (Array($0.0.utf8), Unicode.Scalar($0.1)!.value) }

    private func starts(with name: [UInt8], at start: Int) -> Bool {
        start + name.count <= bytes.count && name.indices.allSatisfy { bytes[start + $0] | 0x20 == name[$0] | 0x20 }
    }

    /// The byte at a distance from the escape's first; 0 past the end.
    private func byte(_ distance: Int) -> UInt8 {
        index + distance < bytes.count ? bytes[index + distance] : 0
    }

    private func hex(from start: Int, digits: Int) -> UInt32? {
        guard start + digits <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[start..<(start + digits)] {
            guard let digit = Self.digit(byte) else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    /// At most ten digits.
    private func number(from start: Int, base: UInt32) -> (value: UInt32, digits: Int) {
        var value: UInt32 = 0
        var digits = 0
        while digits < 10, start + digits < bytes.count, let digit = Self.digit(bytes[start + digits]), digit < base {
            value = value &* base &+ digit
            digits += 1
        }
        return (value, digits)
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46, 0x61...0x66: UInt32((byte | 0x20) - 0x57)
        default: nil
        }
    }

}

private let percent = UInt8(ascii: "%")
private let ampersand = UInt8(ascii: "&")
private let backslash = UInt8(ascii: "\\")

extension UnsafeBufferPointer<UInt8> {
    /// Whether a byte occurs; several bytes are looked at in one step.
    func has(_ byte: UInt8) -> Bool {
        baseAddress.map { memchr($0, Int32(byte), count) != nil } ?? false
    }
}
