import Synchronization

/// Why a reply, or a piece of it, was not sent.
public enum ResponseError: Error, Sendable, Equatable {
    /// The peer closed its side. Nothing more can be sent.
    case peerGone
    /// The peer took nothing for ``Limits/writeTimeout`` seconds. The connection is closed.
    case peerStalled
    /// A reply was already sent or started.
    case alreadyStarted
    /// `write` before `start`.
    case notStarted
    /// The reply is complete, failed, or was ended by the responder's return.
    case finished
    /// Another call on the same writer has not returned yet.
    case busy
    /// A name that is no token (RFC 9110, 5.6.2), or a value with a control character. Nothing was sent.
    case invalidHeader(String)
    /// A status outside 200 to 599. Nothing was sent.
    case invalidStatus(Int)
}

/// Where a reply's bytes go: a FastCGI connection, the standard output of a CGI program, or what a test looks at.
///
/// ``ResponseWriter`` never makes two calls at once, and none after `isLast`, a throw or `abandon`.
public protocol ReplyChannel: Sendable {
    /// Returns when the kernel has taken all bytes. With `isLast` the reply is then complete and the channel closed.
    func deliver(_ head: [UInt8], _ body: [UInt8], isLast: Bool) async throws(ResponseError)
    /// Closes without completing the reply.
    func abandon()
}

/// Sends one reply: whole with ``send(_:body:)``, or piece by piece with ``start(_:)`` and ``write(_:)``.
///
/// One call at a time. After a ``ResponseError/peerGone`` or ``ResponseError/peerStalled`` the connection is closed and
/// every later call throws ``ResponseError/finished``.
public final class ResponseWriter: Sendable {
    private enum Phase { case idle, streaming, finished }

    private struct State {
        var phase = Phase.idle
        var isBusy = false
        var bytesSent = 0
        /// The responder has returned while a call of its own was still under way.
        var endsWhenIdle = false
    }

    private let channel: any ReplyChannel
    private let state = Mutex(State())

    public init(_ channel: any ReplyChannel) {
        self.channel = channel
    }

    /// Bytes of the reply's body that the kernel has taken.
    public var bytesSent: Int { state.withLock { $0.bytesSent } }

    /// Sends a whole reply and completes it. `Status` and `Content-Length` are added.
    public func send(_ head: ResponseHead, body: [UInt8]) async throws(ResponseError) {
        let block = try head.encoded(contentLength: body.count)
        try begin(.idle)
        try await deliver(block, body, isLast: true)
    }

    /// Sends the head of a reply whose length is not known, and the first piece of it. The responder's return completes it.
    public func start(_ head: ResponseHead, _ bytes: [UInt8] = []) async throws(ResponseError) {
        let block = try head.encoded(contentLength: nil)
        try begin(.idle)
        try await deliver(block, bytes, isLast: false)
    }

    /// Sends a piece of a started reply, at once.
    public func write(_ bytes: [UInt8]) async throws(ResponseError) {
        try begin(.streaming)
        try await deliver([], bytes, isLast: false)
    }

    /// Ends the reply after the responder returned: completes a stream, or sends `fallback` if nothing was sent.
    ///
    /// - Returns: false when `fallback` was needed, and there was still a peer to need it.
    func close(fallback: () -> (ResponseHead, [UInt8])) async -> Bool {
        let phase = state.withLock { state in
            if state.isBusy { state.endsWhenIdle = true }
            return state.isBusy ? .finished : state.phase
        }
        switch phase {
        case .finished: return true
        case .streaming:
            guard (try? begin(.streaming)) != nil else { return true }
            try? await deliver([], [], isLast: true)
            return true
        case .idle:
            let (head, body) = fallback()
            do {
                try await send(head, body: body)
            } catch .invalidHeader, .invalidStatus {
                state.withLock { $0.phase = .finished }
                channel.abandon()
            } catch .peerGone {
                return true
            } catch {}
            return false
        }
    }

    private func deliver(_ head: [UInt8], _ body: [UInt8], isLast: Bool) async throws(ResponseError) {
        do {
            try await channel.deliver(head, body, isLast: isLast)
        } catch {
            state.withLock { state in
                state.phase = .finished
                state.isBusy = false
            }
            throw error
        }
        try end(bytes: body.count) { $0.phase = isLast ? .finished : .streaming }
    }

    private func begin(_ allowed: Phase) throws(ResponseError) {
        try state.withLock { state throws(ResponseError) in
            if state.phase == .finished { throw .finished }
            if state.isBusy { throw .busy }
            guard state.phase == allowed else {
                throw state.phase == .idle ? .notStarted : .alreadyStarted
            }
            state.isBusy = true
        }
    }

    private func end(bytes: Int, _ change: (inout State) -> Void) throws(ResponseError) {
        let mustAbandon = state.withLock { state in
            state.isBusy = false
            state.bytesSent += bytes
            change(&state)
            guard state.endsWhenIdle, state.phase != .finished else { return false }
            state.phase = .finished
            return true
        }
        if mustAbandon {
            channel.abandon()
            throw .finished
        }
    }
}
