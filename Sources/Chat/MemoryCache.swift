import FoundationEssentials
import Synchronization

/// Answers in this process's memory: bounded by bytes, the least recently used out first.
public final class MemoryCache: Sendable {
    private let contents: Mutex<Contents>
    private let purged: (any PurgedAnswers)?

    /// - Parameters:
    ///   - maximumBytes: what keys and answers may take together; zero keeps nothing.
    ///   - purged: what is deleted elsewhere and must not be given any more.
    public init(maximumBytes: Int, purged: (any PurgedAnswers)? = nil) {
        contents = Mutex(Contents(maximumBytes: maximumBytes, purges: purged?.count ?? 0))
        self.purged = purged
    }

    /// Bytes that the stored answers take now.
    public var bytes: Int { contents.withLock { $0.bytes } }

    func answer(for key: CacheKey, at now: Date) -> CachedAnswer? {
        contents.withLock { contents in
            contents.follow(purged)
            return contents.answer(for: key, at: now)
        }
    }

    func insert(_ answer: CachedAnswer) {
        contents.withLock { contents in
            contents.follow(purged)
            guard !contents.wasJustPurged(answer.key) else { return }
            contents.insert(answer)
        }
    }

    /// Forgets what was deleted, as every look does: to be called now and then where nobody looks.
    public func forgetPurged() {
        contents.withLock { $0.follow(purged) }
    }
}

/// A dictionary from key to slot, and the slots chained from the most to the least recently used.
private struct Contents {
    struct Slot {
        var answer: CachedAnswer
        var newer: Int?
        var older: Int?
    }

    let maximumBytes: Int
    var bytes = 0
    var places: [CacheKey: Int] = [:]
    var slots: [Slot?] = []
    var free: [Int] = []
    var newest: Int?
    var oldest: Int?

    /// Purges that were followed.
    var purges: UInt64
    /// What was purged lately, and until when it is not taken; and until when nothing is. Somebody may have read an answer
    /// before it was deleted, and bring it here after that.
    var refused: [UInt64: ContinuousClock.Instant] = [:]
    var closedUntil: ContinuousClock.Instant?

    /// Longer than anybody holds an answer that was read, in a worker that lives.
    static let afterglow = Duration.seconds(10)

    init(maximumBytes: Int, purges: UInt64) {
        self.maximumBytes = maximumBytes
        self.purges = purges
    }

    mutating func follow(_ purged: (any PurgedAnswers)?) {
        guard let purged, purged.count != purges else { return }
        let now = ContinuousClock.now
        let (answers, count) = purged.purged(since: purges)
        purges = count
        refused = refused.filter { $0.value > now }
        if let answers {
            for answer in answers { refused[answer] = now + Self.afterglow }
            let gone = Set(answers)
            for (key, place) in places where gone.contains(key.prefix) { remove(place) }
        } else {
            for place in places.values { remove(place) }
            closedUntil = now + Self.afterglow
        }
    }

    mutating func wasJustPurged(_ key: CacheKey) -> Bool {
        if refused.isEmpty && closedUntil == nil { return false }
        let now = ContinuousClock.now
        if let closedUntil, closedUntil > now { return true }
        closedUntil = nil
        guard let end = refused[key.prefix] else { return false }
        if end <= now { refused[key.prefix] = nil }
        return end > now
    }

    mutating func answer(for key: CacheKey, at now: Date) -> CachedAnswer? {
        guard let place = places[key], let slot = slots[place] else { return nil }
        guard slot.answer.expires > now else {
            remove(place)
            return nil
        }
        if newest != place {
            unchain(place)
            chain(place)
        }
        return slot.answer
    }

    mutating func insert(_ answer: CachedAnswer) {
        if let old = places[answer.key] { remove(old) }
        let size = answer.storedBytes
        guard size <= maximumBytes else { return }
        while bytes + size > maximumBytes, let oldest { remove(oldest) }
        let slot = Slot(answer: answer)
        let place: Int
        if let reused = free.popLast() {
            place = reused
            slots[place] = slot
        } else {
            place = slots.count
            slots.append(slot)
        }
        places[answer.key] = place
        bytes += size
        chain(place)
    }

    private mutating func remove(_ place: Int) {
        guard let slot = slots[place] else { return }
        unchain(place)
        places[slot.answer.key] = nil
        bytes -= slot.answer.storedBytes
        slots[place] = nil
        free.append(place)
    }

    private mutating func chain(_ place: Int) {
        slots[place]?.older = newest
        slots[place]?.newer = nil
        if let newest { slots[newest]?.newer = place } else { oldest = place }
        newest = place
    }

    private mutating func unchain(_ place: Int) {
        guard let slot = slots[place] else { return }
        if let newer = slot.newer { slots[newer]?.older = slot.older } else { newest = slot.older }
        if let older = slot.older { slots[older]?.newer = slot.newer } else { oldest = slot.newer }
    }
}

extension CachedAnswer {
    /// Its strings and arrays, and about 300 bytes for headers, slot and dictionary entry.
    fileprivate var storedBytes: Int {
        300 + key.digest.count + key.canonical.count + text.utf8.count + model.utf8.count + provider.utf8.count
            + toolCalls.reduce(0) {
                $0 + $1.id.utf8.count + $1.name.utf8.count + $1.arguments.utf8.count
                    + ($1.thoughtSignature?.utf8.count ?? 0) + 100
            }
    }
}
