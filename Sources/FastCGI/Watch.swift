import CFastCGI
import Glibc
import Synchronization
import Threads

/// One thread that waits so that no other has to.
///
/// It ends reads that take too long, by shutting the connection's receiving side: libfcgi's blocking `read` then returns
/// 0 at once. SO_RCVTIMEO would not do: it starts anew with each byte that trickles in. And it wakes replies whose
/// reader has caught up, so that a slow reader holds neither a thread of Swift's pool nor any other.
final class Watch: Sendable {
    /// A read under way. Whoever got it must end it.
    struct Read: Sendable {
        /// A duplicate that stays open until `endRead`: the watch cannot hit a stranger's descriptor of the same number
        /// when libfcgi has closed its own.
        let duplicate: Int32
    }

    private struct State {
        var reads: [Int32: ContinuousClock.Instant] = [:]
        var writes: [Int32: Write] = [:]
        /// When the thread looks next without being woken; nil for never.
        var next: ContinuousClock.Instant?
        var isStopped = false

        /// Notes a new deadline; true when the thread would sleep past it.
        mutating func mustWake(for deadline: ContinuousClock.Instant) -> Bool {
            if let next, next <= deadline { return false }
            next = deadline
            return true
        }
    }

    private struct Write {
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Bool, Never>
    }

    private let state = Mutex(State())
    private let epoll: Int32
    private let wake: Int32

    init() throws(SystemError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError(call: "epoll_create1", errno: errno) }
        wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard wake >= 0 else {
            let code = errno
            Glibc.close(epoll)
            throw SystemError(call: "eventfd", errno: code)
        }
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: wake))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event)
    }

    deinit {
        Glibc.close(epoll)
        Glibc.close(wake)
    }

    func start() throws(ThreadError) {
        try BlockingThread.detach { [self] in run() }
    }

    /// Ends the thread and every wait.
    func stop() {
        state.withLock { $0.isStopped = true }
        eventfd_write(wake, 1)
    }

    // MARK: Reads

    /// - Returns: nil when no descriptor is free.
    func beginRead(_ descriptor: Int32, by deadline: ContinuousClock.Instant) -> Read? {
        let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard duplicate >= 0 else { return nil }
        let mustWake = state.withLock { state in
            state.reads[duplicate] = deadline
            return state.mustWake(for: deadline)
        }
        if mustWake { eventfd_write(wake, 1) }
        return Read(duplicate: duplicate)
    }

    /// - Returns: whether the read ended in time.
    func endRead(_ read: Read) -> Bool {
        let wasInTime = state.withLock { $0.reads.removeValue(forKey: read.duplicate) != nil }
        Glibc.close(read.duplicate)
        return wasInTime
    }

    /// Brings every deadline of a read forward to `deadline`.
    func hurryReads(by deadline: ContinuousClock.Instant) {
        state.withLock { state in
            for (duplicate, old) in state.reads where old > deadline { state.reads[duplicate] = deadline }
        }
        eventfd_write(wake, 1)
    }

    // MARK: Writes

    /// Returns true when `descriptor` may take more, false when `deadline` came first. The caller keeps it open.
    func untilWritable(_ descriptor: Int32, by deadline: ContinuousClock.Instant) async -> Bool {
        await withCheckedContinuation { continuation in
            let (isWaiting, mustWake) = state.withLock { state in
                guard !state.isStopped, arm(descriptor) else { return (false, false) }
                state.writes[descriptor] = Write(deadline: deadline, continuation: continuation)
                return (true, state.mustWake(for: deadline))
            }
            if !isWaiting { continuation.resume(returning: false) }
            if mustWake { eventfd_write(wake, 1) }
        }
    }

    private func arm(_ descriptor: Int32) -> Bool {
        var event = epoll_event(
            events: EPOLLOUT.rawValue | EPOLLONESHOT.rawValue, data: epoll_data_t(fd: descriptor))
        return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0
            || epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0
    }

    // MARK: The thread

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while let timeout = expire() {
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
            for event in events.prefix(Int(max(count, 0))) {
                let descriptor = event.data.fd
                if descriptor == wake {
                    var value: eventfd_t = 0
                    eventfd_read(wake, &value)
                } else {
                    state.withLock { $0.writes.removeValue(forKey: descriptor) }?.continuation.resume(returning: true)
                }
            }
        }
    }

    /// Ends what is over its time. Returns milliseconds until the next deadline, -1 for none, nil when stopped.
    private func expire() -> Int32? {
        let (late, timeout): ([Write], Int32?) = state.withLock { state in
            if state.isStopped {
                defer { state.writes = [:] }
                return (Array(state.writes.values), nil)
            }
            let now = ContinuousClock.now
            for (duplicate, deadline) in state.reads where deadline <= now {
                state.reads[duplicate] = nil
                shutdown(duplicate, Int32(SHUT_RD))
            }
            let late = state.writes.filter { $0.value.deadline <= now }
            for descriptor in late.keys { state.writes[descriptor] = nil }
            state.next = min(state.reads.values.min(), state.writes.values.lazy.map(\.deadline).min())
            return (Array(late.values), state.next.map { milliseconds(from: now, to: $0) } ?? -1)
        }
        for write in late { write.continuation.resume(returning: false) }
        return timeout
    }

    private func milliseconds(from now: ContinuousClock.Instant, to then: ContinuousClock.Instant) -> Int32 {
        Int32(clamping: Int64((then - now) / .milliseconds(1)) + 1)
    }

    private func min(
        _ one: ContinuousClock.Instant?, _ other: ContinuousClock.Instant?
    ) -> ContinuousClock.Instant? {
        guard let one, let other else { return one ?? other }
        return Swift.min(one, other)
    }
}
