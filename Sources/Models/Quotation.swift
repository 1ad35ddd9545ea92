internal import Chat

/// What a provider's error quotes of the conversation that it was sent. The error goes into the log, where no message's
/// text may be.
struct Quotation {
    /// As many bytes in a row two texts do not share by chance.
    private static let length = 16

    private struct Run: Hashable {
        let head, tail: UInt64

        init(_ bytes: UnsafeRawBufferPointer, at place: Int) {
            head = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            tail = bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self)
        }

        var slot: Int { Int((head &* 0x9E37_79B9_7F4A_7C15) >> 52) }
    }

    private let words: [UInt8]
    /// Where each run begins that has not been found yet.
    private var places: [Run: [Int]] = [:]
    /// How many of them have that slot: the dictionary would cost more, asked for each byte of a conversation.
    private var counts = [Int](repeating: 0, count: 4_096)
    private var isQuoted: [Bool]

    /// - Parameter words: a few hundred bytes at most.
    /// - Returns: them without the pieces, of sixteen bytes or more, that a message has too; what the operator wrote stays.
    static func removed(from words: String, of messages: [ChatMessage]) -> String {
        guard words.utf8.count >= length else { return words }
        var quotation = Quotation(words)
        for message in messages where message.role != .system {
            quotation.find(in: message.text)
            if let calls = message.toolCalls { quotation.find(in: calls) }
        }
        return quotation.rest
    }

    private init(_ words: String) {
        self.words = Array(words.utf8)
        isQuoted = [Bool](repeating: false, count: self.words.count)
        self.words.withUnsafeBytes { bytes in
            for place in 0...(bytes.count - Self.length) {
                let run = Run(bytes, at: place)
                if places[run] == nil { counts[run.slot] += 1 }
                places[run, default: []].append(place)
            }
        }
    }

    private mutating func find(in text: String) {
        var text = text
        text.withUTF8 { text in
            guard text.count >= Self.length else { return }
            let text = UnsafeRawBufferPointer(text)
            for start in 0...(text.count - Self.length) {
                let run = Run(text, at: start)
                guard counts[run.slot] > 0, let found = places.removeValue(forKey: run) else { continue }
                counts[run.slot] -= 1
                for place in found { for byte in place..<(place + Self.length) { isQuoted[byte] = true } }
            }
        }
    }

    private var rest: String {
        var kept: [UInt8] = []
        for (place, byte) in words.enumerated() {
            if !isQuoted[place] { kept.append(byte) } else if place == 0 || !isQuoted[place - 1] { kept += "…".utf8 }
        }
        return String(decoding: kept, as: UTF8.self)
    }
}
