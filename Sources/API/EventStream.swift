import Chat
import FastCGI
import Synchronization

/// A reply as server-sent events (WHATWG HTML §9.2). The head goes out with the first event, so that what fails
/// before it is still an ordinary error reply.
final class EventStream: Sendable {
    static let contentType = "text/event-stream; charset=utf-8"

    private let writer: ResponseWriter
    private let head: ResponseHead
    private let started = Atomic<Bool>(false)

    init(_ writer: ResponseWriter, headers: [(name: String, value: String)]) {
        self.writer = writer
        // Without this header nginx would collect the events before it passes them on.
        head = ResponseHead(status: 200, headers: headers + [("X-Accel-Buffering", "no")])
    }

    var hasStarted: Bool { started.load(ordering: .relaxed) }

    /// - Parameter data: one line of JSON.
    func send(event: String, data: [UInt8]) async throws {
        if !started.exchange(true, ordering: .relaxed) { try await writer.start(head) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(event.utf8.count + data.count + 16)
        bytes.append(contentsOf: "event: \(event)\ndata: ".utf8)
        bytes.append(contentsOf: data)
        bytes.append(contentsOf: "\n\n".utf8)
        try await writer.write(bytes)
    }
}
