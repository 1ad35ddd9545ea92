public import SharedMemory

/// The circuits of all providers, on a board that every worker has mapped: what one worker finds out the others know at
/// once, without asking anybody.
///
/// A slot is two 64-bit words, a provider's identity and its ``CircuitState``. Zeros mean a free slot.
public struct CircuitBoard: Sendable {
    private static let slots = 64
    public static let section = BoardSection("circuits", version: 1, words: 2 * slots)

    private let words: SharedWords

    /// - Parameter board: has ``section``.
    public init(on board: Board) { words = board[Self.section] }

    /// Closes every circuit: a new pool finds out anew.
    public func reset() {
        for slot in 0..<Self.slots { words[2 * slot + 1] = 0 }
    }

    /// - Parameter identity: not zero.
    /// - Returns: the slot of that provider. When all are taken, one of a former configuration is used again.
    func slot(for identity: UInt64) -> Int {
        let first = Int(identity % UInt64(Self.slots))
        for step in 0..<Self.slots {
            let slot = (first + step) % Self.slots
            let (isFree, owner) = words.compareExchange(2 * slot, expected: 0, desired: identity)
            if isFree || owner == identity { return slot }
        }
        words[2 * first] = identity
        words[2 * first + 1] = 0
        return first
    }

    func state(of slot: Int) -> CircuitState { CircuitState(word: words[2 * slot + 1]) }

    /// Changes a state in one step that no other worker can come between.
    ///
    /// - Parameter change: may run more than once.
    /// - Returns: what `change` returned, and the states before and after.
    func update<Value>(_ slot: Int, _ change: (CircuitState) -> (Value, CircuitState)) -> (
        value: Value, before: CircuitState, after: CircuitState
    ) {
        var old = words[2 * slot + 1]
        while true {
            let before = CircuitState(word: old)
            let (value, after) = change(before)
            if after == before { return (value, before, after) }
            let (isDone, current) = words.compareExchange(2 * slot + 1, expected: old, desired: after.word)
            if isDone { return (value, before, after) }
            old = current
        }
    }
}
