internal import CCurl
internal import Synchronization

/// What tasks tell the driver thread, and how they wake it.
final class Mailbox: Sendable {
    enum Command: Sendable {
        case start(Exchange)
        case resume(Exchange)
        case drop(Exchange)
    }

    private struct State {
        var commands: [Command] = []
        /// The earliest instant at which some deadline may have passed.
        var alarm: ContinuousClock.Instant?
        var isClosed = false
        /// The driver will look here before it sleeps again.
        var isAwake = false
    }

    /// `curl_multi_wakeup` may be called from any thread as long as the handle lives (its manual page says so). It is
    /// called only under the mutex and only while `isClosed` is false; the driver, whose thread alone makes every other
    /// call, destroys the handle only after it saw `isClosed` under the same mutex.
    nonisolated(unsafe) let multi: UnsafeMutableRawPointer
    private let state = Mutex(State())

    init(multi: UnsafeMutableRawPointer) {
        self.multi = multi
    }

    func send(_ command: Command) {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.commands.append(command)
            wake(&state)
        }
    }

    /// Makes sure that the driver looks at the deadlines at that instant or before.
    func watch(_ deadline: ContinuousClock.Instant) {
        state.withLock { state in
            guard !state.isClosed else { return }
            if let alarm = state.alarm, alarm <= deadline { return }
            state.alarm = deadline
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

    /// Whether the alarm has gone off; it is then cleared, and whoever waits is to be watched anew.
    func takeAlarm(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard let alarm = state.alarm, alarm <= now else { return false }
            state.alarm = nil
            return true
        }
    }

    var alarm: ContinuousClock.Instant? {
        state.withLock { $0.alarm }
    }

    private func wake(_ state: inout State) {
        guard !state.isAwake else { return }
        state.isAwake = true
        curl_multi_wakeup(multi)
    }
}
