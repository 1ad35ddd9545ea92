import Synchronization

/// How many questions this worker is asking a model, or waiting for, and how many it may.
///
/// Answers from the cache are given however full it is: those in this worker's memory take no place, and when there is none
/// left, those that the pool shares are looked up without one.
public final class ConcurrencyLimit: Sendable {
    public let limit: Int
    private let count = Atomic<Int>(0)

    public init(limit: Int) { self.limit = limit }

    public var current: Int { count.load(ordering: .relaxed) }

    var isFull: Bool { current >= limit }

    /// - Throws: ``ChatError`` `.overloaded`; then there is nothing to ``leave()``.
    func enter() throws(ChatError) {
        guard count.add(1, ordering: .relaxed).newValue <= limit else {
            leave()
            throw ChatError(.overloaded, "The server is busy; please try again", retryAfter: 1)
        }
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}
