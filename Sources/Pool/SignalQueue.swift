import Glibc

/// Signals that the calling thread waits for instead of being interrupted by them.
struct SignalQueue {
    private var signals = sigset_t()
    private var before = sigset_t()

    /// Blocks `signals` in the calling thread, which alone may then call `next`.
    init(_ signals: [Int32]) {
        Self.unignoreChildren()
        sigemptyset(&self.signals)
        for signal in signals { sigaddset(&self.signals, signal) }
        pthread_sigmask(SIG_BLOCK, &self.signals, &before)
    }

    /// A parent that ignores SIGCHLD would have taught us to, and then no child could be waited for. Only then: setting
    /// the default anew throws away what is pending.
    private static func unignoreChildren() {
        var action = sigaction()
        sigaction(SIGCHLD, nil, &action)
        if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1 { signal(SIGCHLD, SIG_DFL) }
    }

    /// Waits for one of the signals; nil when `deadline` came first.
    func next(before deadline: ContinuousClock.Instant?) -> Int32? {
        var signals = signals
        var info = siginfo_t()
        while true {
            let signal: Int32
            if let deadline {
                var patience = timespec(max(.zero, deadline - .now))
                signal = sigtimedwait(&signals, &info, &patience)
            } else {
                signal = sigwaitinfo(&signals, &info)
            }
            if signal > 0 { return signal }
            if errno != EINTR { return nil }
        }
    }

    /// Unblocks what was not blocked before.
    func restore() {
        var before = before
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}

extension timespec {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    }
}
