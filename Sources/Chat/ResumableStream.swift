import Synchronization

/// An answer that goes on for a while without its connection, so that it can be followed on another.
///
/// It is made in a task of its own. When the last connection is lost, the task is cancelled after a while, as an ordinary
/// question's is at once.
public final class ResumableStream: Sendable {
    public typealias Ending = (result: Result<Exchange, any Error>, trace: RequestTrace)

    private struct State {
        var task: Task<Void, Never>?
        var place: MessagePlace?
        var connections = 0
        /// Ends the task when nobody comes back.
        var alarm: Task<Void, Never>?
        var ending: Ending?
    }

    fileprivate let owners: [StreamOwner]
    private let withdrawal: Withdrawal
    private let feed = AnswerFeed()
    private let window: Duration
    private let background: Background
    private let state = Mutex(State())

    fileprivate init(
        _ owners: [StreamOwner], _ withdrawal: Withdrawal, window: Duration, _ background: Background
    ) {
        self.owners = owners
        self.withdrawal = withdrawal
        self.window = window
        self.background = background
    }

    func run(_ work: @escaping @Sendable () async -> Void) {
        let task = background.start(work)
        state.withLock { $0.task = task }
    }

    // MARK: Making it

    /// - Returns: its place, when it has just got one.
    func take(_ event: AnswerEvent, _ cache: RequestTrace.CacheOutcome?) -> MessagePlace? {
        switch event {
        case .asked(let place):
            state.withLock { $0.place = place }
            return place
        case .admitted: feed.open(cache)
        case .deltas(let deltas, _):
            if !feed.isOpen { feed.open(cache) }
            for delta in deltas { feed.take(delta) }
        }
        return nil
    }

    /// Ends the call at once, unless others wait for its answer: its caller does not want it any more, and it is not kept
    /// for him. What had been generated is paid for.
    public func stop() {
        withdrawal.withdraw()
        state.withLock { $0.task }?.cancel()
    }

    /// Whether its caller did not want it any more.
    public var isStopped: Bool { withdrawal.isWithdrawn }

    /// - Returns: its place, if it had got one.
    func finish(_ ending: Ending) -> MessagePlace? {
        let place = state.withLock { state in
            state.ending = ending
            if isStopped, case .failure(is CancellationError) = ending.result {
                state.ending?.result = .failure(ChatError.stopped)
            }
            state.alarm?.cancel()
            return state.place
        }
        feed.finish()
        return place
    }

    // MARK: Following it

    /// Hands the answer on as it comes, and its place before it.
    ///
    /// - Parameter offset: bytes of the text that are not wanted any more.
    /// - Returns: how it ended; nil when the offset is no place of its text so far.
    /// - Throws: `CancellationError`, or what `onAnswer` threw.
    public func follow(from offset: Int = 0, _ onAnswer: AnswerHandler) async throws -> Ending? {
        guard var follower = feed.follow(from: offset) else { return nil }
        connect()
        defer {
            feed.leave(follower)
            disconnect()
        }
        var isTold = false
        var start = offset
        while let news = await feed.next(&follower) {
            if !isTold, let place = state.withLock({ $0.place }) {
                try await onAnswer(.asked(place), nil)
                try await onAnswer(.admitted, news.cache)
                isTold = true
            }
            if !news.deltas.isEmpty { try await onAnswer(.deltas(news.deltas, from: start), news.cache) }
            start = follower.offset
        }
        try Task.checkCancellation()
        return state.withLock { $0.ending }
    }

    private func connect() {
        state.withLock { state in
            state.connections += 1
            state.alarm?.cancel()
            state.alarm = nil
        }
    }

    private func disconnect() {
        state.withLock { state in
            state.connections -= 1
            guard state.connections == 0, state.ending == nil else { return }
            // Nobody knows yet what to come back for.
            guard feed.isOpen, window > .zero else {
                state.task?.cancel()
                return
            }
            state.alarm = background.start {
                do { try await self.background.clock.sleep(for: self.window) } catch { return }
                self.state.withLock { if $0.connections == 0 { $0.task?.cancel() } }
            }
        }
    }
}

/// The resumable streams of this process, by the ids of their exchanges. There are no more of them than there are
/// questions under way (``ConcurrencyLimit``); one whose answer is whole is read from the ledger.
public final class ResumableStreams: Sendable {
    private let window: Duration
    private let background: Background
    private let streams = Mutex<[ExchangeID: ResumableStream]>([:])

    /// - Parameter window: how long an answer goes on without a connection; zero for not at all.
    public init(window: Duration = .seconds(10), background: Background = Background()) {
        self.window = window
        self.background = background
    }

    public var isEmpty: Bool { streams.withLock { $0.isEmpty } }

    /// Begins an answer. Whoever does must follow it.
    ///
    /// - Parameter withdrawal: the question's.
    public func begin(
        for owners: [StreamOwner], _ withdrawal: Withdrawal = Withdrawal(),
        _ work: @escaping @Sendable (_ onAnswer: @escaping AnswerHandler) async -> ResumableStream.Ending
    ) -> ResumableStream {
        let stream = ResumableStream(owners, withdrawal, window: window, background)
        stream.run {
            let ending = await work { event, cache in
                guard let place = stream.take(event, cache) else { return }
                self.streams.withLock { $0[place.id] = stream }
            }
            if let place = stream.finish(ending) { self.streams.withLock { $0[place.id] = nil } }
        }
        return stream
    }

    /// - Returns: nil when it has none of that id under way here.
    public func stream(_ id: ExchangeID, of owner: StreamOwner) -> ResumableStream? {
        streams.withLock { streams in streams[id].flatMap { $0.owners.contains(owner) ? $0 : nil } }
    }
}

/// Whose a resumable stream is: a session's, and the user's whom its token proves, so that one goes on whose token was
/// renewed meanwhile. 32 characters.
public struct StreamOwner: Sendable, Hashable {
    public let rawValue: String

    /// - Parameter rawValue: as it comes from another worker.
    public init?(_ rawValue: String) {
        guard rawValue.utf8.count == SessionID.length else { return nil }
        self.rawValue = rawValue
    }

    public init(_ session: SessionID) { rawValue = session.rawValue }
}

extension Principal {
    /// The session, and then the user where the token itself is proof of who that is: the store is not asked.
    public var streamOwners: [StreamOwner] {
        let digits = provedUser?.rawValue.drop { $0 != "_" }.dropFirst()
        return [StreamOwner(session)] + (digits.flatMap { StreamOwner(String($0)) }.map { [$0] } ?? [])
    }
}
