/// JSON text under construction: bytes, and how to spell a scalar in them.
public struct JSONBuffer: Sendable {
    var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// Moves the bytes out, so that the writer of a nested value appends in place.
    mutating func taken() -> JSONBuffer {
        var taken = JSONBuffer(capacity: 0)
        swap(&taken.bytes, &bytes)
        return taken
    }

    mutating func append(_ ascii: Unicode.Scalar) {
        bytes.append(UInt8(ascii: ascii))
    }

    mutating func append(verbatim text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    mutating func append(quoting text: String) {
        append("\"")
        var text = text
        text.withUTF8 { escape(UnsafeRawBufferPointer($0)) }
        append("\"")
    }

    mutating func append(_ number: Int64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = digits.count
            var rest = number.magnitude
            repeat {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(digit)
                rest = quotient
            } while rest > 0
            if number < 0 {
                start -= 1
                digits[start] = UInt8(ascii: "-")
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[start...]))
        }
    }

    private mutating func escape(_ text: UnsafeRawBufferPointer) {
        var index = 0
        while true {
            let end = PlainRun.end(text, from: index)
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[index..<end]))
            guard end < text.count else { return }
            append(escaping: text[end])
            index = end + 1
        }
    }

    private mutating func append(escaping byte: UInt8) {
        append("\\")
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: append("b")
        case 0x09: append("t")
        case 0x0A: append("n")
        case 0x0C: append("f")
        case 0x0D: append("r")
        default:
            append(verbatim: "u00")
            append(byte < 0x10 ? "0" : "1")
            bytes.append(Self.hexadecimal(byte & 0xF))
        }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
