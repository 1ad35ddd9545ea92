import Chat
import Dispatch
import Synchronization

/// What one thread does for others.
protocol Job: Sendable {
    /// Tells whoever waits that it was not begun, and will not be.
    func refuse(_ error: any Error)
}

/// Jobs on their way to the one thread that does them.
///
/// A job that has not been begun within ``patience`` is refused, whatever holds the thread up: another process's lock,
/// most of all. One that was begun is finished.
final class Inbox<Item: Job>: Sendable {
    private struct State {
        var jobs: [(job: Item, deadline: ContinuousClock.Instant?)] = []
        var isClosed = false
        var isWatched = false
    }

    /// The waiting ends an eighth of it later at the most.
    private static var patience: Duration { .seconds(2) }
    /// More than any pool's burst, and a bound for the memory: more are refused at once.
    private static var capacity: Int { 16_384 }

    private let path: String
    private let background: Background
    private let state = Mutex(State())
    /// One for each time that something came into the empty inbox, and for each ``take(_:while:)`` that left something.
    private let arrivals = DispatchSemaphore(value: 0)

    /// - Parameter path: the database that the jobs are for.
    init(path: String, _ background: Background) {
        self.path = path
        self.background = background
    }

    /// - Parameter isPatient: whether it waits for as long as it takes.
    func add(_ job: Item, isPatient: Bool = false) {
        let deadline = isPatient ? nil : ContinuousClock.now + Self.patience
        let (isFirst, isFull, isUnwatched) = state.withLock { state in
            guard state.jobs.count < Self.capacity else { return (false, true, false) }
            state.jobs.append((job, deadline))
            let isUnwatched = !state.isWatched
            state.isWatched = true
            return (state.jobs.count == 1, false, isUnwatched)
        }
        if isFull {
            job.refuse(StorageFailure(.locked, "\(Self.capacity) others wait for the database \(path) already"))
        }
        if isFirst { arrivals.signal() }
        if isUnwatched { watch() }
    }

    /// Ends the thread once it has done what is left.
    func close() {
        state.withLock { $0.isClosed = true }
        arrivals.signal()
    }

    /// Blocks until there is something to do.
    ///
    /// - Returns: false when the inbox is closed and empty.
    func wait() -> Bool {
        while true {
            arrivals.wait()
            let (isEmpty, isClosed) = state.withLock { ($0.jobs.isEmpty, $0.isClosed) }
            if !isEmpty { return true }
            if isClosed { return false }
        }
    }

    func allSatisfy(_ fits: (Item) -> Bool) -> Bool {
        state.withLock { state in state.jobs.allSatisfy { fits($0.job) } }
    }

    /// To be called once ``wait()`` has returned.
    ///
    /// - Returns: the first jobs, in the order of arrival, up to the first that does not fit.
    func take(_ most: Int = .max, while fits: (Item) -> Bool = { _ in true }) -> [Item] {
        let (taken, isRest) = state.withLock { state in
            let taken = state.jobs.prefix(most).prefix { fits($0.job) }.map(\.job)
            state.jobs.removeFirst(taken.count)
            return (taken, !state.jobs.isEmpty)
        }
        if isRest { arrivals.signal() }
        return taken
    }

    private func watch() {
        background.start {
            repeat { try? await self.background.clock.sleep(for: Self.patience / 8) } while self.refuseOverdue()
        }
    }

    /// - Returns: whether anything still waits.
    private func refuseOverdue() -> Bool {
        let now = ContinuousClock.now
        let (overdue, isWatched) = state.withLock { state in
            let overdue = state.jobs.filter { $0.deadline.map { $0 <= now } ?? false }.map(\.job)
            state.jobs.removeAll { $0.deadline.map { $0 <= now } ?? false }
            state.isWatched = !state.jobs.isEmpty
            return (overdue, state.isWatched)
        }
        for job in overdue {
            job.refuse(
                StorageFailure(
                    .locked,
                    "the database \(path) has been locked by another process, or not answered, for \(Self.patience)"))
        }
        return isWatched
    }
}
