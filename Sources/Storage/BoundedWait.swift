import Synchronization

/// Waits for work no longer than a limit: by default 4 s, twice what SQLite waits for a lock.
///
/// One timer serves all who wait. With one for each, a server that is asked often would be busy with timers that nobody
/// waits for any more: a `Task.sleep` that is cancelled leaves its timer to Dispatch until it would have fired.
final class BoundedWait: Sendable {
    private struct Waiting {
        let deadline: ContinuousClock.Instant
        let outcome: CheckedContinuation<(any Error)?, Never>
    }

    private struct State {
        var waiting: [Int: Waiting] = [:]
        var next = 0
        var isWatched = false
    }

    private let limit: Duration
    private let sleep: @Sendable (ContinuousClock.Instant) async -> Void
    private let state = Mutex(State())

    /// - Parameter sleep: returns at the given time.
    init(
        limit: Duration = .seconds(4), sleep: @escaping @Sendable (_ until: ContinuousClock.Instant) async -> Void
    ) {
        self.limit = limit
        self.sleep = sleep
    }

    /// - Returns: what `work` threw, or that it takes too long; nil when it is done in time.
    func failure(_ work: @escaping @Sendable () async throws -> Void) async -> (any Error)? {
        await failure(
            of: Task {
                do {
                    try await work()
                    return nil
                } catch { return error }
            })
    }

    func failure(of work: Task<(any Error)?, Never>) async -> (any Error)? {
        await withCheckedContinuation { outcome in
            let number = add(outcome)
            Task { end(number, await work.value) }
        }
    }

    private func add(_ outcome: CheckedContinuation<(any Error)?, Never>) -> Int {
        let (number, isFirst) = state.withLock { state in
            defer { (state.next, state.isWatched) = (state.next + 1, true) }
            state.waiting[state.next] = Waiting(deadline: .now + limit, outcome: outcome)
            return (state.next, !state.isWatched)
        }
        if isFirst { Task { await watch() } }
        return number
    }

    private func end(_ number: Int, _ failure: (any Error)?) {
        state.withLock { $0.waiting.removeValue(forKey: number) }?.outcome.resume(returning: failure)
    }

    /// Sleeps until the first deadline, as long as somebody waits. Who comes meanwhile has a later one.
    private func watch() async {
        while let deadline = firstDeadline() {
            await sleep(deadline)
            let late = state.withLock { $0.waiting.filter { $0.value.deadline <= .now }.map(\.key) }
            for number in late {
                end(number, StorageFailure(.locked, "the database has not answered for \(limit)"))
            }
        }
    }

    private func firstDeadline() -> ContinuousClock.Instant? {
        state.withLock { state in
            let deadline = state.waiting.values.map(\.deadline).min()
            state.isWatched = deadline != nil
            return deadline
        }
    }
}
