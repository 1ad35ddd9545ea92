/// A text in which one of Unicode's noncharacters, unused in it, stands for every escaped U+0000.
struct NulSubstitute {
    let scalar: Unicode.Scalar
    let text: [UInt8]

    /// Nil when the text uses all of U+FDD0 to U+FDEF itself.
    init?(in bytes: UnsafeRawBufferPointer) {
        let free = ~Self.used(bytes)
        guard free != 0 else { return nil }
        let value = 0xFDD0 + UInt32(free.trailingZeroBitCount)
        guard let scalar = Unicode.Scalar(value) else { return nil }
        self.scalar = scalar

        var text = [UInt8](bytes)
        let digits = Array(String(value, radix: 16).utf8)
        let nul = Array("u0000".utf8)
        var index = 0
        while index + 5 < text.count {
            guard text[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            if text[(index + 1)...(index + 5)].elementsEqual(nul) {
                text.replaceSubrange((index + 2)...(index + 5), with: digits)
            }
            index += 2
        }
        self.text = text
    }

    /// One bit for each of the 32 noncharacters that the text contains, raw or as an escape.
    private static func used(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var used: UInt32 = 0
        var index = 0
        while index + 2 < bytes.count {
            if bytes[index] == 0xEF, bytes[index + 1] == 0xB7, (0x90...0xAF).contains(bytes[index + 2]) {
                used |= 1 << UInt32(bytes[index + 2] - 0x90)
            }
            if bytes[index] == UInt8(ascii: "u"), index + 4 < bytes.count,
                let escape = UInt32(String(decoding: bytes[(index + 1)...(index + 4)], as: UTF8.self), radix: 16),
                (0xFDD0...0xFDEF).contains(escape)
            {
                used |= 1 << (escape - 0xFDD0)
            }
            index += 1
        }
        return used
    }
}
