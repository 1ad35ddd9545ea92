internal import Synchronization

/// One request and its response, shared by the task that reads it and the driver thread that feeds it.
///
/// Everything that changes is in one mutex. Continuations are resumed outside of it.
final class Exchange: Sendable {
    struct Head: Sendable {
        var status = 0
        /// Names in lower case.
        var headers: [(name: String, value: String)] = []
    }

    typealias HeadContinuation = CheckedContinuation<Result<Head, CurlError>, Never>
    typealias BodyContinuation = CheckedContinuation<Result<[UInt8]?, CurlError>, Never>

    enum Waited {
        case delivered
        /// The buffer is empty again: the driver may resume a paused transfer.
        case deliveredFromPause
        /// The driver must be told of the deadline, unless it is nil.
        case waiting(telling: ContinuousClock.Instant?)
    }

    /// What the driver tells libcurl about bytes that it offered.
    enum Verdict {
        case taken, pause, stop
    }

    private enum Waiter {
        case head(HeadContinuation)
        case body(BodyContinuation)
    }

    private struct State {
        var request: HTTPRequest?
        var head = Head()
        var headIsComplete = false
        var buffer: [UInt8] = []
        var received = 0
        var isPaused = false
        var end: Result<Void, CurlError>?
        var deadline: ContinuousClock.Instant
        /// When the driver looks next, as far as it was told; nil for never.
        var nextLook: ContinuousClock.Instant?
        var waiter: Waiter?
    }

    private let configuration: CurlClient.Configuration
    private let state: Mutex<State>

    init(
        _ request: consuming HTTPRequest, _ configuration: CurlClient.Configuration, deadline: ContinuousClock.Instant
    ) {
        self.configuration = configuration
        state = Mutex(State(request: request, deadline: deadline, nextLook: deadline))
    }

    // MARK: The reader's side

    func awaitHead(_ continuation: HeadContinuation) {
        update { $0.waiter = .head(continuation) }
    }

    func awaitBody(_ continuation: BodyContinuation) -> Waited {
        var isSecond = false
        let waited: Waited = update { state in
            if state.waiter != nil {
                isSecond = true
                return .delivered
            }
            state.waiter = .body(continuation)
            if state.buffer.isEmpty, state.end == nil { return .waiting(telling: Self.untold(&state)) }
            defer { state.isPaused = false }
            return state.isPaused ? .deliveredFromPause : .delivered
        }
        if isSecond {
            continuation.resume(returning: .failure(CurlError(.invalidRequest, "two tasks read one response")))
        }
        return waited
    }

    /// - Returns: whether the driver must be told.
    func moveDeadline(to deadline: ContinuousClock.Instant) -> Bool {
        update { state in
            state.deadline = deadline
            return Self.untold(&state) != nil
        }
    }

    /// The deadline if somebody waits and the driver would look too late.
    private static func untold(_ state: inout State) -> ContinuousClock.Instant? {
        guard state.waiter != nil, state.end == nil else { return nil }
        if let nextLook = state.nextLook, nextLook <= state.deadline { return nil }
        state.nextLook = state.deadline
        return state.deadline
    }

    /// Drops what is unread. From then on the reader is told `.cancelled`, also when the response had ended well: without
    /// those bytes it would look like an empty one.
    ///
    /// - Returns: whether there was something to cancel.
    @discardableResult
    func cancel() -> Bool {
        update { state in
            let wasUnderWay = state.end == nil
            state.buffer = []
            state.end = .failure(CurlError(.cancelled, "cancelled"))
            return wasUnderWay
        }
    }

    // MARK: The driver's side

    var isOver: Bool {
        state.withLock { $0.end != nil }
    }

    /// Gives the request away, once: while the transfer waits, libcurl's copy is the only one.
    ///
    /// - Returns: nil when the exchange is over.
    func takeRequest() -> (request: HTTPRequest, deadline: ContinuousClock.Instant)? {
        state.withLock { state in
            defer { state.request = nil }
            guard let request = state.request, state.end == nil else { return nil }
            return (request, state.deadline)
        }
    }

    func finish(_ result: Result<Void, CurlError>) {
        update { state in
            guard state.end == nil else { return }
            state.end = result
        }
    }

    /// Ends the exchange if its deadline has passed.
    ///
    /// - Parameter look: the instant that brought the driver here; it counts only if it was told of none since.
    /// - Returns: when to look again; nil for never.
    func expire(at now: ContinuousClock.Instant, look: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        update { state in
            guard state.nextLook == look else { return nil }
            state.nextLook = nil
            guard state.waiter != nil, state.end == nil else { return nil }
            guard state.deadline <= now else {
                state.nextLook = state.deadline
                return state.deadline
            }
            state.end = .failure(CurlError(.timedOut, "nothing came in time"))
            return nil
        }
    }

    /// Takes one line of the header section, its line end included.
    func receive(headerLine bytes: UnsafeRawBufferPointer) -> Verdict {
        update { state in
            guard Self.admit(bytes.count, &state, configuration) else { return .stop }
            // What follows the body is a trailer, which nobody asked for.
            guard !state.headIsComplete else { return .taken }
            let end = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? 0
            let line = String(decoding: bytes[..<end], as: UTF8.self)
            if line.hasPrefix("HTTP/") {
                let status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
                state.head = Head(status: status ?? 0)
            } else if line.isEmpty {
                // 1xx: another header section follows (RFC 9110, 15.2).
                state.headIsComplete = state.head.status >= 200
            } else if let colon = line.firstIndex(of: ":") {
                let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
                state.head.headers.append((line[..<colon].lowercased(), String(value)))
            }
            return .taken
        }
    }

    func receive(body bytes: UnsafeRawBufferPointer) -> Verdict {
        update { state in
            guard state.end == nil else { return .stop }
            // libcurl offers the same bytes again after a pause, so they are counted only when they are taken.
            if !state.buffer.isEmpty, state.buffer.count + bytes.count > configuration.bufferedBytes {
                state.isPaused = true
                return .pause
            }
            guard Self.admit(bytes.count, &state, configuration) else { return .stop }
            state.buffer.append(contentsOf: bytes)
            return .taken
        }
    }

    private static func admit(_ count: Int, _ state: inout State, _ configuration: CurlClient.Configuration) -> Bool {
        guard state.end == nil else { return false }
        state.received += count
        guard state.received > configuration.maximumResponseBytes else { return true }
        let limit = configuration.maximumResponseBytes
        state.end = .failure(CurlError(.tooLarge, "the response has more than \(limit) bytes"))
        return false
    }

    // MARK: Both

    /// Changes the state, then hands the waiter what it waits for if that is there now.
    private func update<Value: Sendable>(_ change: (inout State) -> Value) -> Value {
        let (value, delivery) = state.withLock { state in
            let value = change(&state)
            return (value, Self.deliver(&state))
        }
        delivery?()
        return value
    }

    private static func deliver(_ state: inout State) -> (@Sendable () -> Void)? {
        switch state.waiter {
        case nil:
            return nil
        case .head(let continuation):
            let result: Result<Head, CurlError>
            if state.headIsComplete {
                result = .success(state.head)
            } else if let end = state.end {
                let cut = CurlError(.unreachable, "the response ended before its headers")
                result = end.flatMap { .failure(cut) }
            } else {
                return nil
            }
            state.waiter = nil
            return { continuation.resume(returning: result) }
        case .body(let continuation):
            let result: Result<[UInt8]?, CurlError>
            if !state.buffer.isEmpty {
                result = .success(state.buffer)
                state.buffer = []
            } else if let end = state.end {
                result = end.map { nil }
            } else {
                return nil
            }
            state.waiter = nil
            return { continuation.resume(returning: result) }
        }
    }
}
