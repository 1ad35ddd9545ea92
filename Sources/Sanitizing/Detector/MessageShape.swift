/// Whether a message is a text that somebody wrote, or a lone string that was made for a program's input.
///
/// The same characters are an attack as a whole message and an example in a question or a line of a program. So what
/// stands in Markdown code does not count, and most rules hold for bare messages only: no prose, no program.
struct MessageShape {
    /// What is outside Markdown code.
    private(set) var text: [UInt8]
    let isBare: Bool
    let isProse: Bool

    /// Plain words, those of everyday language twice, that make a text prose.
    private static let proseWeight = 5
    /// Lines that make a text a program, a table, a log.
    private static let programLines = 4

    init(_ message: UnsafeBufferPointer<UInt8>) {
        text = QuotedCode.removed(from: message, spans: false)
        let outside = text.withUnsafeBufferPointer { bytes in
            (
                isProse: ProseMeter.weight(of: bytes, enough: Self.proseWeight) >= Self.proseWeight,
                isProgram: Self.hasLines(bytes, Self.programLines) || CodeOpening.begins(bytes)
            )
        }
        isBare = !outside.isProse && !outside.isProgram
        isProse = outside.isProse
        if outside.isProse { text = QuotedCode.removed(from: message, spans: true) }
    }

    private static func hasLines(_ text: UnsafeBufferPointer<UInt8>, _ wanted: Int) -> Bool {
        var lines = 0
        var isBlank = true
        for byte in text {
            if byte == 0x0A {
                isBlank = true
            } else if isBlank, byte > 0x20 {
                isBlank = false
                lines += 1
                if lines == wanted { return true }
            }
        }
        return false
    }
}

/// How much of a text reads as a sentence.
enum ProseMeter {
    /// - Returns: the weight of the text's plain words; counting ends when it is enough.
    static func weight(of text: UnsafeBufferPointer<UInt8>, enough: Int) -> Int {
        var weight = 0
        var foreign = 0
        var index = 0
        while index < text.count, weight < enough {
            let start = index
            while index < text.count, isLetter(text[index]) { index += 1 }
            if index == start {
                index += 1
                continue
            }
            guard opens(text, start), closes(text, index) else { continue }
            if text[start] >= 0xC3, !(text[start] == 0xEF && start + 1 < index && text[start + 1] >= 0xBC) {
                foreign += index - start
                weight += foreign / 6
                foreign %= 6
            } else if index - start <= 16 {
                weight += Vocabulary.weight(of: text[start..<index])
            }
        }
        return weight
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        0x61...0x7A ~= byte | 0x20 || byte >= 0x80
    }

    private static func opens(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
        guard start > 0 else { return true }
        switch text[start - 1] {
        case 0x09, 0x0A, 0x0D, 0x20: return true
        // I'm, don't; a quoted word; "and/or" is none.
        case UInt8(ascii: "("), UInt8(ascii: "*"), UInt8(ascii: "_"): return start < 2 || text[start - 2] <= 0x20
        default: return false
        }
    }

    private static func closes(_ text: UnsafeBufferPointer<UInt8>, _ end: Int) -> Bool {
        guard end < text.count else { return true }
        switch text[end] {
        case 0x09, 0x0A, 0x0D, 0x20: return true
        case UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: "?"), UInt8(ascii: "!"), UInt8(ascii: ":"):
            return end + 1 == text.count || text[end + 1] <= 0x20
        // The apostrophe of I'm and don't.
        case UInt8(ascii: "'"): return end + 1 < text.count && isLetter(text[end + 1])
        default: return false
        }
    }
}
