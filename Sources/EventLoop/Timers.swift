/// Something that happens at an instant, unless it is cancelled before. The loop sleeps by milliseconds, rounded up.
@LoopActor public final class LoopTimer {
    public let instant: ContinuousClock.Instant
    fileprivate var action: (@LoopActor () -> Void)?

    /// Calls `action` once, on the loop, at `instant` or soon after.
    public init(at instant: ContinuousClock.Instant, _ action: @escaping @LoopActor () -> Void) {
        self.instant = instant
        self.action = action
        Turns.current.timers.add(self)
    }

    public func cancel() {
        guard action != nil else { return }
        action = nil
        Turns.current.timers.noteCancelled()
    }

    func fire() {
        let action = action
        self.action = nil
        action?()
    }
}

/// All timers: a binary heap, the earliest on top. A cancelled one stays until it is due, or until there are so many of
/// them that the heap is made anew without.
@LoopActor struct Timers {
    private var heap: [LoopTimer] = []
    private var cancelled = 0

    var count: Int { heap.count }

    mutating func add(_ timer: LoopTimer) {
        heap.append(timer)
        var child = heap.count - 1
        while child > 0, heap[child].instant < heap[(child - 1) / 2].instant {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func noteCancelled() {
        cancelled += 1
        guard cancelled > 64, cancelled > heap.count / 2 else { return }
        // A sorted array is a heap.
        heap = heap.filter { $0.action != nil }.sorted { $0.instant < $1.instant }
        cancelled = 0
    }

    /// The earliest timer if it is due.
    mutating func takeDue(at now: ContinuousClock.Instant) -> LoopTimer? {
        while let first = heap.first, first.instant <= now {
            removeFirst()
            if first.action != nil { return first }
            cancelled -= 1
        }
        return nil
    }

    /// For `epoll_wait`: rounded up, or the last millisecond would be a busy loop; -1 when there is none.
    mutating func millisecondsToNext() -> Int32 {
        while let first = heap.first, first.action == nil {
            removeFirst()
            cancelled -= 1
        }
        guard let first = heap.first else { return -1 }
        let (seconds, attoseconds) = max(ContinuousClock.now.duration(to: first.instant), .zero).components
        guard seconds < 86_400 else { return 86_400_000 }
        return Int32(seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while let child = earlierChild(of: parent), heap[child].instant < heap[parent].instant {
            heap.swapAt(child, parent)
            parent = child
        }
    }

    private func earlierChild(of parent: Int) -> Int? {
        let left = 2 * parent + 1
        guard left + 1 < heap.count else { return left < heap.count ? left : nil }
        return heap[left].instant < heap[left + 1].instant ? left : left + 1
    }
}
