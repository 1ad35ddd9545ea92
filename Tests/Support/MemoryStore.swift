public import Chat
public import FoundationEssentials
import Synchronization

// The store's protocols in the memory of one process, each on its own: as answers and leases may be kept elsewhere than the
// ledger. Several may stand for several processes of a pool when they share a `MemoryPool`.

/// What the processes of a pool share.
public final class MemoryPool: Sendable {
    fileprivate struct Account {
        let session: Session
        var isActive = true
        var used = 0
        var reserved: [ExchangeID: Date] = [:]
    }

    fileprivate struct LeaseRecord {
        let id: ExchangeID
        let holder: Int
        var isHolderAlive = true
        var lapses: Date
        var awaited = 0
        var failure: ModelFailure?
    }

    fileprivate struct State {
        var accounts: [SessionID: Account] = [:]
        var exchanges: [ExchangeID: (session: SessionID, exchange: Exchange)] = [:]
        var answers: [CacheKey: CachedAnswer] = [:]
        var leases: [CacheKey: LeaseRecord] = [:]
        var processes = 0
    }

    fileprivate let state = Mutex(State())
    fileprivate let messageLimit: Int
    fileprivate let now: @Sendable () -> Date

    public init(
        messageLimit: Int, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.messageLimit = messageLimit
        self.now = now
    }
}

extension MemoryPool.State {
    fileprivate func account(_ principal: Principal, at now: Date) -> MemoryPool.Account? {
        accounts[principal.session].flatMap { account in
            account.isActive && account.session.user == principal.user && account.session.expires > now ? account : nil
        }
    }

    /// - Parameter needsLife: whether the session must be live.
    fileprivate func refusal(
        _ principal: Principal, _ id: ExchangeID, limit: Int, needsLife: Bool, at now: Date
    ) -> Refusal? {
        guard let account = needsLife ? account(principal, at: now) : accounts[principal.session],
            account.session.user == principal.user
        else { return .sessionEnded }
        let taken = account.reserved.filter { $0.key != id && $0.value > now }.count
        return account.used + taken < limit ? nil : .quotaExceeded(limit: limit)
    }
}

public struct MemoryLedger: Ledger, SessionStore {
    private let pool: MemoryPool

    public init(_ pool: MemoryPool) { self.pool = pool }

    public func reserve(_ place: Reservation) -> Result<Admission, Refusal> {
        let now = pool.now()
        return pool.state.withLock { state in
            let limit = pool.messageLimit
            if let refusal = state.refusal(place.principal, place.id, limit: limit, needsLife: true, at: now) {
                return .failure(refusal)
            }
            let lapses = now.addingTimeInterval(place.lifetime.milliseconds / 1_000)
            state.accounts[place.principal.session]?.reserved[place.id] = lapses
            return .success(.granted(nil))
        }
    }

    public func join(_ place: Reservation) -> Refusal? {
        if case .failure(let refusal) = reserve(place) { refusal } else { nil }
    }

    public func leave(_ place: Reservation) { refund(place, sharing: nil) }

    public func settle(_ exchange: Exchange, _ place: Reservation, sharing answer: CachedAnswer?) -> Result<
        Exchange, Refusal
    > {
        let settled = record(exchange, for: place.principal, needsLife: false)
        refund(place, sharing: nil)
        return settled
    }

    public func refund(_ place: Reservation, sharing failure: ModelFailure?) {
        pool.state.withLock { $0.accounts[place.principal.session]?.reserved[place.id] = nil }
    }

    public func forfeit(_ place: Reservation) { forfeit(place, isCounted: true) }

    public func forfeit(_ exchange: Exchange, _ place: Reservation, isCounted: Bool) {
        forfeit(place, isCounted: isCounted)
    }

    private func forfeit(_ place: Reservation, isCounted: Bool) {
        pool.state.withLock { state in
            guard state.accounts[place.principal.session]?.reserved.removeValue(forKey: place.id) != nil else { return }
            state.accounts[place.principal.session]?.used += isCounted ? 1 : 0
        }
    }

    public func endAll(of principal: Principal, at now: Date) -> Result<Int, Refusal> { .failure(.notProved) }

    public func record(_ exchange: Exchange, for principal: Principal) -> Result<Exchange, Refusal> {
        let recorded = record(exchange, for: principal, needsLife: !exchange.wasReserved)
        pool.state.withLock { $0.accounts[principal.session]?.reserved[exchange.id] = nil }
        return recorded
    }

    private func record(_ exchange: Exchange, for principal: Principal, needsLife: Bool) -> Result<Exchange, Refusal> {
        let now = pool.now()
        return pool.state.withLock { state in
            if let known = state.exchanges[exchange.id], known.session == principal.session {
                return .success(known.exchange)
            }
            let limit = pool.messageLimit
            if let refusal = state.refusal(principal, exchange.id, limit: limit, needsLife: needsLife, at: now) {
                return .failure(refusal)
            }
            state.accounts[principal.session]?.used += 1
            state.exchanges[exchange.id] = (principal.session, exchange)
            return .success(exchange)
        }
    }

    private func exchanges(of principal: Principal) -> Result<[Exchange], Refusal> {
        let now = pool.now()
        return pool.state.withLock { state in
            guard state.account(principal, at: now) != nil else { return .failure(.sessionEnded) }
            let own = state.exchanges.values.filter { $0.session == principal.session }.map(\.exchange)
            return .success(own.sorted { $0.id.number < $1.id.number })
        }
    }

    public func branch(at position: Position, for principal: Principal, limit: Int) -> Result<Branch?, Refusal> {
        exchanges(of: principal).map { exchanges in
            let known = Dictionary(uniqueKeysWithValues: exchanges.map { ($0.id, $0) })
            func newest(of conversation: ConversationID) -> Exchange? {
                exchanges.last { $0.conversation == conversation }
            }
            let (conversation, parent, original): (ConversationID?, ExchangeID?, Exchange?) =
                switch position {
                case .end(let end): (newest(of: end)?.conversation, newest(of: end)?.id, nil)
                case .beginning(let end): (newest(of: end)?.conversation, nil, nil)
                case .below(let above, _): (known[above]?.conversation, above, nil)
                case .again(let id): (known[id]?.conversation, known[id]?.parent, known[id])
                }
            guard let conversation else { return nil }
            let above = sequence(first: parent) { $0.flatMap { known[$0]?.parent } }.prefix { $0 != nil }
            let pairs = above.compactMap { $0.flatMap { known[$0] } }.filter { !$0.answer.isBlocked }
            let messages = pairs.prefix((limit + 1) / 2).reversed().flatMap { exchange in
                [
                    ChatMessage(role: .user, text: exchange.question),
                    ChatMessage(role: .assistant, text: exchange.answer.text),
                ]
            }
            return Branch(conversation: conversation, parent: parent, messages: messages, original: original)
        }
    }

    public func exchange(_ id: ExchangeID, of principal: Principal) -> Result<Exchange?, Refusal> {
        exchanges(of: principal).map { exchanges in exchanges.first { $0.id == id } }
    }

    public func history(of principal: Principal, limit: Int, before: ExchangeID?) -> Result<[Exchange], Refusal> {
        exchanges(of: principal).map { exchanges in
            exchanges.filter { exchange in before.map { exchange.id.number < $0.number } ?? true }.suffix(limit)
        }
    }

    public func insert(_ opening: SessionOpening) {
        pool.state.withLock { $0.accounts[opening.session.id] = MemoryPool.Account(session: opening.session) }
    }

    public func insertOnce(_ opening: SessionOpening) -> Bool {
        pool.state.withLock { state in
            guard state.accounts[opening.session.id] == nil else { return false }
            state.accounts[opening.session.id] = MemoryPool.Account(session: opening.session)
            return true
        }
    }

    public func live(_ principal: Principal, at now: Date) -> Session? {
        pool.state.withLock { state in
            state.account(principal, at: now).map { account in
                Session(
                    id: principal.session, user: principal.user, created: account.session.created,
                    expires: account.session.expires, messagesUsed: account.used)
            }
        }
    }

    public func end(_ principal: Principal, at now: Date) -> Bool {
        pool.state.withLock { state in
            guard state.account(principal, at: now) != nil else { return false }
            state.accounts[principal.session]?.isActive = false
            return true
        }
    }
}

public struct MemoryAnswers: AnswerStore {
    private let pool: MemoryPool

    public init(_ pool: MemoryPool) { self.pool = pool }

    public func get(_ key: CacheKey) -> CachedAnswer? { pool.state.withLock { $0.answers[key] } }
    public func put(_ answer: CachedAnswer) { pool.state.withLock { $0.answers[answer.key] = answer } }
}

/// One process's leases; they end with it.
public final class MemoryLeases: CallLease {
    private let pool: MemoryPool
    private let process: Int

    public init(_ pool: MemoryPool) {
        self.pool = pool
        process = pool.state.withLock { state in
            state.processes += 1
            return state.processes
        }
    }

    deinit {
        pool.state.withLock { [process] state in
            for (key, lease) in state.leases where lease.holder == process { state.leases[key]?.isHolderAlive = false }
        }
    }

    public func acquire(_ key: CacheKey, for id: ExchangeID, lifetime: Duration) -> Lease? {
        let now = pool.now()
        return pool.state.withLock { state in
            if let other = state.leases[key], other.holder != process, other.isHolderAlive, other.lapses > now,
                other.failure == nil
            {
                state.leases[key]?.awaited += 1
                return Lease(key: key, id: other.id)
            }
            let lapses = now.addingTimeInterval(lifetime.milliseconds / 1_000)
            state.leases[key] = MemoryPool.LeaseRecord(id: id, holder: process, lapses: lapses)
            return nil
        }
    }

    public func progress(of lease: Lease) -> LeaseProgress {
        let now = pool.now()
        return pool.state.withLock { state in
            guard let record = state.leases[lease.key], record.id == lease.id else { return .free }
            if let failure = record.failure { return .failed(failure) }
            return record.isHolderAlive && record.lapses > now ? .leased : .free
        }
    }

    public func isAwaited(_ key: CacheKey) -> Bool {
        pool.state.withLock { state in
            state.leases[key].map { $0.holder == process && $0.awaited > 0 } ?? false
        }
    }

    public func stopWaiting(for lease: Lease) {
        pool.state.withLock { state in
            guard let record = state.leases[lease.key], record.id == lease.id, record.awaited > 0 else { return }
            state.leases[lease.key]?.awaited -= 1
        }
    }

    public func release(_ key: CacheKey, for id: ExchangeID, sharing failure: ModelFailure?) {
        pool.state.withLock { state in
            guard let record = state.leases[key], record.id == id else { return }
            if let failure, record.awaited > 0 {
                state.leases[key]?.failure = failure
            } else {
                state.leases[key] = nil
            }
        }
    }
}
