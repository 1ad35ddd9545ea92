public import Chat
public import FoundationEssentials
public import SharedMemory

/// How one kind of the outbox is.
public struct OutboxStatus: Sendable, Equatable {
    public var counts = OutboxCounts()
    /// Since when every attempt has failed; nil while it goes on.
    public var standingSince: Date?
    /// Nothing is tried until a reload.
    public var isStopped = false
    /// Exchanges that were not put in, because there was no room.
    public var lost = 0

    public init(
        counts: OutboxCounts = OutboxCounts(), standingSince: Date? = nil, isStopped: Bool = false, lost: Int = 0
    ) {
        (self.counts, self.standingSince, self.isStopped, self.lost) = (counts, standingSince, isStopped, lost)
    }

    public var standsStill: Bool { isStopped || standingSince != nil }

    public var word: String { isStopped ? "stopped" : standingSince != nil ? "failing" : "sending" }
}

/// What the processes of one database tell each other of the outbox, on their board: that something was put in, so that
/// the sender need not ask the database, and how the sender does.
///
///     word 0  grows with each exchange that is put in
///     word 1  grows with each reload
///     of each kind eight words: pending, dead, oldest, standing since, what stopped it, lost, after which reload it stopped
///
/// Times are milliseconds since 1970, 0 for none.
public struct OutboxBoard: Sendable {
    private enum Word: Int { case pending, dead, oldest, standing, stopped, lost, era }

    private static let kindWords = 8
    /// As many kinds as there may come to be.
    public static let section = BoardSection("outbox", version: 1, words: 8 * kindWords)

    private let words: SharedWords
    /// How many reloads there had been: what an older process says of a stop is no longer heard.
    private let era: UInt64

    /// - Parameter board: has ``section``.
    public init(on board: Board) {
        words = board[Self.section]
        era = words[1]
    }

    /// Changes with each exchange that is put in.
    public var arrivals: UInt64 { words[0] }

    public func noteArrival() { words.add(1, to: 0) }

    public func noteLost(_ kind: OutboxKind) { words.add(1, to: index(kind, .lost)) }

    public func status(of kind: OutboxKind) -> OutboxStatus {
        OutboxStatus(
            counts: OutboxCounts(
                pending: Int(self[kind, .pending]), dead: Int(self[kind, .dead]), oldest: date(self[kind, .oldest])),
            standingSince: date(self[kind, .standing]), isStopped: isStopped(kind),
            lost: Int(self[kind, .lost]))
    }

    /// Has what was stopped tried again, whatever it was stopped with.
    public func resume() {
        for kind in OutboxKind.allCases { set(kind, .stopped, 0) }
    }

    /// The same, and the settings of those who have a board already are no longer what counts.
    public func beginEra() { words.add(1, to: 1) }

    func set(_ counts: OutboxCounts, of kind: OutboxKind) {
        set(kind, .pending, UInt64(max(0, counts.pending)))
        set(kind, .dead, UInt64(max(0, counts.dead)))
        set(kind, .oldest, counts.oldest.map(Self.milliseconds) ?? 0)
    }

    /// - Parameter settings: names the settings that it was stopped with; others may do better. Not zero.
    func isStopped(_ kind: OutboxKind, with settings: UInt64) -> Bool {
        isStopped(kind) && self[kind, .stopped] == settings
    }

    private func isStopped(_ kind: OutboxKind) -> Bool { self[kind, .stopped] != 0 && self[kind, .era] == words[1] }

    /// - Returns: false when there was a reload since, which this process has no part in.
    func stop(_ kind: OutboxKind, with settings: UInt64) -> Bool {
        guard era == words[1] else { return false }
        set(kind, .era, era)
        set(kind, .stopped, settings)
        return true
    }

    /// - Returns: whether it went on until now.
    func standStill(_ kind: OutboxKind, since time: Date) -> Bool {
        guard self[kind, .standing] == 0 else { return false }
        set(kind, .standing, Self.milliseconds(time))
        return true
    }

    /// - Returns: whether it stood still or was stopped.
    func goOn(_ kind: OutboxKind) -> Bool {
        guard self[kind, .standing] != 0 || isStopped(kind) else { return false }
        set(kind, .standing, 0)
        set(kind, .stopped, 0)
        return true
    }

    private subscript(kind: OutboxKind, word: Word) -> UInt64 { words[index(kind, word)] }

    private func set(_ kind: OutboxKind, _ word: Word, _ value: UInt64) { words[index(kind, word)] = value }

    private func index(_ kind: OutboxKind, _ word: Word) -> Int {
        let number =
            switch kind {
            case .discord: 1
            case .webhook: 2
            }
        return number * Self.kindWords + word.rawValue
    }

    private static func milliseconds(_ date: Date) -> UInt64 { UInt64(max(1, date.timeIntervalSince1970 * 1_000)) }
    private func date(_ word: UInt64) -> Date? { word == 0 ? nil : Date(timeIntervalSince1970: Double(word) / 1_000) }
}
