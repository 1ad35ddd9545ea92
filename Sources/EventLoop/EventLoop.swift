internal import CLinux
internal import Glibc
internal import Synchronization
internal import Threads

// One thread on which everything of a worker happens that never blocks: the requests' tasks, FastCGI's connections and
// libcurl's sockets.
//
//     ┌─▶ run the jobs that are ready ─▶ fire the timers that are due ─┐
//     └──────── tell handlers what epoll found ◀── epoll_wait ◀────────┘
//
// It is an executor of Swift tasks in both ways: code that is isolated to `LoopActor` runs here because the compiler says
// so, and a task that was started with `EventLoop.shared` as its executor preference runs its nonisolated code here too.
// Other threads reach it through a mailbox. They write to an eventfd only when the loop sleeps or is about to, so that a
// batch of messages costs one wake-up.
//
// It refuses nothing and promises no fairness beyond this: after `jobRounds` rounds of jobs it looks at its sockets.
// Nothing on it may block. Files, SQLite and long computing belong on threads of their own.

/// The executor and mailbox of the event loop. Everything else about the loop is isolated to ``LoopActor``.
///
/// `@unchecked Sendable`: `ready` is the one thing here without a lock. It is used by ``enqueue(_:)`` after a look that the
/// thread is the loop's own, and by `runJobs`, which only that thread calls.
public final class EventLoop: TaskExecutor, SerialExecutor, @unchecked Sendable {
    /// The process's one loop, on a thread of its own that starts with the first use and ends with the process.
    public static let shared = EventLoop()

    /// Rounds of jobs before the loop looks at its sockets: a task that yields for ever must not keep the others waiting.
    private static let jobRounds = 16

    private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    private let thread = Atomic<pthread_t>(0)
    private let mailbox = Mutex<[UnownedJob]>([])
    private let hasMail = Atomic(false)
    private let sleeps = Atomic(false)
    private nonisolated(unsafe) var ready: [UnownedJob] = []

    private init() {
        do {
            try BlockingThread.detach { [self] in
                thread.store(pthread_self(), ordering: .releasing)
                LoopActor.assumeIsolated { Turns(self, wakeUp).run() }
            }
        } catch {
            // There is nothing that this process could do without it.
            fatalError("the event loop does not start: \(error)")
        }
    }

    /// Whether the calling thread is the loop's own.
    public var isCurrent: Bool { pthread_equal(pthread_self(), thread.load(ordering: .acquiring)) != 0 }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            ready.append(job)
        } else {
            mailbox.withLock { $0.append(job) }
            hasMail.store(true, ordering: .sequentiallyConsistent)
            if sleeps.exchange(false, ordering: .sequentiallyConsistent) { eventfd_write(wakeUp, 1) }
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
    public func checkIsolated() { precondition(isCurrent, "not on the event loop") }
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Runs what is ready, and what that makes ready.
    ///
    /// - Returns: false when there is still more.
    func runJobs() -> Bool {
        let (serial, task) = (asUnownedSerialExecutor(), asUnownedTaskExecutor())
        for _ in 0..<Self.jobRounds {
            if hasMail.exchange(false, ordering: .sequentiallyConsistent) {
                ready.append(
                    contentsOf: mailbox.withLock { mail in
                        defer { mail.removeAll(keepingCapacity: true) }
                        return mail
                    })
            }
            if ready.isEmpty { return true }
            let round = ready
            ready = []
            for job in round { job.runSynchronously(isolatedTo: serial, taskExecutor: task) }
        }
        return ready.isEmpty
    }

    /// From now on a message wakes the loop.
    ///
    /// - Returns: false when there is something to do already.
    func prepareToSleep() -> Bool {
        guard ready.isEmpty else { return false }
        sleeps.store(true, ordering: .sequentiallyConsistent)
        if !hasMail.load(ordering: .sequentiallyConsistent) { return true }
        wakes()
        return false
    }

    func wakes() { sleeps.store(false, ordering: .sequentiallyConsistent) }
}
