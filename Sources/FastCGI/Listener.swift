internal import CLinux
internal import EventLoop
import Glibc
import Synchronization

// A FastCGI responder on the event loop: takes connections from a listening unix socket, reads requests from them, and has
// a Responder answer each in a task of its own. Thousands of requests may wait for their answers at once.
//
//     listening socket ─┐                       ┌─▶ Task { responder.respond(to: request, with: writer) }
//     connection        ┼─ epoll ─▶ read, parse ┼─▶ Task
//     connection        ┘                       └─▶ Task
//
// Nothing here blocks: a request is parsed by libfcgi once it is whole (RequestReader), and a reply waits for its reader in
// epoll. Connections are kept when the peer asks for it. A task whose peer hangs up is cancelled.
//
// It refuses: multiplexing, pipelining, other roles than responder, and bodies above Limits.bodyBytes. It must not listen
// where strangers can connect: libfcgi trusts its peer.

/// Accepts connections on a listening socket and has `responder` answer their requests.
public final class Listener: Sendable {
    /// Connections that may wait in the listening socket, by its backlog.
    private static let longestQueue = 4_096

    /// Connections that one process takes before it goes to the end of the queue of processes.
    private static let turn = 8

    /// Between two words on a fault that lasts.
    private static let silence = Duration.seconds(60)

    /// What only the loop changes.
    @LoopActor private struct State {
        var registration: Registration?
        var isStarted = false
        var isDraining = false
        /// No descriptor is free, or accepting fails.
        var isPaused = false
        /// When a fault that lasts was told last.
        var told: [ConnectionError: ContinuousClock.Instant] = [:]
        var connections: [ObjectIdentifier: Connection] = [:]
        var idleWaiters: [CheckedContinuation<Void, Never>] = []

        nonisolated init() {}
    }

    let limits: Limits
    private let descriptor: Int32
    private let responder: any Responder
    private let onError: @Sendable (ConnectionError) -> Void
    @LoopActor private var state = State()
    /// Requests that a responder has.
    private let requests = Atomic(0)
    private let completed = Atomic(0)

    /// - Parameters:
    ///   - descriptor: a listening socket, made non-blocking by `start`. `drain` leaves /dev/null in its place.
    ///   - onError: hears, on the loop, of what has no request to answer; for the log. It must not block.
    public init(
        descriptor: Int32, limits: Limits = Limits(), responder: any Responder,
        onError: @escaping @Sendable (ConnectionError) -> Void
    ) {
        self.descriptor = descriptor
        self.limits = limits
        self.responder = responder
        self.onError = onError
    }

    /// Requests that have been read and whose responder has not returned.
    public var inFlight: Int { requests.load(ordering: .acquiring) }

    /// Requests whose responder has returned, since the start.
    public var answered: Int { completed.load(ordering: .relaxed) }

    /// Accepts from now on. Once in a listener's life.
    public func start() async throws {
        try Signals.initializeLibrary()
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw SystemError(call: "fcntl", errno: errno)
        }
        try await begin()
    }

    @LoopActor private func begin() throws {
        precondition(!state.isStarted, "a listener starts once")
        state.isStarted = true
        guard watch() else { throw SystemError(call: "epoll_ctl", errno: errno) }
    }

    /// Stops accepting, and waits until every request in flight is answered and every connection closed.
    ///
    /// Connections that are already accepted, or wait to be, are still served, if they send within a second. A kept one is
    /// the peer's to close, as a request may be on its way: it gets one more answer, with the word that it is the last. The
    /// listening socket is then closed in this process, so that its path is free once the last process has it no more. A
    /// request that was cancelled is in flight until its responder returns.
    /// - Returns: false when `deadline` came first and requests were left. They go on, but nothing waits for them.
    public func drain(deadline: ContinuousClock.Instant) async -> Bool { await drainOnLoop(deadline) }

    @LoopActor private func drainOnLoop(_ deadline: ContinuousClock.Instant) async -> Bool {
        if !state.isDraining {
            state.isDraining = true
            stopAccepting()
            for connection in Array(state.connections.values) { connection.drain() }
        }
        let alarm = LoopTimer(at: deadline) { [self] in
            for connection in Array(state.connections.values) { connection.closeIfIdle() }
            resumeIdleWaiters()
        }
        await withCheckedContinuation { continuation in
            // Looked at here: the last request may have been answered on the way to this closure.
            if isIdle || deadline <= .now { continuation.resume() } else { state.idleWaiters.append(continuation) }
        }
        alarm.cancel()
        return isIdle
    }

    @LoopActor private var isIdle: Bool { state.connections.isEmpty && inFlight == 0 }

    @LoopActor private func resumeIdleWaiters() {
        let waiters = state.idleWaiters
        state.idleWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// Whether a kept connection is to have no further request.
    @LoopActor var saysGoodbye: Bool { state.isDraining }

    // MARK: Accepting

    /// EPOLLEXCLUSIVE: of several worker processes on the same socket, a connection wakes one.
    @LoopActor private func watch() -> Bool {
        state.registration = Registration(descriptor, for: [.readable, .exclusive], Doorbell(self))
        return state.registration != nil
    }

    @LoopActor private func unwatch() {
        state.registration?.cancel()
        state.registration = nil
    }

    private enum Accepted {
        case connection(Int32)
        /// This one; there may be more.
        case failed
        case nothing
    }

    @LoopActor private func accept() -> Accepted {
        let connection = clinux_accept(descriptor)
        if connection >= 0 { return .connection(connection) }
        switch errno {
        case EINTR, ECONNABORTED: return .failed
        case EAGAIN: break
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: pauseAccepting(.descriptorsExhausted)
        case let code: pauseAccepting(.acceptFailed(errno: code))
        }
        return .nothing
    }

    @LoopActor private func begin(_ descriptor: Int32) {
        let connection = Connection(descriptor: descriptor, listener: self)
        state.connections[ObjectIdentifier(connection)] = connection
        connection.begin()
    }

    /// The listening socket stays readable while nothing can be accepted: leave it alone, and come back.
    @LoopActor private func pauseAccepting(_ fault: ConnectionError) {
        guard !state.isPaused, !state.isDraining else { return }
        state.isPaused = true
        report(fault)
        unwatch()
        resumeAccepting(in: .milliseconds(100))
    }

    @LoopActor private func resumeAccepting(in pause: Duration) {
        _ = LoopTimer(at: .now + pause) { [self] in
            guard !state.isDraining else { return }
            guard watch() else { return resumeAccepting(in: pause) }
            state.isPaused = false
        }
    }

    @LoopActor private func stopAccepting() {
        unwatch()
        // Connections for which epoll woke this process and no other, whose event was lost with the entry; and all that
        // wait in a socket that nobody else accepts from.
        accepting: for _ in 0..<Self.longestQueue {
            switch accept() {
            case .connection(let descriptor): begin(descriptor)
            case .failed: continue
            case .nothing: break accepting
            }
        }
        // Not closed: the number must not become another descriptor's.
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        if nothing >= 0 {
            dup2(nothing, descriptor)
            close(nothing)
        }
    }

    // MARK: Connections

    @LoopActor func forget(_ connection: Connection) {
        state.connections[ObjectIdentifier(connection)] = nil
        if isIdle { resumeIdleWaiters() }
    }

    /// Tells of a fault: of one that lasts the first time, and then once a minute.
    @LoopActor func report(_ error: ConnectionError) {
        if error.lasts {
            let now = ContinuousClock.now
            if let last = state.told[error], now - last < Self.silence { return }
            state.told[error] = now
        }
        onError(error)
    }

    /// Has the request answered in a task of its own on the loop.
    @LoopActor func answer(_ request: Request, on connection: Connection) -> Task<Void, Never> {
        requests.add(1, ordering: .acquiringAndReleasing)
        return LoopActor.start { await self.respond(to: request, on: connection) }
    }

    @LoopActor private func respond(to request: Request, on connection: Connection) async {
        let writer = ResponseWriter(connection)
        await responder.respond(to: request, with: writer)
        if await !writer.close(fallback: { self.responder.reply(toUnanswered: request) }) {
            onError(.unanswered(path: request.path))
        }
        release()
    }

    @LoopActor private func release() {
        requests.subtract(1, ordering: .acquiringAndReleasing)
        completed.add(1, ordering: .relaxed)
        if isIdle { resumeIdleWaiters() }
    }

    @LoopActor fileprivate func acceptSome() {
        for _ in 0..<Self.turn {
            switch accept() {
            case .connection(let descriptor): begin(descriptor)
            case .failed: continue
            case .nothing: return
            }
        }
        // The kernel wakes the process that has been in the queue for longest: one would do all the work.
        if state.registration != nil {
            unwatch()
            if !watch() { pauseAccepting(.descriptorsExhausted) }
        }
    }
}

/// Hears of the listening socket.
private final class Doorbell: DescriptorHandler {
    private let listener: Listener

    init(_ listener: Listener) { self.listener = listener }

    func ready(_ events: Readiness) { listener.acceptSome() }
}
