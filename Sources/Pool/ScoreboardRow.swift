import Glibc

/// One worker's row of a ``Scoreboard``.
struct ScoreboardRow {
    let board: Scoreboard
    let number: Int

    /// The supervisor writes the first five, the worker the others.
    enum Field: Int { case pid, slot, generation, state, started, beat, requests, inFlight, memory, errorAt }

    /// A text of a row: a sequence number, and bytes that end with the first zero.
    enum Text: Int {
        case lastError = 12
        case note = 36

        var bytes: Int { 23 * MemoryLayout<UInt64>.size }
    }

    subscript(_ field: Field) -> UInt64 {
        get { board.word(field.rawValue, ofRow: number) }
        nonmutating set { board.setWord(field.rawValue, ofRow: number, newValue) }
    }

    subscript(_ text: Text) -> String {
        get { read(text) ?? "" }
        nonmutating set { write(text, newValue) }
    }

    func clear() {
        for index in 0..<Scoreboard.rowWords { board.setWord(index, ofRow: number, 0) }
    }

    private func write(_ text: Text, _ value: String) {
        var bytes = Array(value.utf8.prefix(text.bytes - 1))
        // Not in the middle of a character.
        while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
        bytes += [UInt8](repeating: 0, count: text.bytes - bytes.count)
        let sequence = board.word(text.rawValue, ofRow: number) | 1
        board.setWord(text.rawValue, ofRow: number, sequence)
        for index in 0..<text.bytes / 8 {
            let word = bytes[index * 8..<index * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            board.setWord(text.rawValue + 1 + index, ofRow: number, word)
        }
        board.setWord(text.rawValue, ofRow: number, sequence &+ 1)
    }

    /// - Returns: nil when it was being written at each of some tries; its writer may have died at it.
    private func read(_ text: Text) -> String? {
        for _ in 0..<100 {
            let sequence = board.word(text.rawValue, ofRow: number)
            guard sequence & 1 == 0 else { continue }
            var bytes: [UInt8] = []
            for index in 0..<text.bytes / 8 {
                let word = board.word(text.rawValue + 1 + index, ofRow: number)
                for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
            }
            guard board.word(text.rawValue, ofRow: number) == sequence else { continue }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return nil
    }
}

/// Milliseconds of the clock that all processes of a machine share and nobody sets.
func sharedMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
}
