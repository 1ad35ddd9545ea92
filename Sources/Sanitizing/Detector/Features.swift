/// Which words and punctuation a text has, noted in one walk over it, so that a rule is tried only where it can match.
///
/// A set of hashes: it may say that something is there which is not, never the other way round.
struct Features {
    /// Groups of which each must have a member in the text. In writing, members are separated by a blank and groups by
    /// ` AND `: a word of letters, one byte, or two bytes of which the first is no letter.
    struct Need: Sendable {
        fileprivate let groups: [[Int]]

        init(_ text: String) {
            groups = text.split(separator: " AND ").map { group in
                group.split(separator: " ").map { Features.slot(of: Array($0.utf8)) }
            }
        }
    }

    private static let slots = 4_096
    private var present: [Bool]

    init(_ text: [UInt8]) {
        var present = [Bool](repeating: false, count: Self.slots)
        present.withUnsafeMutableBufferPointer { present in
            text.withUnsafeBufferPointer { text in
                var word: UInt32 = 0
                var last: UInt8 = 0
                for byte in text {
                    if 0x61...0x7A ~= byte {
                        if word == 0, last != 0 { present[Self.slot(last, byte)] = true }
                        word = Self.joined(word, byte)
                    } else {
                        if word != 0 { present[Self.slot(word)] = true }
                        word = 0
                        present[Int(byte)] = true
                        present[Self.slot(last, byte)] = true
                    }
                    last = byte
                }
                if word != 0 { present[Self.slot(word)] = true }
            }
        }
        self.present = present
    }

    func meet(_ need: Need) -> Bool {
        need.groups.allSatisfy { group in group.contains { present[$0] } }
    }

    private static func slot(of member: [UInt8]) -> Int {
        if member.allSatisfy({ 0x61...0x7A ~= $0 }) { return slot(member.reduce(0, joined)) }
        return member.count == 1 ? Int(member[0]) : slot(member[0], member[1])
    }

    private static func joined(_ word: UInt32, _ byte: UInt8) -> UInt32 { (word ^ UInt32(byte)) &* 0x0100_0193 | 1 }

    private static func slot(_ word: UInt32) -> Int { 256 + Int((word >> 7) & 0x7FF) }

    private static func slot(_ first: UInt8, _ second: UInt8) -> Int {
        2_304 + Int((UInt32(first) &* 31 &+ UInt32(second) &* 7) & 0x3FF)
    }
}
