import Dispatch
import Synchronization

/// Jobs on their way to the one thread that does them.
final class Inbox<Job: Sendable>: Sendable {
    private struct State {
        var jobs: [Job] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let arrivals = DispatchSemaphore(value: 0)

    func add(_ job: Job) {
        let wasEmpty = state.withLock { state in
            state.jobs.append(job)
            return state.jobs.count == 1
        }
        if wasEmpty { arrivals.signal() }
    }

    /// Ends the thread once it has done what is left.
    func close() {
        state.withLock { $0.isClosed = true }
        arrivals.signal()
    }

    /// Blocks until there is something to do.
    ///
    /// - Returns: everything that waits, in the order of arrival; nil when the inbox is closed and empty.
    func take() -> [Job]? {
        while true {
            arrivals.wait()
            let (jobs, isClosed) = state.withLock { state in
                defer { state.jobs.removeAll(keepingCapacity: true) }
                return (state.jobs, state.isClosed)
            }
            if !jobs.isEmpty {
                if isClosed { arrivals.signal() }
                return jobs
            }
            if isClosed { return nil }
        }
    }
}
