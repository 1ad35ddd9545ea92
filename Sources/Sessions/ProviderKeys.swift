import Chat
import Synchronization

/// An identity provider's keys, as this process has them.
///
/// Whoever has a token of a key that is known waits for nobody: keys are fetched anew beside the requests. Only a token
/// that needs a key which is not there waits for a fetch, and such tokens bring about one a minute, however many they
/// are. While the provider is away its last keys stay good, for a day.
final class ProviderKeys: Sendable {
    /// What becomes of fetching, for the log.
    enum News: Sendable {
        case fetched(keys: Int, faults: [String])
        case failed(cause: String)
    }

    struct Times: Sendable {
        /// Between two fetches for keys that are not there.
        var unknown = Duration.seconds(60)
        /// Between two tries while there are no keys at all.
        var retry = Duration.seconds(5)
        /// That one fetch may take.
        var fetch = Duration.seconds(5)
        /// Older keys are fetched anew.
        var fresh = Duration.seconds(600)
        /// Older keys are not used.
        var usable = Duration.seconds(86_400)
    }

    private struct State {
        var set: KeySet?
        /// Counts what has been different from what was there before.
        var generation = 0
        var fetched: ContinuousClock.Instant?
        var tried: ContinuousClock.Instant?
        var fault: String?
        var fetch: Task<Void, Never>?
    }

    private let state = Mutex(State())
    private let fetch: KeyFetch
    private let times: Times
    private let background: Background
    private let now: @Sendable () -> ContinuousClock.Instant
    private let onNews: @Sendable (News) -> Void

    init(
        _ address: KeyAddress, times: Times = Times(), background: Background = Background(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, onNews: @escaping @Sendable (News) -> Void
    ) {
        fetch = KeyFetch(address, timeout: times.fetch)
        (self.times, self.background, self.now, self.onNews) = (times, background, now, onNews)
    }

    /// The keys in use, by a number that changes with them; nil when there are none. Never waits, and has keys that are
    /// no longer fresh fetched anew.
    var generation: Int? {
        let now = now()
        return state.withLock { state in
            guard let fetched = state.fetched, now - fetched < times.usable else { return nil }
            if now - fetched >= times.fresh { begin(&state, at: now, after: times.unknown) }
            return state.generation
        }
    }

    /// - Returns: the generation of the keys that have signed the token.
    /// - Throws: ``ChatError`` `.unavailable` when there are no keys to tell by; ``TokenFault`` when none has signed
    /// it.
    func verify(_ token: CompactJWS) async throws -> Int {
        if let generation = try verifyNow(token) { return generation }
        await refresh()
        if let generation = try verifyNow(token) { return generation }
        let (isMissing, fault) = state.withLock { ($0.set == nil, $0.fault) }
        if isMissing || fault != nil {
            throw ChatError(
                .unavailable, "The identity provider's keys cannot be had right now; please try again", retryAfter: 5,
                cause: fault ?? "the keys are too old")
        }
        throw TokenFault("a key that the provider does not have")
    }

    private func verifyNow(_ token: CompactJWS) throws(TokenFault) -> Int? {
        guard generation != nil else { return nil }
        let (set, generation) = state.withLock { ($0.set, $0.generation) }
        return try set?.hasSigned(token) == true ? generation : nil
    }

    /// Waits for a fetch, if one is under way or may be made now.
    private func refresh() async {
        let now = now()
        let fetch = state.withLock { state in
            let isUsable = state.fetched.map { now - $0 < times.usable } ?? false
            begin(&state, at: now, after: isUsable ? times.unknown : times.retry)
            return state.fetch
        }
        await fetch?.value
    }

    private func begin(_ state: inout State, at now: ContinuousClock.Instant, after pause: Duration) {
        guard state.fetch == nil else { return }
        if let tried = state.tried, now - tried < pause { return }
        state.tried = now
        state.fetch = background.start {
            let result: Result<KeySet, TokenFault>
            do throws(TokenFault) { result = .success(try await self.fetch()) } catch { result = .failure(error) }
            self.finish(result)
        }
    }

    private func finish(_ result: Result<KeySet, TokenFault>) {
        let now = now()
        let news = state.withLock { state -> News? in
            state.fetch = nil
            switch result {
            case .success(let set):
                let isNew = state.set != set
                if isNew { state.generation += 1 }
                let isNews = isNew || state.fault != nil
                (state.set, state.fetched, state.fault) = (set, now, nil)
                return isNews ? .fetched(keys: set.keys.count, faults: set.faults) : nil
            case .failure(let fault):
                let isNews = state.fault == nil
                state.fault = fault.description
                return isNews ? .failed(cause: fault.description) : nil
            }
        }
        if let news { onNews(news) }
    }
}
