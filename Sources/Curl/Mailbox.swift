internal import Synchronization

/// What tasks tell the driver thread, and how they wake it.
final class Mailbox: Sendable {
    enum Command: Sendable {
        case start(Exchange)
        case resume(Exchange)
        case drop(Exchange)
        /// The exchange's deadline is earlier than what the driver knows of.
        case watch(Exchange, ContinuousClock.Instant)
    }

    private struct State {
        var commands: [Command] = []
        var isClosed = false
        /// The driver will look here before it sleeps again.
        var isAwake = false
    }

    let wakeUp: WakeUp
    private let state = Mutex(State())

    init(_ wakeUp: WakeUp) {
        self.wakeUp = wakeUp
    }

    func send(_ command: Command) {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.commands.append(command)
            wake(&state)
        }
    }

    func close() {
        state.withLock { state in
            guard !state.isClosed else { return }
            wake(&state)
            state.isClosed = true
        }
    }

    /// Everything sent since the last call. The driver calls this once a turn, after it woke.
    func collect() -> (commands: [Command], isClosed: Bool) {
        state.withLock { state in
            defer { state.commands.removeAll() }
            state.isAwake = false
            return (state.commands, state.isClosed)
        }
    }

    private func wake(_ state: inout State) {
        guard !state.isAwake else { return }
        state.isAwake = true
        wakeUp.raise()
    }
}
