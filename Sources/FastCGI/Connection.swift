import CFastCGI
import Glibc

/// One connection with its one request, as libfcgi keeps it. libfcgi owns the descriptor and closes it exactly once:
/// in `finish`, in `abandon`, or while failing to parse. The watch forgets the peer before.
///
/// `@unchecked Sendable`: `raw` and the variables are used by one thread at a time. The accepting thread builds the
/// connection and reads the request, then hands it to a ``ResponseWriter``, whose `isBusy` lets one call at a time in and
/// none after the last; the writer's mutex, and the start of the request's task, order each use after the one before.
final class Connection: ReplyChannel, @unchecked Sendable {
    /// The most that is handed to a socket at once. A unix socket has room for it (with the kernel's overhead of up to
    /// the same again) when it is fresh, and whenever it polls as writable: that means that three quarters of its
    /// default 208 KiB are free.
    private static let slice = 65_536

    private let raw: UnsafeMutablePointer<FCGX_Request>
    private let descriptor: Int32
    private let watch: Watch
    private let writeTimeout: Double
    private var isOpen = true
    private var hasUnreadInput = false
    /// Nil before a responder has the request, and once its reply is complete or given up.
    private var peer: Peer?

    /// Parses the request's parameters from `descriptor`, which is closed on failure.
    init(descriptor: Int32, watch: Watch, writeTimeout: Double) throws(Fault) {
        self.descriptor = descriptor
        self.watch = watch
        self.writeTimeout = writeTimeout
        raw = .allocate(capacity: 1)
        guard cfastcgi_read(raw, descriptor) == 0 else {
            isOpen = false
            throw .malformed
        }
        let isCut = FCGX_GetError(raw.pointee.in) != 0
        let role = Int(raw.pointee.role)
        if isCut || role != 1 {
            abandon()
            throw isCut ? .cutParameters : .unsupportedRole(role)
        }
    }

    deinit {
        if isOpen { abandon() }
        raw.deallocate()
    }

    // MARK: Reading

    /// Copies the parameters and reads the body. What libfcgi needed for that is freed: once only.
    func readRequest(limit: Int) -> Request {
        defer { cfastcgi_keep_output(raw) }
        let parameters = Parameters(environment: raw.pointee.envp)
        return Request(parameters, body: readBody(announced: parameters.value("CONTENT_LENGTH"), limit: limit))
    }

    private func readBody(announced: String?, limit: Int) -> Request.Body {
        let expected: Int
        switch Request.Body.announced(announced, limit: limit) {
        case .refused(let body):
            hasUnreadInput = true
            return body
        case .bytes(let count): expected = count
        }
        let bytes =
            expected == 0
            ? []
            : [UInt8](unsafeUninitializedCapacity: expected) { buffer, count in
                count = buffer.withMemoryRebound(to: CChar.self) {
                    Int(FCGX_GetStr($0.baseAddress!, Int32(expected), raw.pointee.in))
                }
            }
        guard bytes.count == expected else { return .truncated(expected: expected, received: bytes.count) }
        hasUnreadInput = !discardInput(atMost: limit)
        return .complete(bytes)
    }

    /// Reads on to the end of the input stream: closing a unix socket with unread bytes in it is a reset for the peer.
    private func discardInput(atMost limit: Int) -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
            var left = limit
            while FCGX_HasSeenEOF(raw.pointee.in) == 0, left > 0 {
                left -= Swift.max(1, Int(FCGX_GetStr(buffer.baseAddress!, Int32(buffer.count), raw.pointee.in)))
            }
            return FCGX_HasSeenEOF(raw.pointee.in) != 0
        }
    }

    // MARK: Replying

    /// Starts the task that answers the request, and has it cancelled if the peer hangs up before its reply is complete.
    func answer(in start: () -> Task<Void, Never>) {
        let peer = watch.expectHangUp(on: descriptor)
        self.peer = peer
        peer.onHangUp(cancel: start())
    }

    func deliver(_ head: [UInt8], _ body: [UInt8], isLast: Bool) async throws(ResponseError) {
        do throws(ResponseError) {
            try await untilWritable()
            var room = Self.slice
            for part in [head, body] {
                var rest = part[...]
                while !rest.isEmpty {
                    if room == 0 {
                        try await untilWritable()
                        room = Self.slice
                    }
                    let piece = rest.prefix(room)
                    try put(piece)
                    rest = rest.dropFirst(piece.count)
                    room -= piece.count
                }
            }
            if isLast {
                try finish()
            } else if FCGX_FFlush(raw.pointee.out) < 0 {
                throw failure()
            }
        } catch {
            // The watch may not have come to it yet, and will not once the peer is forgotten.
            if error == .peerGone { peer?.hangUp() }
            abandon()
            throw error
        }
    }

    func abandon() {
        guard isOpen else { return }
        isOpen = false
        forgetPeer()
        shutdown(descriptor, Int32(SHUT_RDWR))
        FCGX_Free(raw, 1)
    }

    private func put(_ bytes: ArraySlice<UInt8>) throws(ResponseError) {
        let result = bytes.withUnsafeBytes {
            FCGX_PutStr($0.bindMemory(to: CChar.self).baseAddress!, Int32($0.count), raw.pointee.out)
        }
        if result < 0 { throw failure() }
    }

    private func finish() throws(ResponseError) {
        // A peer that has the end of its reply hangs up, and that is no reason to cancel anything.
        forgetPeer()
        if FCGX_FClose(raw.pointee.out) != 0 { throw failure() }
        if hasUnreadInput { drainSocket() }
        isOpen = false
        cfastcgi_finish(raw)
    }

    private func forgetPeer() {
        if let peer { watch.forget(peer) }
        peer = nil
    }

    private func untilWritable() async throws(ResponseError) {
        let deadline = ContinuousClock.now + .seconds(writeTimeout)
        while true {
            let state = poll(for: POLLOUT)
            if state & (POLLHUP | POLLERR) != 0 { throw .peerGone }
            if state & POLLOUT != 0 { return }
            guard let peer, await watch.untilWritable(peer, by: deadline) else { throw .peerStalled }
        }
    }

    private func poll(for events: Int32) -> Int32 {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return Glibc.poll(&entry, 1, 0) > 0 ? Int32(entry.revents) : 0
    }

    private func failure() -> ResponseError {
        FCGX_GetError(raw.pointee.out) == EAGAIN ? .peerStalled : .peerGone
    }

    /// Takes what the peer has already sent of a body that was not wanted, without waiting for more of it.
    private func drainSocket() {
        withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { buffer in
            var left = 64
            while left > 0, recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)) > 0 {
                left -= 1
            }
        }
    }
}
