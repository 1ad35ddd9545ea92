public import Chat
public import SharedMemory

/// The cached answers that were deleted lately, on a board that every worker has mapped.
///
/// A ring of slots, each of two words: the number of the purge plus one, written last, and the answer. Whoever finds a slot
/// that has not its number, because it is overwritten already or not written yet, takes it that anything may be purged.
public struct PurgeBoard: PurgedAnswers {
    private static let slots: UInt64 = 1_024
    public static let section = BoardSection("purges", version: 1, words: 1 + 2 * Int(slots))

    private let words: SharedWords

    /// - Parameter board: has ``section``.
    public init(on board: Board) { words = board[Self.section] }

    public var count: UInt64 { words[0] }

    public func purged(since seen: UInt64) -> (answers: [UInt64]?, count: UInt64) {
        let count = count
        guard count >= seen, count - seen <= Self.slots else { return (nil, count) }
        var answers: [UInt64] = []
        for number in seen..<count {
            let slot = Self.slot(number)
            guard words[slot] == number + 1 else { return (nil, count) }
            answers.append(words[slot + 1])
            guard words[slot] == number + 1 else { return (nil, count) }
        }
        return (answers, count)
    }

    public func announce(_ answers: [UInt64]) {
        for answer in answers {
            let number = take()
            let slot = Self.slot(number)
            words[slot] = 0
            words[slot + 1] = answer
            words[slot] = number + 1
        }
    }

    private func take() -> UInt64 {
        var number = count
        while true {
            let (isTaken, current) = words.compareExchange(0, expected: number, desired: number + 1)
            if isTaken { return number }
            number = current
        }
    }

    private static func slot(_ number: UInt64) -> Int { 1 + 2 * Int(number % slots) }
}
