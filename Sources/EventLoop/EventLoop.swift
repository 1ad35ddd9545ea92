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
// It is the executor of `LoopActor`: what is isolated to that runs here because the compiler says so, and functions without
// an isolation of their own run where their caller does (NonisolatedNonsendingByDefault). It is the task executor of what
// `LoopActor.start` starts: a task that waits with a continuation is resumed wherever its task executor says, whatever its
// isolation, and on Swift's own pool if it has none, from where it would go on to the loop (swift_continuation_init of Swift
// 6.3's runtime). A wait costs 3 us with, 9 us without, and two switches of threads.
//
// Other threads reach it through a mailbox. They write to an eventfd only when the loop sleeps or is about to, so that a
// batch of messages costs one wake-up.
//
// It refuses nothing and promises no fairness beyond this: after `jobRounds` rounds of jobs it looks at its sockets.
// Nothing on it may block. Files, SQLite and long computing belong on threads of their own.

/// The executor and mailbox of the event loop. Everything else about the loop is isolated to ``LoopActor``.
///
/// `@unchecked Sendable`: `ready` and `round` are the only things here without a lock. They are used by ``enqueue(_:)`` after
/// a look that the thread is the loop's own, and by `runJobs` and `prepareToSleep`, which only that thread calls.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// The process's one loop, on a thread of its own that starts with the first use and ends with the process.
    public static let shared = EventLoop()

    /// Rounds of jobs before the loop looks at its sockets: a task that yields for ever must not keep the others waiting.
    private static let jobRounds = 16
    /// Jobs for which memory is kept: a burst's is given back.
    private static let keptJobs = 4_096

    /// The loop's thread; 0 until it runs. Apart from the loop, so that to ask for it starts none.
    private static let thread = Atomic<pthread_t>(0)

    private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    private let stopped = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    private let isStopping = Atomic(false)
    private let mailbox = Mutex<[UnownedJob]>([])
    private let hasMail = Atomic(false)
    private let sleeps = Atomic(false)
    private nonisolated(unsafe) var ready: [UnownedJob] = []
    /// The jobs that `runJobs` is running; empty but with its memory between two rounds.
    private nonisolated(unsafe) var round: [UnownedJob] = []

    private init() {
        do {
            try BlockingThread.detach { [self] in
                Self.thread.store(pthread_self(), ordering: .releasing)
                LoopActor.assumeIsolated { Turns(self, wakeUp).run() }
            }
        } catch {
            // There is nothing that this process could do without it.
            fatalError("the event loop does not start: \(error)")
        }
    }

    /// Whether the calling thread is the loop's own.
    public static var isCurrent: Bool { pthread_equal(pthread_self(), thread.load(ordering: .acquiring)) != 0 }

    /// Halts the loop after the turn that it is in, for good: what `exit` takes apart, libcurl and TLS among it, must not
    /// be in use. Blocks until then. Not from the loop.
    ///
    /// - Returns: false when the turn did not end within `limit`; the loop then halts as soon as it does.
    public static func stop(within limit: Duration) -> Bool {
        precondition(!isCurrent, "the event loop cannot wait for itself")
        guard thread.load(ordering: .acquiring) != 0 else { return true }
        shared.isStopping.store(true, ordering: .releasing)
        eventfd_write(shared.wakeUp, 1)
        let deadline = ContinuousClock.now + limit
        while true {
            var entry = pollfd(fd: shared.stopped, events: Int16(POLLIN), revents: 0)
            let left = Int32(clamping: Int64(max(deadline - .now, .zero) / .milliseconds(1)))
            let count = poll(&entry, 1, left)
            if count >= 0 || errno != EINTR { return count > 0 }
        }
    }

    /// Called at the beginning of each turn.
    func haltIfStopped() {
        guard isStopping.load(ordering: .acquiring) else { return }
        eventfd_write(stopped, 1)
        while true { pause() }
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if Self.isCurrent {
            ready.append(job)
        } else {
            mailbox.withLock { $0.append(job) }
            hasMail.store(true, ordering: .sequentiallyConsistent)
            if sleeps.exchange(false, ordering: .sequentiallyConsistent) { eventfd_write(wakeUp, 1) }
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
    public func checkIsolated() { precondition(Self.isCurrent, "not on the event loop") }
    public func isIsolatingCurrentContext() -> Bool? { Self.isCurrent }

    /// Runs what is ready, and what that makes ready.
    ///
    /// - Returns: false when there is still more.
    func runJobs() -> Bool {
        let (serial, task) = (asUnownedSerialExecutor(), asUnownedTaskExecutor())
        for _ in 0..<Self.jobRounds {
            if hasMail.exchange(false, ordering: .sequentiallyConsistent) {
                mailbox.withLock { mail in
                    ready.append(contentsOf: mail)
                    mail.removeAll(keepingCapacity: mail.capacity <= Self.keptJobs)
                }
            }
            if ready.isEmpty { return true }
            swap(&ready, &round)
            for job in round { job.runSynchronously(isolatedTo: serial, taskExecutor: task) }
            round.removeAll(keepingCapacity: round.capacity <= Self.keptJobs)
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
