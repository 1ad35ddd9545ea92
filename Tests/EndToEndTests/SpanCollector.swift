import Foundation
import Testing

/// A collector of traces: Tests/Clients/collector.py, which ends with this value.
final class SpanCollector: Sendable {
    /// Made of a parsed line, and never changed.
    struct Span: @unchecked Sendable {
        let json: [String: Any]

        func text(_ name: String) -> String { json[name] as? String ?? "" }
        func number(_ name: String) -> Int { json[name] as? Int ?? -1 }
        var attributes: [String: Any] { json["attributes"] as? [String: Any] ?? [:] }
        func attribute(_ name: String) -> String? { attributes[name].map { "\($0)" } }
    }

    private let process: RunningProcess
    let endpoint: String

    /// - Parameter conducts: what becomes of the first request, of the second…; the last stays.
    init(_ conducts: [String] = ["take"]) async throws {
        let python = Program.repository + "/.build/clients"
        let installed = try await EndToEndTests.run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(installed.code == 0, "\(installed.errors)")
        process = try RunningProcess(
            python + "/bin/python", [Program.repository + "/Tests/Clients/collector.py"] + conducts,
            environment: ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 })
        let said = try await process.output(until: "\n")
        endpoint = "http://127.0.0.1:" + (try #require(said.split(separator: "\n")[0].split(separator: " ").last))
    }

    deinit {
        process.signal(SIGKILL)
        process.waitBlocking()
    }

    /// All spans that were taken, once one of them fits.
    func spans(until fits: @escaping @Sendable (Span) -> Bool) async throws -> [Span] {
        let text = try await process.output(until: "a span") { Self.values("span", $0).contains(where: fits) }
        return Self.values("span", text)
    }

    /// All requests, once there are so many.
    func requests(_ count: Int) async throws -> [Span] {
        let text = try await process.output(until: "request \(count)") { Self.values("request", $0).count >= count }
        return Self.values("request", text)
    }

    /// What it has said so far.
    func everything() async throws -> String { try await process.output(until: "collector") }

    private static func values(_ name: String, _ text: String) -> [Span] {
        text.split(separator: "\n").compactMap { line in
            let json = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return (json?[name] as? [String: Any]).map(Span.init)
        }
    }
}
