/// When to look at which transfer: a binary heap, the earliest instant on top.
///
/// A transfer that ends leaves its entry behind, and an instant that moved leaves the old one: whoever takes one out asks
/// whether it still counts.
struct Deadlines {
    struct Entry {
        let instant: ContinuousClock.Instant
        let transfer: ObjectIdentifier
    }

    private var heap: [Entry] = []
    /// So many entries are worth a look for those that nobody needs.
    private var limit = 1024

    var earliest: ContinuousClock.Instant? { heap.first?.instant }

    /// - Parameter isNeeded: tells the transfers that are under way; the entries of all others may go.
    mutating func add(_ entry: Entry, keeping isNeeded: (ObjectIdentifier) -> Bool) {
        if heap.count >= limit {
            // A sorted array is a heap.
            heap = heap.filter { isNeeded($0.transfer) }.sorted { $0.instant < $1.instant }
            limit = max(1024, 2 * heap.count)
        }
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].instant < heap[(child - 1) / 2].instant {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The earliest entry if it is due.
    mutating func take(dueAt now: ContinuousClock.Instant) -> Entry? {
        guard let first = heap.first, first.instant <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while let child = earlierChild(of: parent), heap[child].instant < heap[parent].instant {
            heap.swapAt(child, parent)
            parent = child
        }
        return first
    }

    private func earlierChild(of parent: Int) -> Int? {
        let left = 2 * parent + 1
        guard left + 1 < heap.count else { return left < heap.count ? left : nil }
        return heap[left].instant < heap[left + 1].instant ? left : left + 1
    }
}
