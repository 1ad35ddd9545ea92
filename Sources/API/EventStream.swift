import Chat
import FastCGI
import Synchronization

/// A reply as server-sent events (WHATWG HTML §9.2). The head goes out with the first event, so that what fails
/// before it is still an ordinary error reply; or with the first comment, when there is nothing to send for long.
final class EventStream: Sendable {
    static let contentType = "text/event-stream; charset=utf-8"
    /// What proxies and browsers hear so that they do not take silence for a lost connection.
    private static let comment = Array(": keep-alive\n\n".utf8)

    private struct State {
        /// Goes before the first event.
        var beginning: [UInt8] = []
        /// Of the head, beside those of every reply.
        var headers: [(name: String, value: String)] = []
        var isStarted = false
        var isSending = false
        /// Who has something to send while a comment is sent.
        var next: CheckedContinuation<Void, Never>?
        var lastSent = ContinuousClock.now
        var isSilent = false
        var comments: Task<Void, Never>?
    }

    private let writer: ResponseWriter
    private let headers: [(name: String, value: String)]
    private let rates: RateSlot?
    private let state = Mutex(State())

    /// - Parameter rates: of an API key, known by the first event.
    init(_ writer: ResponseWriter, headers: [(name: String, value: String)], rates: RateSlot? = nil) {
        self.writer = writer
        // Without this header nginx would collect the events before it passes them on.
        self.headers = headers + [("X-Accel-Buffering", "no")]
        self.rates = rates
    }

    var hasStarted: Bool { state.withLock { $0.isStarted } }

    /// - Parameter events: for before the first event.
    func begin(with events: [UInt8]) { state.withLock { $0.beginning = events } }

    /// Headers that were not known before; they count as long as the head has not gone out.
    func note(_ headers: [(name: String, value: String)]) { state.withLock { $0.headers = headers } }

    /// One call at a time.
    func send(_ events: [UInt8]) async throws {
        await turn()
        let beginning = state.withLock { state in
            defer { state.beginning = [] }
            return state.beginning
        }
        try await write(beginning.isEmpty ? events : beginning + events)
    }

    /// Sends the last events.
    func finish(_ events: [UInt8]) async throws {
        await silence()
        try await send(events)
    }

    // MARK: Comments

    /// From now on sends a comment whenever nothing else was sent for that long.
    func sendComments(every interval: Duration, _ background: Background) {
        let comments = background.start {
            while true {
                let silence = self.state.withLock { ContinuousClock.now - $0.lastSent }
                if silence >= interval { await self.sendComment() }
                do { try await background.clock.sleep(for: silence >= interval ? interval : interval - silence) } catch
                {
                    return
                }
            }
        }
        state.withLock { $0.comments = comments }
    }

    /// Returns when no comment is being sent, and none will be.
    func silence() async {
        state.withLock { state in
            state.isSilent = true
            state.comments?.cancel()
        }
        await turn()
        pass()
    }

    private func sendComment() async {
        let mayBegin = state.withLock { state in
            guard !state.isSending, !state.isSilent else { return false }
            state.isSending = true
            return true
        }
        // A caller who is gone is noticed by whoever answers.
        if mayBegin { try? await write(Self.comment) }
    }

    // MARK: Turns

    private func turn(isolation: isolated (any Actor)? = #isolation) async {
        let isFree = state.withLock { state in
            defer { state.isSending = true }
            return !state.isSending
        }
        if isFree { return }
        await withCheckedContinuation { continuation in
            let isNow = state.withLock { state in
                if state.isSending { state.next = continuation }
                defer { state.isSending = true }
                return !state.isSending
            }
            if isNow { continuation.resume() }
        }
    }

    private func pass() {
        state.withLock { state in
            state.isSending = state.next != nil
            state.next?.resume()
            state.next = nil
        }
    }

    private func write(_ bytes: [UInt8]) async throws {
        defer { pass() }
        let (isFirst, more) = state.withLock { state in
            defer { (state.isStarted, state.lastSent) = (true, .now) }
            return (!state.isStarted, state.headers)
        }
        guard isFirst else { return try await writer.write(bytes) }
        let headers = headers + RateHeaders.headers(rates?.report) + more
        try await writer.start(ResponseHead(status: 200, headers: headers), bytes)
    }
}
