import CFastCGI
import Chat
import Dispatch
import EventLoop
import Glibc
import StrictJSON

@testable import FastCGI
@testable import Models

/// FastCGI's records at the real reader, over a real socket, in two portions: the first byte says where the first
/// one ends.
@Sendable func fuzzRecords(_ bytes: [UInt8]) {
    precondition(isReady)
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    // Descriptors that the reader does not give back are used up soon.
    precondition(socketpair(AF_UNIX, type, 0, &ends) == 0, "no sockets left: \(errno)")
    let (near, far) = (ends[0], ends[1])
    let data = bytes.dropFirst()
    let first = data.prefix(data.count * Int(bytes.first ?? 0) / 255)
    let done = DispatchSemaphore(value: 0)
    Task { @LoopActor in
        readRecords(near, far, [Array(first), Array(data.dropFirst(first.count))])
        done.signal()
    }
    done.wait()
    close(far)
}

/// As ``Listener`` does before it listens.
private let isReady = FCGX_Init() == 0

@LoopActor private func readRecords(_ near: Int32, _ far: Int32, _ portions: [[UInt8]]) {
    let reader = RequestReader(descriptor: near, bodyLimit: 4_096)
    var isOver = false
    for (number, portion) in portions.enumerated() where !isOver {
        let sent = portion.withUnsafeBytes { send(far, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        precondition(sent == portion.count, "sent \(sent) of \(portion.count)")
        let isLast = number == portions.count - 1
        if isLast { shutdown(far, Int32(SHUT_WR)) }
        switch reader.read(isEnded: isLast) {
        case .waiting: precondition(!isLast, "waits for a peer that is gone")
        case .closed, .failed: isOver = true
        case .request(let parsed):
            isOver = true
            check(parsed.request)
        }
    }
    if !reader.hasClosedDescriptor { close(near) }
}

private func check(_ request: Request) {
    if case .complete(let body) = request.body {
        precondition(body.count == request.header("CONTENT_LENGTH").flatMap { Int($0) } ?? 0, "another length")
    }
    _ = (request.method, request.path, request.segments, request.query, request.header("USER_AGENT"))
}

/// What is strictly JSON is so tolerantly.
@Sendable func fuzzJSON(_ bytes: [UInt8]) {
    let strict = try? JSON(parsing: bytes)
    let tolerant = try? JSON(parsing: bytes, .tolerant)
    precondition(strict == nil || tolerant != nil, "strict, and not tolerant")
    precondition(strict == nil || String(validating: bytes, as: UTF8.self) != nil, "JSON is UTF-8")
}

/// Whatever portions an event stream comes in, it has the same events.
@Sendable func fuzzEvents(_ bytes: [UInt8]) {
    func events(by size: Int) -> [[UInt8]]? {
        var parser = SSEParser()
        var events: [[UInt8]] = []
        do { for portion in portions(of: bytes, size) { events += try parser.feed(portion) } } catch { return nil }
        if let last = parser.finish() { events.append(last) }
        return events
    }
    precondition(events(by: bytes.count) == events(by: 3), "another stream in other portions")
}

@Sendable func fuzzGemini(_ bytes: [UInt8]) { fuzz(bytes) { GeminiReply(model: "m", tools: $0) } }
@Sendable func fuzzOpenAI(_ bytes: [UInt8]) { fuzz(bytes) { OpenAIReply(provider: "p", model: "m", tools: $0) } }

/// Whatever portions a reply comes in, the answer is the same, and so is what its caller was given on the way.
private func fuzz(_ bytes: [UInt8], _ format: (Tools?) -> some ReplyFormat) {
    let request = ModelRequest(messages: [.user("q")], temperature: nil, maxTokens: 100)
    func answer(by size: Int) -> (given: String, text: String?) {
        var reader = ReplyReader(format(Tools(definitions: "[]", choice: nil, parallelCalls: nil)))
        var given = ""
        do {
            for portion in portions(of: bytes, size) {
                given += try reader.feed(portion)
                _ = reader.takeCalls()
                if reader.isOver { break }
            }
            let (rest, answer) = try reader.finish(request)
            given += rest
            precondition(given == answer.text, "another answer than was given")
            return (given, answer.text)
        } catch { return (given, nil) }
    }
    precondition(answer(by: bytes.count).text == answer(by: 7).text, "another answer in other portions")
    let report = ErrorReport(
        status: 400 + bytes.count % 200, retryAfter: String(decoding: bytes, as: UTF8.self), body: bytes)
    _ = report.failure(of: "p")
}

private func portions(of bytes: [UInt8], _ size: Int) -> [[UInt8]] {
    stride(from: 0, to: bytes.count, by: max(size, 1)).map { Array(bytes[$0..<min($0 + max(size, 1), bytes.count)]) }
}
