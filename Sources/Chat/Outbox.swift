public import FoundationEssentials

// What other systems are told of exchanges, after they were answered.
//
//     an exchange's transaction ──▶ outbox (kind, id) ──▶ sender, one of the pool ──▶ Discord, a webhook
//
// A row of the outbox refers to its exchange and has none of its text: what is deleted before it is sent is not sent. Of
// one kind and session rows are sent in the order in which they were committed, each at least once.

/// Who is told.
public enum OutboxKind: String, Sendable, CaseIterable {
    case discord, webhook
}

/// What a store puts into its outbox.
public struct OutboxIntake: Sendable {
    /// The most rows of a kind that wait: what is recorded beyond is not sent.
    public static let capacity = 50_000

    public let kinds: [OutboxKind]
    public let capacity: Int
    /// Called after a commit that has put something in.
    public let onQueued: @Sendable () -> Void
    /// Called when there was no room.
    public let onFull: @Sendable (OutboxKind) -> Void

    public init(
        _ kinds: [OutboxKind], capacity: Int = Self.capacity, onQueued: @escaping @Sendable () -> Void = {},
        onFull: @escaping @Sendable (OutboxKind) -> Void = { _ in }
    ) {
        (self.kinds, self.capacity, self.onQueued, self.onFull) = (kinds, capacity, onQueued, onFull)
    }
}

/// A row of the outbox.
public struct OutboxEntry: Sendable, Hashable {
    public let number: Int64
    public let kind: OutboxKind
    public let session: SessionID
    public let exchange: ExchangeID
    public let queued: Date
    /// Those that have failed.
    public let attempts: Int

    public init(
        number: Int64, kind: OutboxKind, session: SessionID, exchange: ExchangeID, queued: Date, attempts: Int
    ) {
        (self.number, self.kind, self.session) = (number, kind, session)
        (self.exchange, self.queued, self.attempts) = (exchange, queued, attempts)
    }
}

/// An exchange as it is to be told, read when its turn has come.
public struct OutboxMessage: Sendable {
    public let exchange: Exchange
    public let session: SessionID
    public let user: UserID
    /// When the session began.
    public let began: Date
    /// Who logged in; nil unless that is kept, and once the session's thread has it.
    public let contact: SessionContact?
    public let thread: OutboxThread?

    public init(
        exchange: Exchange, session: SessionID, user: UserID, began: Date, contact: SessionContact? = nil,
        thread: OutboxThread? = nil
    ) {
        (self.exchange, self.session, self.user) = (exchange, session, user)
        (self.began, self.contact, self.thread) = (began, contact, thread)
    }
}

/// Where Discord shows a session.
public struct OutboxThread: Sendable, Hashable {
    /// The webhook or the channel that it belongs to.
    public let channel: String
    public let id: String
    /// Its first message is there; the thread may not be.
    public let isBegun: Bool

    public init(channel: String, id: String, isBegun: Bool) {
        (self.channel, self.id, self.isBegun) = (channel, id, isBegun)
    }
}

/// How many rows of one kind there are.
public struct OutboxCounts: Sendable, Equatable {
    public var pending = 0
    /// Given up.
    public var dead = 0
    /// When the first of those that wait came.
    public var oldest: Date?

    public init(pending: Int = 0, dead: Int = 0, oldest: Date? = nil) {
        (self.pending, self.dead, self.oldest) = (pending, dead, oldest)
    }
}

/// Keeps the outbox. Every method but the claim throws ``ChatError`` `.unavailable` when the store cannot be used.
public protocol OutboxStore: Sendable {
    /// Whether this process is the one of all that sends: the first to ask, until it ends or yields.
    func claimsSending() throws -> Bool
    func yieldSending()

    /// The first row of each session, where its time has come; the oldest first.
    func due(_ kind: OutboxKind, limit: Int) async throws -> [OutboxEntry]
    /// - Returns: nil when there is nothing to tell any more.
    func message(of entry: OutboxEntry) async throws -> OutboxMessage?
    /// Removes what was sent, or is not to be.
    func remove(_ entry: OutboxEntry) async throws
    /// - Parameter fault: why an attempt has failed, which counts; nil where none was made.
    func postpone(_ entry: OutboxEntry, until time: Date, fault: String?) async throws
    /// Gives one up.
    func bury(_ entry: OutboxEntry, fault: String) async throws
    /// Gives up what has waited since before then.
    ///
    /// - Returns: how many rows.
    func buryAll(_ kind: OutboxKind, queuedBefore time: Date) async throws -> Int
    /// Has what was given up sent again.
    ///
    /// - Returns: how many rows.
    func revive(_ kind: OutboxKind) async throws -> Int
    func counts(of kind: OutboxKind) async throws -> OutboxCounts
    /// Why the first of those that wait is not sent yet; nil when nobody has tried.
    func fault(of kind: OutboxKind) async throws -> String?
    /// - Parameter thread: nil when there is none any more.
    func keep(_ thread: OutboxThread?, of session: SessionID) async throws
}
