import Synchronization

/// The other end of a connection whose request a responder has, for ``Watch``. It must be forgotten before its
/// descriptor is closed.
///
/// It has a lock of its own, as every request takes it: one that they all shared was fought over.
final class Peer: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isWatched = false
        var hasHungUp = false
        var isForgotten = false
    }

    let descriptor: Int32
    /// What the watch's epoll set calls it. A descriptor's number is used again at once, and maybe before an event of
    /// its last use has been looked at; a token never is.
    let token: UInt64
    private let state = Mutex(State())

    init(descriptor: Int32, token: UInt64) {
        self.descriptor = descriptor
        self.token = token
    }

    /// Has `task` cancelled when the peer hangs up: at once if it has.
    func onHangUp(cancel task: Task<Void, Never>) {
        let isLate = state.withLock { state in
            // A forgotten one has had its reply from `task`.
            if !state.hasHungUp, !state.isForgotten { state.task = task }
            return state.hasHungUp
        }
        if isLate { task.cancel() }
    }

    func hangUp() {
        let task = state.withLock { state -> Task<Void, Never>? in
            if state.isForgotten { return nil }
            state.hasHungUp = true
            defer { state.task = nil }
            return state.task
        }
        task?.cancel()
    }

    /// Calls `enter` the first time, with the descriptor open for as long as that takes.
    ///
    /// - Returns: false if it was not called, nor will be.
    func watch(_ enter: () -> Void) -> Bool {
        state.withLock { state in
            if state.isWatched || state.isForgotten { return false }
            enter()
            state.isWatched = true
            return true
        }
    }

    /// Calls `body`, with the descriptor open for as long as that takes, unless the peer is forgotten.
    func unlessForgotten(_ body: () -> Void) {
        state.withLock { state in
            if !state.isForgotten { body() }
        }
    }

    var isForgotten: Bool { state.withLock { $0.isForgotten } }

    /// Nothing is cancelled from now on.
    ///
    /// - Returns: whether it is watched.
    func forget() -> Bool {
        let (isWatched, _) = state.withLock { state in
            state.isForgotten = true
            defer { state.task = nil }
            // The task is let go outside of the lock.
            return (state.isWatched, state.task)
        }
        return isWatched
    }
}
