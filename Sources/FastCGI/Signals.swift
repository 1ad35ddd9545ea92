import CFastCGI
import Glibc
import Synchronization

/// The one place that decides about signals.
///
/// A worker blocks the signals that it wants to wait for before it makes any thread, then waits for them on a thread of
/// their own. A broken connection is an error of the write, never a SIGPIPE.
public enum Signals {
    /// Blocks `signals` in the calling thread and in every thread that it makes from now on.
    public static func block(_ signals: [Int32]) {
        var set = set(of: signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Calls `handler` with each of `signals` that arrives, on a thread of its own, until the process ends. They must
    /// be blocked in every thread; see ``block(_:)``.
    public static func wait(for signals: [Int32], handler: @escaping @Sendable (Int32) -> Void) throws {
        try startThread {
            var set = set(of: signals)
            while true {
                var signal: Int32 = 0
                if sigwait(&set, &signal) == 0 { handler(signal) }
            }
        }
    }

    /// Initializes libfcgi, once. It installs handlers for SIGTERM and SIGUSR1 that set a flag which only its own accept
    /// looks at, so a worker would not end: both get back what they had. SIGPIPE is ignored.
    static func initializeLibrary() throws(SystemError) {
        let result = initialized
        guard result == 0 else { throw SystemError(call: "FCGX_Init", errno: result) }
    }

    private static let initialized: Int32 = {
        var terminate = sigaction()
        var user = sigaction()
        sigaction(SIGTERM, nil, &terminate)
        sigaction(SIGUSR1, nil, &user)
        let result = FCGX_Init()
        sigaction(SIGTERM, &terminate, nil)
        sigaction(SIGUSR1, &user, nil)
        ignoreBrokenPipes()
        return result
    }()

    static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }

    private static func set(of signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        return set
    }
}
