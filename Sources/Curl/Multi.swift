internal import CCurl
internal import EventLoop

/// A libcurl multi handle with its connections, and what it wants to hear of: sockets and one timer.
///
/// libcurl says what it wants in callbacks, from inside its own functions, and may not be called from there. So the
/// callbacks only change what the loop watches, and the loop acts on it later.
@LoopActor final class Multi {
    /// How many transfers one handle takes. libcurl walks all connections of a handle when a transfer starts and again
    /// when it ends (`ConnectionExists`, `curl_multi_remove_handle`), so one handle for thousands of transfers spends
    /// most of its time there.
    static let capacity = 500

    private let multi: UnsafeMutableRawPointer
    private let gathering: Gathering
    /// Called after libcurl has done something: a transfer may have ended.
    private let afterwards: @LoopActor (Multi) -> Void
    private var sockets: [curl_socket_t: Socket] = [:]
    /// When libcurl wants to be called without any event.
    private var timer: LoopTimer?
    /// A socket was given up before it was connected. libcurl 7.88 goes on to the next address only when it is called again,
    /// and asks neither for a socket nor for a timer to be.
    private var hasGivenUp = false
    private(set) var count = 0
    private(set) var emptySince: ContinuousClock.Instant? = .now

    init(_ gathering: Gathering, afterwards: @escaping @LoopActor (Multi) -> Void) throws(CurlError) {
        guard let multi = ccurl_multi_init() else { throw CurlError(.unreachable, "libcurl has no memory") }
        self.multi = multi
        self.gathering = gathering
        self.afterwards = afterwards
        ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        // libcurl counts the connections in use too: with fewer places each transfer that ends would close one.
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.capacity)
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_socket_callback(multi, Self.socketChanged, context)
        ccurl_multi_set_timer_callback(multi, Self.timerChanged, context)
    }

    /// Closes the connections. Call it once, with no transfer left.
    func close() {
        ccurl_multi_cleanup(multi)
        timer?.cancel()
        for socket in sockets.values { socket.end() }
        sockets = [:]
    }

    var isFull: Bool { count >= Self.capacity }

    func add(_ easy: UnsafeMutableRawPointer) {
        count += 1
        emptySince = nil
        ccurl_multi_add_handle(multi, easy)
    }

    func remove(_ easy: UnsafeMutableRawPointer) {
        ccurl_multi_remove_handle(multi, easy)
        count -= 1
        if count == 0 { emptySince = .now }
    }

    /// A transfer that has ended and is still to be removed.
    func nextEnded() -> (easy: UnsafeMutableRawPointer, code: CURLcode)? {
        var left: Int32 = 0
        while let message = ccurl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            return (easy, message.pointee.data.result)
        }
        return nil
    }

    /// Lets libcurl go on with a socket, or with what its timer was set for.
    private func act(on socket: curl_socket_t, readiness: Int32) {
        var running: Int32 = 0
        ccurl_multi_socket_action(multi, socket, readiness, &running)
        if hasGivenUp, count > 0 {
            hasGivenUp = false
            ccurl_multi_socket_all(multi, &running)
        }
        afterwards(self)
    }

    // MARK: What libcurl wants

    private static let socketChanged: curl_socket_callback = { _, socket, wish, context, _ in
        guard let context else { return 0 }
        let multi = Unmanaged<Multi>.fromOpaque(context).takeUnretainedValue()
        LoopActor.assumeIsolated {
            switch wish {
            case CURL_POLL_IN: multi.watch(socket, for: .readable)
            case CURL_POLL_OUT: multi.watch(socket, for: .writable)
            case CURL_POLL_INOUT: multi.watch(socket, for: [.readable, .writable])
            default: multi.forget(socket)
            }
        }
        return 0
    }

    private static let timerChanged: curl_multi_timer_callback = { _, milliseconds, context in
        guard let context else { return 0 }
        let multi = Unmanaged<Multi>.fromOpaque(context).takeUnretainedValue()
        LoopActor.assumeIsolated {
            multi.timer?.cancel()
            multi.timer = nil
            guard milliseconds >= 0 else { return }
            multi.timer = LoopTimer(at: .now + .milliseconds(milliseconds)) {
                multi.timer = nil
                multi.act(on: CURL_SOCKET_TIMEOUT, readiness: 0)
            }
        }
        return 0
    }

    /// Adds a socket or changes what is waited for.
    ///
    /// A closed socket leaves the epoll set without a word, and its number may be another one's by now. A socket for which
    /// the kernel has no memory is not watched; its transfer times out.
    private func watch(_ descriptor: curl_socket_t, for events: Readiness) {
        if let socket = sockets[descriptor] {
            if socket.watch(for: events) { return }
            socket.end(isClosed: true)
        }
        let socket = Socket(descriptor, self)
        socket.begin(events)
        sockets[descriptor] = socket
    }

    private func forget(_ descriptor: curl_socket_t) {
        guard let socket = sockets.removeValue(forKey: descriptor) else { return }
        socket.end()
        if socket.isConnecting { hasGivenUp = true }
    }

    /// A socket that libcurl watches.
    final class Socket: DescriptorHandler {
        private let descriptor: curl_socket_t
        private unowned let multi: Multi
        private var registration: Registration?
        private var events: Readiness = []
        private var lastRead = ContinuousClock.now
        private var isHeld = false
        private var hasEnded = false
        /// Of a steady transfer, until libcurl watches the socket for another one.
        private var gathers = false {
            didSet { if gathers != oldValue { multi.gathering.count += gathers ? 1 : -1 } }
        }

        fileprivate init(_ descriptor: curl_socket_t, _ multi: Multi) {
            self.descriptor = descriptor
            self.multi = multi
        }

        /// libcurl watches a socket for writing alone until it is connected.
        fileprivate var isConnecting: Bool { events == .writable }

        fileprivate func begin(_ events: Readiness) {
            self.events = events
            registration = Registration(descriptor, for: events, self)
        }

        fileprivate func watch(for events: Readiness) -> Bool {
            self.events = events
            return registration?.change(to: isHeld ? [] : events) == true
        }

        /// - Parameter isClosed: it has left the epoll set, and its number may be another's.
        fileprivate func end(isClosed: Bool = false) {
            (gathers, hasEnded) = (false, true)
            if isClosed { registration?.forget() } else { registration?.cancel() }
        }

        /// An error or a hang-up is found by reading or writing, whichever libcurl is about to do.
        func ready(_ events: Readiness) {
            let failed = !events.isDisjoint(with: [.hangUp, .failure])
            let readable = failed || events.contains(.readable)
            let writable = failed || events.contains(.writable)
            if gathers, !failed, !writable, !isHeld {
                let now = ContinuousClock.now
                isHeld = multi.gathering.holds(self, lastRead: lastRead, now: now)
                if isHeld {
                    registration?.change(to: self.events.subtracting(.readable))
                    return
                }
                lastRead = now
            }
            act((readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0))
        }

        private func act(_ readiness: Int32) {
            multi.gathering.reading = self
            multi.act(on: descriptor, readiness: readiness)
            multi.gathering.reading = nil
        }

        /// From now on what comes on it may gather.
        func gather() { gathers = true }

        /// Has been held for long enough.
        func read(at now: ContinuousClock.Instant) {
            guard !hasEnded else { return }
            (isHeld, lastRead) = (false, now)
            registration?.change(to: events)
            act(CURL_CSELECT_IN)
        }
    }
}
