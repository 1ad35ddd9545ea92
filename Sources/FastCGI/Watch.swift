import CFastCGI
import Glibc
import Synchronization
import Threads

/// One thread that waits so that no other has to.
///
/// It ends reads that take too long, by shutting the connection's receiving side: libfcgi's blocking `read` then returns
/// 0 at once. SO_RCVTIMEO would not do: it starts anew with each byte that trickles in. It wakes replies whose reader
/// has caught up, so that a slow reader holds neither a thread of Swift's pool nor any other. And it cancels the tasks of
/// peers that hang up.
final class Watch: Sendable {
    /// A read under way. Whoever got it must end it.
    struct Read: Sendable {
        /// A duplicate that stays open until `endRead`: the watch cannot hit a stranger's descriptor of the same number
        /// when libfcgi has closed its own.
        let duplicate: Int32
    }

    private struct State {
        var reads: [Int32: ContinuousClock.Instant] = [:]
        /// Those in the epoll set, by token.
        var peers: [UInt64: Peer] = [:]
        /// By the peers' tokens.
        var writes: [UInt64: Write] = [:]
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

    private static let wakeToken: UInt64 = 0

    /// The peers that came since the last tick, and when the next is; nil if it has nothing to do.
    private struct Newcomers {
        var peers: [Peer] = []
        var tick: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    /// Apart from `state`, as every request takes it.
    private let newcomers = Mutex(Newcomers())
    private let lastToken = Atomic(wakeToken)
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
        _ = control(EPOLL_CTL_ADD, Peer(descriptor: wake, token: Self.wakeToken), EPOLLIN.rawValue)
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

    /// Returns true when `peer` may take more or has hung up, false when `deadline` came first.
    func untilWritable(_ peer: Peer, by deadline: ContinuousClock.Instant) async -> Bool {
        await withCheckedContinuation { continuation in
            let (isWaiting, mustWake) = state.withLock { state in
                admit(peer, &state)
                guard !state.isStopped, armForWrite(peer) else { return (false, false) }
                state.writes[peer.token] = Write(deadline: deadline, continuation: continuation)
                return (true, state.mustWake(for: deadline))
            }
            if !isWaiting { continuation.resume(returning: false) }
            if mustWake { eventfd_write(wake, 1) }
        }
    }

    /// For one event; until `armForHangUp`, neither writing nor a hang-up is reported after it.
    private func armForWrite(_ peer: Peer) -> Bool {
        let events = EPOLLOUT.rawValue | EPOLLONESHOT.rawValue
        return control(EPOLL_CTL_MOD, peer, events) || control(EPOLL_CTL_ADD, peer, events)
    }

    // MARK: Hang-ups

    /// A peer stays out of the epoll set for one tick at least and two at most. Nearly all requests are answered by
    /// then. Each that was in it would cost two system calls, and often wake the thread when the peer hangs up after its
    /// reply: an answered request took a sixth more of the processor's time.
    private static let tick = Duration.milliseconds(5)

    /// Takes note of a hang-up on `descriptor` from now on, and of one that has already been; in the first two ticks it
    /// may be late by as much.
    func expectHangUp(on descriptor: Int32) -> Peer {
        let token = lastToken.wrappingAdd(1, ordering: .relaxed).newValue
        let peer = Peer(descriptor: descriptor, token: token)
        let mustWake = newcomers.withLock { newcomers in
            newcomers.peers.append(peer)
            guard newcomers.tick == nil else { return false }
            newcomers.tick = .now + Self.tick
            return true
        }
        if mustWake { eventfd_write(wake, 1) }
        return peer
    }

    func forget(_ peer: Peer) {
        guard peer.forget() else { return }
        state.withLock { _ = $0.peers.removeValue(forKey: peer.token) }
    }

    /// Takes `peer` into the epoll set, if it is not there. If the kernel will not have it, the hang-up shows when
    /// something is sent.
    private func admit(_ peer: Peer, _ state: inout State) {
        guard peer.watch({ _ = armForHangUp(peer, EPOLL_CTL_ADD) }) else { return }
        // Whoever forgets it now waits for `state`.
        state.peers[peer.token] = peer
    }

    /// Peers on their way into the epoll set; the thread's own.
    private struct Probation {
        /// These wait for the next tick.
        var peers: [Peer] = []
        /// These have waited. Empty between two ticks: it keeps its memory for the next newcomers.
        var graduates: [Peer] = []
    }

    /// Moves everyone on, if it is time to.
    ///
    /// - Returns: when it is time again; nil for never.
    private func tick(_ probation: inout Probation, _ now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let next = newcomers.withLock { newcomers in
            guard let tick = newcomers.tick, tick <= now else { return newcomers.tick }
            swap(&probation.graduates, &probation.peers)
            swap(&probation.peers, &newcomers.peers)
            newcomers.tick = probation.peers.isEmpty ? nil : now + Self.tick
            return newcomers.tick
        }
        for peer in probation.graduates where !peer.isForgotten {
            state.withLock { admit(peer, &$0) }
        }
        probation.graduates.removeAll(keepingCapacity: true)
        return next
    }

    /// EPOLLHUP and EPOLLERR are reported unasked. On a unix socket that means a peer that has closed, not one that has
    /// shut down its sending side. Edge-triggered, as nothing can be done to make it end.
    private func armForHangUp(_ peer: Peer, _ operation: Int32) -> Bool {
        control(operation, peer, EPOLLET.rawValue)
    }

    private func control(_ operation: Int32, _ peer: Peer, _ events: UInt32) -> Bool {
        var event = epoll_event(events: events, data: epoll_data_t(u64: peer.token))
        return epoll_ctl(epoll, operation, peer.descriptor, &event) == 0
    }

    // MARK: The thread

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var probation = Probation()
        while true {
            let now = ContinuousClock.now
            let next = tick(&probation, now)
            guard let timeout = expire(now, next) else { return }
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
            for event in events.prefix(Int(max(count, 0))) {
                if event.data.u64 == Self.wakeToken {
                    var value: eventfd_t = 0
                    eventfd_read(wake, &value)
                } else {
                    report(event.events, on: event.data.u64)
                }
            }
        }
    }

    private func report(_ events: UInt32, on token: UInt64) {
        let (peer, write) = state.withLock { ($0.peers[token], $0.writes.removeValue(forKey: token)) }
        if events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            peer?.hangUp()
        } else if let peer, write != nil {
            peer.unlessForgotten { _ = armForHangUp(peer, EPOLL_CTL_MOD) }
        }
        write?.continuation.resume(returning: true)
    }

    /// Ends what is over its time. Returns milliseconds until the next deadline or `tick`, -1 for none, nil when stopped.
    private func expire(_ now: ContinuousClock.Instant, _ tick: ContinuousClock.Instant?) -> Int32? {
        let (late, timeout): ([Write], Int32?) = state.withLock { state in
            if state.isStopped {
                defer { state.writes = [:] }
                return (Array(state.writes.values), nil)
            }
            for (duplicate, deadline) in state.reads where deadline <= now {
                state.reads[duplicate] = nil
                shutdown(duplicate, Int32(SHUT_RD))
            }
            let late = state.writes.filter { $0.value.deadline <= now }
            for token in late.keys { state.writes[token] = nil }
            let deadlines = min(state.reads.values.min(), state.writes.values.lazy.map(\.deadline).min())
            state.next = min(deadlines, tick)
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
