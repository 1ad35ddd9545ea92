import Chat
import FastCGI
import Synchronization

/// A reply as server-sent events (WHATWG HTML §9.2). The head goes out with the first event, so that what fails
/// before it is still an ordinary error reply.
final class EventStream: Sendable {
    static let contentType = "text/event-stream; charset=utf-8"

    private let writer: ResponseWriter
    private let headers: [(name: String, value: String)]
    private let rates: RateSlot?
    private let beginning: [UInt8]
    private let started = Atomic<Bool>(false)

    /// - Parameters:
    ///   - beginning: the events before all others.
    ///   - rates: of an API key, known by the first event.
    init(
        _ writer: ResponseWriter, headers: [(name: String, value: String)], beginning: [UInt8], rates: RateSlot? = nil
    ) {
        self.beginning = beginning
        self.writer = writer
        // Without this header nginx would collect the events before it passes them on.
        self.headers = headers + [("X-Accel-Buffering", "no")]
        self.rates = rates
    }

    var hasStarted: Bool { started.load(ordering: .relaxed) }

    /// - Parameter more: headers that were not known before; they count when these are the first events.
    func send(_ events: [UInt8], _ more: [(name: String, value: String)] = []) async throws {
        guard !started.exchange(true, ordering: .relaxed) else { return try await writer.write(events) }
        let headers = headers + RateHeaders.headers(rates?.report) + more
        try await writer.start(ResponseHead(status: 200, headers: headers))
        try await writer.write(beginning + events)
    }
}
