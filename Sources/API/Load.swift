import Chat
import Synchronization

/// How many chats this worker holds now, and may hold.
final class Load: Sendable {
    private let limit: Int
    private let count = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var current: Int { count.load(ordering: .relaxed) }

    func enter() throws(ChatError) {
        guard count.add(1, ordering: .relaxed).newValue <= limit else {
            leave()
            throw ChatError(.overloaded, "The server is busy; please try again", retryAfter: 1)
        }
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}
