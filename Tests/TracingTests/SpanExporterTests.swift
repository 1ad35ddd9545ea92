import Chat
import FoundationEssentials
import Support
import Synchronization
import Testing

@testable import Tracing

/// What becomes of spans when the collector is not as it should be.
@Suite(.timeLimit(.minutes(1))) struct SpanExporterTests {
    private let span = Array(#"{"name":"a"}"#.utf8)
    private let events = Seen<String>()

    private func exporter(_ server: ScriptedServer, _ limits: SpanExporter.Limits) throws -> SpanExporter {
        SpanExporter(
            try Collector(endpoint: server.url), resource: Resource(version: "1", host: "h", pid: 1), limits: limits,
            background: Background()
        ) { [events] event in
            switch event {
            case .failing: events.append("failing")
            case .restored: events.append("restored")
            case .lost(let spans, _): events.append("lost \(spans)")
            case .advice(let text): events.append(text)
            }
        }
    }

    @Test func aFullBatchLeavesAtOnceAndWhatIsTooMuchIsCounted() async throws {
        let bodies = Seen<String>()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            bodies.append(connection.readRequest()?.text ?? "")
            try connection.answer(headers: ["Connection: close"], "{}")
        })
        var limits = SpanExporter.Limits()
        (limits.batch, limits.spans, limits.interval, limits.silence) = (4, 6, .seconds(3_600), .zero)
        let exporter = try exporter(server, limits)
        for _ in 0..<4 { exporter.add(span) }
        try await until("a batch has left") { bodies.all.count == 1 }
        #expect(bodies.all[0].components(separatedBy: #"{"name":"a"}"#).count == 5)
        exporter.add(span)
        limits.bytes = 5
        await exporter.flush(by: .now + .seconds(5))
        #expect(bodies.all.count == 2 && events.all.isEmpty)
        let narrow = try self.exporter(server, limits)
        for _ in 0..<3 { narrow.add(span) }
        await narrow.flush(by: .now + .seconds(5))
        #expect(events.all == ["lost 3"])
    }

    @Test func onlyWhatMayPassIsTriedAgain() async throws {
        let asked = Seen<Int>()
        let server = try ScriptedServer(eachConnection: { connection, number in
            _ = connection.readRequest()
            asked.append(number)
            switch number {
            case 0: try connection.answer(status: "503 Busy", headers: ["Connection: close", "Retry-After: 0"], "")
            case 1: try connection.answer(status: "429 Slowly", headers: ["Connection: close", "Retry-After: 0"], "")
            case 2:
                try connection.answer(
                    headers: ["Connection: close"], #"{"partialSuccess":{"errorMessage":"use gzip"}}"#)
            case 3: try connection.answer(status: "401 Who", headers: ["Connection: close"], "")
            case 4: try connection.answer(status: "503 Busy", headers: ["Connection: close", "Retry-After: 86400"], "")
            default: try connection.answer(status: "500 Broken", headers: ["Connection: close"], "")
            }
        })
        var limits = SpanExporter.Limits()
        (limits.batch, limits.pause, limits.silence) = (1, .milliseconds(1), .zero)
        let exporter = try exporter(server, limits)
        exporter.add(span)
        try await until("it is taken") { events.all.contains("use gzip") }
        #expect(events.all == ["failing", "restored", "use gzip"] && asked.all.count == 3)
        for count in 4...6 {
            exporter.add(span)
            try await until("it is lost") { events.all.count { $0 == "lost 1" } == count - 3 }
            #expect(asked.all.count == count)
        }
    }
}

private final class Seen<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }

    func append(_ element: Element) { elements.withLock { $0.append(element) } }
}
