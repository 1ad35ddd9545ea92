import Glibc
import Synchronization

/// Signals that the calling thread waits for instead of being interrupted by them.
///
/// Other threads need not have them blocked. In a program whose `main` is asynchronous one never has: libdispatch parks
/// the main thread with every signal unblocked. Whichever thread a signal interrupts passes it on.
struct SignalQueue {
    private var signals = sigset_t()
    private var actions: [(signal: Int32, before: sigaction)] = []
    private var before = sigset_t()

    /// Blocks `signals` in the calling thread, which alone may then call `next`.
    init(_ signals: [Int32]) {
        Self.unignoreChildren()
        sigemptyset(&self.signals)
        for signal in signals { sigaddset(&self.signals, signal) }
        pthread_sigmask(SIG_BLOCK, &self.signals, &before)
        waiter.store(pthread_self(), ordering: .releasing)
        // SIGCHLD needs no handler: whoever waits for a child sends it to this thread.
        for signal in signals where signal != SIGCHLD {
            var action = sigaction()
            sigaction(signal, nil, &action)
            actions.append((signal, action))
            Glibc.signal(signal, passOn)
        }
    }

    /// A parent that ignores SIGCHLD would have taught us to, and then no child could be waited for. Only then: setting
    /// the default anew throws away what is pending.
    private static func unignoreChildren() {
        var action = sigaction()
        sigaction(SIGCHLD, nil, &action)
        if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1 { signal(SIGCHLD, SIG_DFL) }
    }

    /// Waits for one of the signals; nil when `deadline` came first.
    ///
    /// - Parameter among: those of them that are taken now; nil for all. The others are kept.
    func next(before deadline: ContinuousClock.Instant?, among wanted: [Int32]? = nil) -> Int32? {
        var signals = signals
        if let wanted {
            sigemptyset(&signals)
            for signal in wanted { sigaddset(&signals, signal) }
        }
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

    /// Undoes what `init` did.
    func restore() {
        for (signal, action) in actions {
            var action = action
            sigaction(signal, &action, nil)
        }
        _ = waiter.compareExchange(expected: pthread_self(), desired: 0, ordering: .acquiringAndReleasing)
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

/// The thread that waits, 0 for none; global as the handlers are.
private let waiter = Atomic<pthread_t>(0)

/// Runs as a signal handler: it does nothing but what signal-safety(7) allows.
private let passOn: @convention(c) (Int32) -> Void = { number in
    let before = errno
    let thread = waiter.load(ordering: .acquiring)
    if thread == 0 {
        signal(number, SIG_DFL)
        raise(number)
    } else {
        pthread_kill(thread, number)
    }
    errno = before
}
