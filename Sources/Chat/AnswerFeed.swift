import Synchronization

/// An answer while it is made: its text so far, and everybody who follows it.
///
///     model ─▶ take ─▶ text so far ─▶ next ─▶ a follower, at its own pace
///                                  └▶ next ─▶ a follower who came later
///
/// Each follower has a place of its own in the one text. So nobody waits for a slow one, who costs no memory either, and
/// who comes later gets what there is at once. Without followers a piece costs its bytes and nothing more.
public final class AnswerFeed: DeltaHandler {
    /// One who follows, and how far it has come.
    public struct Follower: Sendable {
        fileprivate let number: Int
        fileprivate var piece = 0
        /// Bytes of the text that it has been given, or had from elsewhere.
        public fileprivate(set) var offset: Int
        /// Pieces that were there before it: their text comes in one.
        fileprivate var backlog: Int
        /// It is given no text.
        fileprivate let isHeld: Bool
        fileprivate var isTold = false
    }

    /// What ``next(_:isolation:)`` has for a follower.
    public struct News: Sendable {
        /// What the cache has to do with the answer, once that is known.
        public let cache: RequestTrace.CacheOutcome?
        /// Empty when nothing is new but that the answer is on its way: see ``AnswerFeed/open(_:)``.
        public let deltas: [AnswerDelta]
    }

    /// Where a piece ends in the text, and which call it is if it is one.
    fileprivate struct Piece {
        let end: Int32
        var call: Int32 = -1
    }

    fileprivate struct State {
        var text: [UInt8] = []
        var pieces: [Piece] = []
        var calls: [ToolCallDelta] = []
        var waiters: [(follower: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var isOpen = false
        var cache: RequestTrace.CacheOutcome?
        var lastNumber = 0
        var followers = 0
        var expired: Set<Int> = []
        var isSeen = false
        var isOver = false

        mutating func wakeAll() {
            for waiter in waiters { waiter.continuation.resume() }
            waiters.removeAll(keepingCapacity: true)
        }

        mutating func wake(_ follower: Int) {
            guard let index = waiters.firstIndex(where: { $0.follower == follower }) else { return }
            waiters.remove(at: index).continuation.resume()
        }
    }

    private let state = Mutex(State())

    public init() {}

    // MARK: Making it

    public func take(_ delta: AnswerDelta) {
        state.withLock { state in
            switch delta {
            case .text(let text):
                state.text.append(contentsOf: text.utf8)
                state.pieces.append(Piece(end: Int32(clamping: state.text.count)))
            case .toolCall(let call):
                state.pieces.append(
                    Piece(end: Int32(clamping: state.text.count), call: Int32(clamping: state.calls.count)))
                state.calls.append(call)
            }
            state.wakeAll()
        }
    }

    public func startOver() -> Bool {
        state.withLock { state in
            guard !state.isSeen else { return false }
            (state.text, state.pieces, state.calls) = ([], [], [])
            return true
        }
    }

    /// The answer is on its way: its message is reserved, or another's answer is waited for.
    ///
    /// - Parameter cache: what the cache has to do with it; nil when it was not asked.
    public func open(_ cache: RequestTrace.CacheOutcome?) {
        state.withLock { state in
            (state.isOpen, state.cache) = (true, cache)
            state.wakeAll()
        }
    }

    /// Nothing comes any more. Whoever follows still gets all that there is.
    public func finish() {
        state.withLock { state in
            state.isOver = true
            state.wakeAll()
        }
    }

    /// Whether somebody was given a part of it.
    var isSeen: Bool { state.withLock { $0.isSeen } }

    public var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Whether somebody is to be given text as it comes.
    var isFollowed: Bool { state.withLock { $0.followers > 0 } }

    /// Whether that text begins with this one.
    func begins(_ text: String) -> Bool { state.withLock { text.utf8.starts(with: $0.text) } }

    // MARK: Following it

    /// Begins to follow. Whoever does must ``leave(_:)``.
    ///
    /// - Parameters:
    ///   - offset: bytes of the text that are not wanted any more.
    ///   - isHeld: is to hear of the opening and the end alone, so that nobody has seen anything.
    /// - Returns: nil when that is no place of the text so far: beyond its end, or within a character.
    public func follow(from offset: Int = 0, isHeld: Bool = false) -> Follower? {
        state.withLock { state in
            guard (0...state.text.count).contains(offset) else { return nil }
            if offset < state.text.count, state.text[offset] & 0xC0 == 0x80 { return nil }
            state.lastNumber += 1
            if !isHeld { state.followers += 1 }
            return Follower(number: state.lastNumber, offset: offset, backlog: state.pieces.count, isHeld: isHeld)
        }
    }

    func following(isHeld: Bool) -> (feed: AnswerFeed, follower: Follower)? {
        follow(isHeld: isHeld).map { (self, $0) }
    }

    public func leave(_ follower: Follower) {
        state.withLock { state in
            if !follower.isHeld { state.followers -= 1 }
            state.expired.remove(follower.number)
        }
    }

    /// Ends what that one follows.
    func expire(_ follower: Follower) {
        state.withLock { state in
            state.expired.insert(follower.number)
            state.wake(follower.number)
        }
    }

    /// Waits for something new.
    ///
    /// - Returns: nil when all of it was given, the follower's time is over, or its task is cancelled.
    public func next(_ follower: inout Follower, isolation: isolated (any Actor)? = #isolation) async -> News? {
        while true {
            switch news(&follower) {
            case .news(let news): return news
            case .over: return nil
            case .nothing: await somethingNew(for: follower, isolation)
            }
            if Task.isCancelled { return nil }
        }
    }

    private enum Look {
        case news(News)
        case over
        case nothing
    }

    private func news(_ follower: inout Follower) -> Look {
        state.withLock { state in
            guard !state.expired.contains(follower.number) else { return .over }
            let deltas = state.deltas(for: &follower)
            guard !deltas.isEmpty || state.isOpen && !follower.isTold else {
                return state.isOver ? .over : .nothing
            }
            if !deltas.isEmpty { state.isSeen = true }
            follower.isTold = state.isOpen
            return .news(News(cache: state.cache, deltas: deltas))
        }
    }

    private func somethingNew(for follower: Follower, _ isolation: isolated (any Actor)?) async {
        await withTaskCancellationHandler {
            // Without it the closure would not inherit the actor, and would run on Swift's own pool.
            _ = isolation
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard !state.isOver, !state.has(newsFor: follower), !state.expired.contains(follower.number),
                        !Task.isCancelled
                    else { return false }
                    state.waiters.append((follower.number, continuation))
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.wake(follower.number) }
        }
    }
}

extension AnswerFeed.State {
    fileprivate func has(newsFor follower: AnswerFeed.Follower) -> Bool {
        !follower.isHeld && pieces.count > follower.piece || isOpen && !follower.isTold
    }

    /// Piece by piece as they came, but what was there before the follower in one.
    fileprivate func deltas(for follower: inout AnswerFeed.Follower) -> [AnswerDelta] {
        guard !follower.isHeld, pieces.count > follower.piece else { return [] }
        var deltas: [AnswerDelta] = []
        var end = follower.offset
        func text() -> AnswerDelta { .text(String(decoding: self.text[follower.offset..<end], as: UTF8.self)) }
        while follower.piece < pieces.count {
            let piece = pieces[follower.piece]
            end = max(end, Int(piece.end))
            let isLast = follower.piece + 1 >= min(follower.backlog, pieces.count)
            if end > follower.offset, isLast || piece.call >= 0 {
                deltas.append(text())
                follower.offset = end
            }
            if piece.call >= 0 { deltas.append(.toolCall(calls[Int(piece.call)])) }
            follower.piece += 1
        }
        return deltas
    }
}
