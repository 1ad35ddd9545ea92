internal import EventLoop

/// One request and its response, between libcurl, which feeds it, and the task that reads it.
@LoopActor final class TransferState {
    struct Head: Sendable {
        var status = 0
        /// Names in lower case.
        var headers: [(name: String, value: String)] = []
    }

    /// What libcurl is told about bytes that it offered.
    enum Verdict {
        case taken, pause, stop
    }

    private enum Waiter {
        case head(CheckedContinuation<Result<Head, CurlError>, Never>)
        /// Told false when another one reads already.
        case body(CheckedContinuation<Bool, Never>)
    }

    /// Known once the transfer has ended.
    var certificateEnd: String?
    private let configuration: CurlClient.Configuration
    private unowned let driver: Driver
    private var head = Head()
    private var headIsComplete = false
    private var buffer: [UInt8] = []
    private var received = 0
    private var isPaused = false
    /// What comes may be read a moment later.
    private var isSteady = false
    private var end: Result<Void, CurlError>?
    private var deadline: ContinuousClock.Instant
    /// Never later than the deadline while somebody waits.
    private var timer: LoopTimer?
    private var waiter: Waiter?

    init(_ configuration: CurlClient.Configuration, driver: Driver, deadline: ContinuousClock.Instant) {
        self.configuration = configuration
        self.driver = driver
        self.deadline = deadline
    }

    // MARK: The reader's side

    func awaitHead() async throws(CurlError) -> Head {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiter = .head(continuation)
                deliver()
                watchDeadline()
            }
        } onCancel: {
            Task { @LoopActor in cancel() }
        }
        return try result.get()
    }

    /// Takes all that has come when it goes on, not only what it was woken for: libcurl hands out a body chunk by chunk.
    func next() async throws(CurlError) -> [UInt8]? {
        while true {
            if Task.isCancelled { cancel() }
            if !buffer.isEmpty { return taken() }
            if let end { return try end.map { nil }.get() }
            let isAlone = await withTaskCancellationHandler {
                await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                    guard waiter == nil else { return continuation.resume(returning: false) }
                    waiter = .body(continuation)
                    deliver()
                    watchDeadline()
                }
            } onCancel: {
                Task { @LoopActor in cancel() }
            }
            guard isAlone else { throw CurlError(.invalidRequest, "two tasks read one response") }
        }
    }

    private func taken() -> [UInt8] {
        defer { buffer = [] }
        if isPaused {
            isPaused = false
            driver.resume(self)
        }
        return buffer
    }

    func moveDeadline(to deadline: ContinuousClock.Instant) {
        self.deadline = deadline
        watchDeadline()
    }

    func gather() { isSteady = true }

    /// Drops what is unread. From then on the reader is told `.cancelled`, also when the response had ended well: without
    /// those bytes it would look like an empty one.
    func cancel() {
        let isUnderWay = end == nil
        buffer = []
        finish(.failure(CurlError(.cancelled, "cancelled")))
        if isUnderWay { driver.remove(self) }
    }

    var isOver: Bool { end != nil }

    // MARK: The deadline

    private func watchDeadline() {
        guard waiter != nil, end == nil else { return }
        if let timer, timer.instant <= deadline { return }
        timer?.cancel()
        timer = LoopTimer(at: deadline) { [self] in
            timer = nil
            guard waiter != nil, end == nil else { return }
            guard deadline <= .now else { return watchDeadline() }
            finish(.failure(CurlError(.timedOut, "nothing came in time")))
            driver.remove(self)
        }
    }

    // MARK: libcurl's side

    func finish(_ result: Result<Void, CurlError>) {
        end = result
        timer?.cancel()
        timer = nil
        deliver()
    }

    /// Takes one line of the header section, its line end included.
    func receive(headerLine bytes: UnsafeRawBufferPointer) -> Verdict {
        guard admit(bytes.count) else { return .stop }
        // What follows the body is a trailer, which nobody asked for.
        guard !headIsComplete else { return .taken }
        let end = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? 0
        let line = String(decoding: bytes[..<end], as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            let status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            head = Head(status: status ?? 0)
        } else if line.isEmpty {
            // 1xx: another header section follows (RFC 9110, 15.2).
            headIsComplete = head.status >= 200
            deliver()
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            head.headers.append((line[..<colon].lowercased(), String(value)))
        }
        return .taken
    }

    func receive(body bytes: UnsafeRawBufferPointer) -> Verdict {
        guard end == nil else { return .stop }
        // libcurl offers the same bytes again after a pause, so they are counted only when they are taken.
        if !buffer.isEmpty, buffer.count + bytes.count > configuration.bufferedBytes {
            isPaused = true
            return .pause
        }
        guard admit(bytes.count) else { return .stop }
        if isSteady { driver.gathering.reading?.gather() }
        buffer.append(contentsOf: bytes)
        deliver()
        return .taken
    }

    private func admit(_ count: Int) -> Bool {
        guard end == nil else { return false }
        received += count
        let limit = configuration.maximumResponseBytes
        guard received > limit else { return true }
        finish(.failure(CurlError(.tooLarge, "the response has more than \(limit) bytes")))
        return false
    }

    /// Hands the waiter what it waits for, if that is there now.
    private func deliver() {
        switch waiter {
        case nil:
            return
        case .head(let continuation):
            let result: Result<Head, CurlError>
            if headIsComplete {
                result = .success(head)
            } else if let end {
                let cut = CurlError(.unreachable, "the response ended before its headers")
                result = end.flatMap { .failure(cut) }
            } else {
                return
            }
            waiter = nil
            continuation.resume(returning: result)
        case .body(let continuation):
            guard !buffer.isEmpty || end != nil else { return }
            waiter = nil
            continuation.resume(returning: true)
        }
    }
}
