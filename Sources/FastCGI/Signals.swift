import CFastCGI
import Glibc
import Synchronization
import Threads

/// The one place that decides about signals.
///
/// A worker waits for its signals on a thread of their own. A broken connection is an error of the write, never a
/// SIGPIPE.
public enum Signals {
    /// Blocks `signals` in the calling thread and in every thread that it makes from now on, so that one that comes
    /// before ``wait(for:handler:)`` is kept for it.
    public static func block(_ signals: [Int32]) {
        var set = set(of: signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Calls `handler` with each of `signals` that arrives, on a thread of its own, until the process ends. Once in a
    /// process.
    ///
    /// No thread need have them blocked. In a program whose `main` is asynchronous one never has: libdispatch parks the
    /// main thread with every signal unblocked. Whichever thread a signal interrupts passes it on.
    public static func wait(for signals: [Int32], handler: @escaping @Sendable (Int32) -> Void) throws {
        let thread = try BlockingThread.detach {
            var set = set(of: signals)
            while true {
                var signal: Int32 = 0
                if sigwait(&set, &signal) == 0 { handler(signal) }
            }
        }
        waiter.store(thread, ordering: .releasing)
        for signal in signals { Glibc.signal(signal, passOn) }
    }

    /// Those of `signals` that this process was not started to ignore, as nohup(1) has SIGHUP ignored.
    public static func heeded(_ signals: [Int32]) -> [Int32] {
        signals.filter { number in
            var action = sigaction()
            sigaction(number, nil, &action)
            return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != 1
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

/// The thread that waits; global as the handlers are. It is set before there is a handler that reads it.
private let waiter = Atomic<pthread_t>(0)

/// Runs as a signal handler: it does nothing but what signal-safety(7) allows.
private let passOn: @convention(c) (Int32) -> Void = { signal in
    let before = errno
    pthread_kill(waiter.load(ordering: .acquiring), signal)
    errno = before
}
