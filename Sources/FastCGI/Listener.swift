import CFastCGI
import Glibc
import Synchronization
import Threads

// A FastCGI responder: takes connections from a listening unix socket, reads one request from each, and has a Responder
// answer it in a task of its own. Thousands of requests may wait for their answers at once.
//
//     listening socket ─┐                     ┌─▶ Task { responder.respond(to: request, with: writer) }
//     silent connection ┼─ epoll ─▶ accept ───┼─▶ Task
//     silent connection ┘          threads    └─▶ Task
//
// The connections that have sent nothing wait in the epoll set that all accept threads share, so they hold no thread. A
// connection that has sent something is parsed by libfcgi in the thread that epoll woke, and holds that thread until
// its request is whole or Limits.readTimeout is over. Replies are written by their tasks, which never block: see
// Connection.slice and Watch. A task whose peer hangs up is cancelled.
//
// It refuses: kept connections (an idle one would pin a reader), multiplexing, other roles than responder, and bodies
// above Limits.bodyBytes. It must not listen where strangers can connect: libfcgi trusts its peer (a FCGI_GET_VALUES
// record can smash its stack).

/// Accepts connections on a listening socket and has `responder` answer their requests.
public final class Listener: Sendable {
    private struct State {
        var isStarted = false
        var isDraining = false
        var idleWaiters: [Int: CheckedContinuation<Bool, Never>] = [:]
        var nextWaiter = 0
    }

    private let descriptor: Int32
    private let limits: Limits
    private let responder: any Responder
    private let onFault: @Sendable (Fault) -> Void
    private let state = Mutex(State())
    /// Everything that was accepted and is not closed. Every request changes the counts: a lock was fought over.
    private let connections = Atomic(0)
    /// Requests that a responder has.
    private let requests = Atomic(0)
    private let completed = Atomic(0)
    private let accepted = Atomic(0)
    private let poller: Poller
    private let watch: Watch?

    /// - Parameters:
    ///   - descriptor: a listening socket, made non-blocking by `start`. `drain` leaves /dev/null in its place.
    ///   - onFault: hears, on any thread, of what has no request to answer; for the log. It must not block.
    public init(
        descriptor: Int32, limits: Limits = Limits(), responder: any Responder,
        onFault: @escaping @Sendable (Fault) -> Void
    ) {
        self.descriptor = descriptor
        self.limits = limits
        self.responder = responder
        self.onFault = onFault
        poller = Poller(listening: descriptor)
        watch = try? Watch()
    }

    /// Requests that have been read and not yet answered.
    public var inFlight: Int { requests.load(ordering: .acquiring) }

    /// Requests whose responder has returned, since the start.
    public var answered: Int { completed.load(ordering: .relaxed) }

    /// Starts the threads that accept. Once in a listener's life.
    public func start() throws {
        guard let watch else { throw SystemError(call: "epoll_create1", errno: EMFILE) }
        precondition(
            state.withLock { state in
                defer { state.isStarted = true }
                return !state.isStarted
            }, "a listener starts once")
        try Signals.initializeLibrary()
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw SystemError(call: "fcntl", errno: errno)
        }
        try poller.start()
        try watch.start()
        for _ in 0..<max(1, limits.acceptThreads) {
            try BlockingThread.detach { [self] in acceptLoop(watch) }
        }
    }

    /// Stops accepting, and waits until every request in flight is answered.
    ///
    /// Connections that are already accepted, or wait to be, are still served, if they send within a second. The
    /// listening socket is then closed in this process, so that its path is free once the last process has it no more. A
    /// request that was cancelled is in flight until its responder returns.
    /// - Returns: false when `deadline` came first. The requests left go on, but nothing waits for them.
    public func drain(deadline: ContinuousClock.Instant) async -> Bool {
        let isFirst = state.withLock { state in
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if isFirst { await onThread { [self] in stopAccepting() } }
        let isIdle = await untilIdle(by: deadline)
        poller.end()
        if isIdle { watch?.stop() }
        return isIdle
    }

    // MARK: Accepting

    private func acceptLoop(_ watch: Watch) {
        while true {
            switch poller.wait() {
            case .connections: acceptAll(watch)
            case .silent(let silent): serve(silent, watch)
            case .end: return
            case .failed(let code): return onFault(.acceptFailed(errno: code))
            }
        }
    }

    /// Takes what waits, and serves the first that has something to read. Reading may take long, so the others wait for
    /// another thread to wake for them, and it comes after accepting.
    private func acceptAll(_ watch: Watch) {
        var own: Silent?
        accepting: while true {
            switch accept(watch) {
            case .nothing: break accepting
            case .failed: continue
            case .connection(let silent):
                if own == nil, peek(silent.descriptor) >= 0 { own = silent } else { waitOrServe(silent, watch) }
                let count = accepted.wrappingAdd(1, ordering: .relaxed).newValue
                if count % Self.turn == 0 {
                    if !poller.letOthersAccept() { pauseAccepting() }
                    break accepting
                }
            }
        }
        if let own { serve(own, watch) }
    }

    private enum Accepted {
        case connection(Silent)
        /// This one; there may be more.
        case failed
        case nothing
    }

    /// Whoever epoll woke for a connection must accept it even while draining: no other process was woken.
    private func accept(_ watch: Watch) -> Accepted {
        let connection = cfastcgi_accept(descriptor)
        guard connection >= 0 else {
            let code = errno
            switch code {
            case EINTR, ECONNABORTED: return .failed
            // ENOTSOCK: another thread has just stopped accepting.
            case EAGAIN, ENOTSOCK: break
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: pauseAccepting()
            default: onFault(.acceptFailed(errno: code))
            }
            return .nothing
        }
        guard let read = beginRead(connection, watch) else {
            close(connection)
            return .failed
        }
        connections.add(1, ordering: .acquiringAndReleasing)
        var patience = timeval(limits.writeTimeout)
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        return .connection(Silent(descriptor: connection, read: read))
    }

    /// Any thread wakes once there is something to read, which may be now.
    private func waitOrServe(_ silent: Silent, _ watch: Watch) {
        if !poller.add(silent) { serve(silent, watch) }
    }

    /// Bytes that could be read now, at most one; 0 at the end of the stream, -1 while it is silent.
    private func peek(_ connection: Int32) -> Int {
        var byte: UInt8 = 0
        return recv(connection, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    }

    private func beginRead(_ connection: Int32, _ watch: Watch) -> Watch.Read? {
        let deadline = ContinuousClock.now + .seconds(limits.readTimeout)
        if let read = watch.beginRead(connection, by: deadline) { return read }
        pauseAccepting()
        return watch.beginRead(connection, by: deadline)
    }

    private func pauseAccepting() { poller.pause { onFault(.descriptorsExhausted) } }

    /// Connections that may wait in the listening socket, by its backlog.
    private static let longestQueue = 4_096

    /// Connections that one process takes before it goes to the end of the queue.
    private static let turn = 8

    private func stopAccepting() {
        poller.stopAccepting()
        guard let watch else { return }
        // Connections for which epoll woke this process and no other, whose event was lost with the entry; and all that
        // wait in a socket that nobody else accepts from.
        for _ in 0..<Self.longestQueue {
            guard case .connection(let silent) = accept(watch) else { break }
            waitOrServe(silent, watch)
        }
        // Not closed: the number must not become another descriptor's.
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        if nothing >= 0 {
            dup2(nothing, descriptor)
            close(nothing)
        }
        watch.hurryReads(by: .now + .seconds(1))
    }

    // MARK: Serving

    /// Reads the request of a connection that has something to read, and starts its task.
    private func serve(_ silent: Silent, _ watch: Watch) {
        let (descriptor, read) = (silent.descriptor, silent.read)
        if peek(descriptor) == 0 {
            close(descriptor)
            if !watch.endRead(read) { onFault(.stalled) }
            return release(request: false)
        }
        do throws(Fault) {
            let connection = try Connection(
                descriptor: descriptor, watch: watch, writeTimeout: limits.writeTimeout)
            let request = connection.readRequest(limit: limits.bodyBytes)
            _ = watch.endRead(read)
            requests.add(1, ordering: .acquiringAndReleasing)
            connection.answer { Task { await answer(request, on: connection) } }
        } catch {
            onFault(watch.endRead(read) ? error : .stalled)
            release(request: false)
        }
    }

    private func answer(_ request: Request, on connection: Connection) async {
        let writer = ResponseWriter(connection)
        await responder.respond(to: request, with: writer)
        if await !writer.close(fallback: { FallbackReply.reply(to: request) }) {
            onFault(.unanswered(path: request.path))
        }
        release(request: true)
    }

    private func release(request: Bool) {
        if request {
            requests.subtract(1, ordering: .acquiringAndReleasing)
            completed.add(1, ordering: .relaxed)
        }
        guard connections.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        let waiters = state.withLock { state -> [Int: CheckedContinuation<Bool, Never>] in
            defer { state.idleWaiters = [:] }
            return state.idleWaiters
        }
        for waiter in waiters.values { waiter.resume(returning: true) }
    }

    // MARK: Draining

    private func untilIdle(by deadline: ContinuousClock.Instant) async -> Bool {
        let number = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        let alarm = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            state.withLock { $0.idleWaiters.removeValue(forKey: number) }?.resume(returning: false)
        }
        defer { alarm.cancel() }
        return await withCheckedContinuation { continuation in
            // The alarm may have rung before there was anybody to wake.
            let verdict: Bool? = state.withLock { state in
                // Whoever takes it to zero later, looks for waiters later.
                if connections.load(ordering: .acquiring) == 0 { return true }
                if ContinuousClock.now >= deadline { return false }
                state.idleWaiters[number] = continuation
                return nil
            }
            if let verdict { continuation.resume(returning: verdict) }
        }
    }
}

extension timeval {
    fileprivate init(_ seconds: Double) {
        let whole = seconds.rounded(.down)
        self.init(tv_sec: Int(whole), tv_usec: Int((seconds - whole) * 1_000_000))
    }
}
