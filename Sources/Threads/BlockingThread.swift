public import Glibc

/// A thread for calls that block: libfcgi's, libcurl's, SQLite's and the kernel's must never hold one of the few threads
/// that Swift's tasks share.
///
/// Every signal is blocked on it, so it is never the one that a signal interrupts.
public struct BlockingThread: Sendable {
    private let id: pthread_t

    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread that the caller joins, once.
    public init(_ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        var everySignal = sigset_t()
        var before = sigset_t()
        sigfillset(&everySignal)
        // A thread inherits the mask of the one that makes it.
        pthread_sigmask(SIG_SETMASK, &everySignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

        let start = Unmanaged.passRetained(Start(body))
        var id = pthread_t()
        let code = pthread_create(
            &id, nil,
            { start in
                Unmanaged<Start>.fromOpaque(start!).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw ThreadError(errno: code)
        }
        self.id = id
    }

    /// Starts a thread that nobody waits for.
    ///
    /// - Returns: its identity, which is good for as long as `body` runs.
    @discardableResult
    public static func detach(_ body: @escaping @Sendable () -> Void) throws(ThreadError) -> pthread_t {
        let thread = try BlockingThread(body)
        pthread_detach(thread.id)
        return thread.id
    }

    /// Blocks until the thread has ended.
    public func join() { pthread_join(id, nil) }
}

/// There can be no more threads: memory or a limit is used up.
public struct ThreadError: Error, Sendable, Equatable, CustomStringConvertible {
    public let errno: Int32

    public var description: String { "no thread can be started: \(String(cString: strerror(errno)))" }
}
