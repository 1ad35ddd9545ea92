internal import CCurl
internal import Glibc

/// A libcurl multi handle with its connections, and what it wants to hear of: sockets and one timer.
///
/// libcurl says what it wants in callbacks, from inside its own functions, and may not be called from there. So the
/// callbacks only write it down, and the driver acts on it later. Used on the driver thread only.
final class Multi {
    /// How many transfers one handle takes. libcurl walks all connections of a handle when a transfer starts and again
    /// when it ends (`ConnectionExists`, `curl_multi_remove_handle`), so one handle for thousands of transfers spends
    /// most of its time there.
    static let capacity = 500

    private let multi: UnsafeMutableRawPointer
    private let number: Int32
    private let poller: Poller
    private(set) var count = 0
    private(set) var emptySince: ContinuousClock.Instant? = .now
    /// When libcurl wants to be called without any event.
    private(set) var timer: ContinuousClock.Instant?

    /// - Parameter number: what the poller gives as owner of this handle's sockets.
    init(number: Int32, _ poller: Poller) throws(CurlError) {
        guard let multi = curl_multi_init() else { throw CurlError(.unreachable, "libcurl has no memory") }
        self.multi = multi
        self.number = number
        self.poller = poller
        ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        // libcurl counts the connections in use too: with fewer places each transfer that ends would close one.
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.capacity)
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_socket_callback(multi, Self.socketChanged, context)
        ccurl_multi_set_timer_callback(multi, Self.timerChanged, context)
    }

    /// Closes the connections. Call it once, with no transfer left.
    func close() {
        curl_multi_cleanup(multi)
    }

    var isFull: Bool { count >= Self.capacity }

    func add(_ easy: UnsafeMutableRawPointer) {
        count += 1
        emptySince = nil
        curl_multi_add_handle(multi, easy)
    }

    func remove(_ easy: UnsafeMutableRawPointer) {
        curl_multi_remove_handle(multi, easy)
        count -= 1
        if count == 0 { emptySince = .now }
    }

    /// Lets libcurl go on with a socket. An error or a hang-up is found by reading or writing, whichever it is about to
    /// do.
    func act(on socket: curl_socket_t, _ events: UInt32) {
        let failed = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        let readable = failed || events & EPOLLIN.rawValue != 0
        let writable = failed || events & EPOLLOUT.rawValue != 0
        act(on: socket, readiness: (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0))
    }

    /// Lets libcurl go on if its timer has run out.
    func actOnTimer(at now: ContinuousClock.Instant) {
        guard let timer, timer <= now else { return }
        self.timer = nil
        act(on: CURL_SOCKET_TIMEOUT, readiness: 0)
    }

    /// A transfer that has ended and is still to be removed.
    func nextEnded() -> (easy: UnsafeMutableRawPointer, code: CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            return (easy, message.pointee.data.result)
        }
        return nil
    }

    private func act(on socket: curl_socket_t, readiness: Int32) {
        var running: Int32 = 0
        curl_multi_socket_action(multi, socket, readiness, &running)
    }

    private static let socketChanged: curl_socket_callback = { _, socket, wish, context, _ in
        guard let context else { return 0 }
        let multi = Unmanaged<Multi>.fromOpaque(context).takeUnretainedValue()
        switch wish {
        case CURL_POLL_IN: multi.watch(socket, for: EPOLLIN.rawValue)
        case CURL_POLL_OUT: multi.watch(socket, for: EPOLLOUT.rawValue)
        case CURL_POLL_INOUT: multi.watch(socket, for: EPOLLIN.rawValue | EPOLLOUT.rawValue)
        default: multi.poller.forget(socket)
        }
        return 0
    }

    private static let timerChanged: curl_multi_timer_callback = { _, milliseconds, context in
        guard let context else { return 0 }
        let multi = Unmanaged<Multi>.fromOpaque(context).takeUnretainedValue()
        multi.timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
        return 0
    }

    private func watch(_ socket: curl_socket_t, for events: UInt32) {
        poller.watch(socket, for: events, owner: number)
    }
}
