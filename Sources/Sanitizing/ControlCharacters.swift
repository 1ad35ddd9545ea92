/// C0, C1 and DEL have no place in a message; tab and newline do. CRLF and CR are newlines.
enum ControlCharacters {
    static func removed(from text: String) -> String {
        var text = text
        let cleaned: [UInt8]? = text.withUTF8 { bytes in
            guard let first = firstToChange(bytes) else { return nil }
            return removed(bytes, from: first)
        }
        return cleaned.map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    private static func firstToChange(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        bytes.indices.first { index in
            switch bytes[index] {
            case 0x09, 0x0A: false
            case 0x00...0x1F, 0x7F: true
            case 0xC2: isC1(bytes, index)
            default: false
            }
        }
    }

    private static func removed(_ bytes: UnsafeBufferPointer<UInt8>, from first: Int) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        kept.append(contentsOf: bytes[..<first])
        var index = first
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x0D:
                kept.append(0x0A)
                if index + 1 < bytes.count, bytes[index + 1] == 0x0A { index += 1 }
            case 0x09, 0x0A: kept.append(byte)
            case 0x00...0x1F, 0x7F: break
            case 0xC2 where isC1(bytes, index): index += 1
            default: kept.append(byte)
            }
            index += 1
        }
        return kept
    }

    /// U+0080 to U+009F, which UTF-8 spells C2 80 to C2 9F.
    private static func isC1(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        index + 1 < bytes.count && bytes[index + 1] < 0xA0
    }
}
