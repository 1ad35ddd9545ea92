import FastCGI
import Glibc
import Synchronization

/// A listener on a unix socket in a folder of its own, with a responder that is a closure.
final class Server: Sendable {
    typealias Answer = @Sendable (Request, ResponseWriter) async -> Void

    struct Closure: Responder {
        let answer: Answer
        func respond(to request: Request, with writer: ResponseWriter) async { await answer(request, writer) }
        func reply(toUnanswered request: Request) -> (head: ResponseHead, body: [UInt8]) {
            (ResponseHead(status: 500, headers: [("Content-Type", "text/plain")]), Array("no answer".utf8))
        }
    }

    let path: String
    let listener: Listener
    /// What the listener reported, in order.
    let faults: AsyncStream<ConnectionError>
    private let reports: AsyncStream<ConnectionError>.Continuation
    private let folder: String
    let descriptor: Int32

    init(_ limits: Limits = Limits(), answer: @escaping Answer) async throws {
        var template = Array("/tmp/fastcgi-tests.XXXXXX".utf8CString)
        folder = String(cString: mkdtemp(&template))
        path = folder + "/socket"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un(path: path)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, listen(descriptor, 4096) == 0 else { throw FastCGIClient.Failure(what: "listen") }
        self.descriptor = descriptor
        let (stream, continuation) = AsyncStream.makeStream(of: ConnectionError.self)
        (faults, reports) = (stream, continuation)
        listener = Listener(descriptor: descriptor, limits: limits, responder: Closure(answer: answer)) {
            continuation.yield($0)
        }
        try await listener.start()
    }

    /// Drains and removes the socket.
    func stop() async -> Bool {
        let isIdle = await listener.drain(deadline: .now + .seconds(20))
        remove()
        return isIdle
    }

    /// Lets who reads ``faults`` come to an end.
    func endFaults() { reports.finish() }

    func remove() {
        close(descriptor)
        unlink(path)
        rmdir(folder)
    }

    func nextFault() async -> ConnectionError? {
        var iterator = faults.makeAsyncIterator()
        return await iterator.next()
    }

    func exchange(
        _ parameters: [(String, String)], body: [UInt8] = [], recordSize: Int = 65_535
    ) async throws -> FastCGIClient.Reply {
        try await blocking { [path] in
            try FastCGIClient.exchange(path, parameters, body: body, recordSize: recordSize)
        }
    }

    /// Says what it got: method, path, query and body.
    static let describe: Answer = { request, writer in
        let body =
            switch request.body {
            case .complete(let bytes): "complete \(bytes.count) \(bytes.reduce(0) { ($0 &* 31 &+ Int($1)) % 65_521 })"
            case .truncated(let expected, let received): "truncated \(expected) \(received)"
            case .tooLarge(let limit): "tooLarge \(limit)"
            case .invalidLength: "invalidLength"
            }
        let text = "\(request.method) \(request.path) \(request.query) \(body)"
        try? await writer.send(
            ResponseHead(status: 200, headers: [("Content-Type", "text/plain")]), body: Array(text.utf8))
    }
}

/// Lets tasks wait until it is opened, and tells when some are waiting.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var expected: (Int, CheckedContinuation<Void, Never>)?
    }
    private let state = Mutex(State())

    func wait() async {
        await withCheckedContinuation { continuation in
            let resumed = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                if state.isOpen { return [continuation] }
                state.waiting.append(continuation)
                guard let (count, other) = state.expected, state.waiting.count >= count else { return [] }
                state.expected = nil
                return [other]
            }
            for continuation in resumed { continuation.resume() }
        }
    }

    /// Returns when `count` tasks are waiting, or after 20 s.
    func reached(by count: Int = 1) async {
        let alarm = Task {
            try await Task.sleep(for: .seconds(20))
            let waiter = state.withLock { state in
                defer { state.expected = nil }
                return state.expected
            }
            waiter?.1.resume()
        }
        defer { alarm.cancel() }
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.waiting.count < count { state.expected = (count, continuation) }
                return state.waiting.count >= count
            }
            if isReached { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
