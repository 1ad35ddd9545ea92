internal import SharedMemory

/// Names that have a place each, in the order in which they came, for good.
///
/// A slot begins with the name's hash, and whose hash that is may write the name behind it: several who do so at once write
/// the same words, and what one left half done, because it was killed, the next one of that name makes whole.
struct NameTable {
    let first: Int
    let slots: Int
    /// The most that a name may have.
    let bytes: Int

    private var slotWords: Int { 1 + bytes / 8 }
    var end: Int { first + slots * slotWords }

    /// - Returns: nil when all places are taken, and for a name that is too long.
    func place(of name: String, in words: SharedWords) -> Int? {
        let text = Array(name.utf8)
        guard text.count <= bytes, !text.isEmpty else { return nil }
        let hash = Self.hash(text)
        for slot in 0..<slots {
            let start = first + slot * slotWords
            let (isMine, owner) = words.compareExchange(start, expected: 0, desired: hash)
            guard isMine || owner == hash else { continue }
            for index in 0..<bytes / 8 {
                let piece = text.dropFirst(8 * index).prefix(8)
                words[start + 1 + index] = piece.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            return slot
        }
        return nil
    }

    /// All that are whole, with their places.
    func names(in words: SharedWords) -> [(place: Int, name: String)] {
        (0..<slots).compactMap { slot in
            let start = first + slot * slotWords
            let hash = words[start]
            guard hash != 0 else { return nil }
            var text: [UInt8] = []
            for index in 0..<bytes / 8 {
                let word = words[start + 1 + index]
                for byte in 0..<8 { text.append(UInt8(truncatingIfNeeded: word >> (8 * UInt64(byte)))) }
            }
            while text.last == 0 { text.removeLast() }
            guard Self.hash(text) == hash else { return nil }
            return (slot, String(decoding: text, as: UTF8.self))
        }
    }

    /// FNV-1a, never zero.
    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return hash == 0 ? 1 : hash
    }
}
