import Foundation
import Synchronization

/// What `make run` makes of this repository, in a folder and on a port of its own: the real program behind the real
/// nginx. It ends with this value.
final class Deployment: Sendable {
    let folder: String
    let port: UInt16
    /// What the run has said on standard output until it was ready.
    let announcement: String
    private let process: RunningProcess

    /// - Parameters:
    ///   - folder: an earlier deployment's, to go on with its data; nil for a new one.
    ///   - settings: for the environment; nginx's limits per address are off unless they say otherwise.
    init(folder: String? = nil, port: UInt16? = nil, _ settings: [String: String] = [:]) async throws {
        self.folder = try folder ?? Self.newFolder()
        self.port = try port ?? freePort()
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CHAT_") }
        environment["PARLEY"] = Program.path
        environment["PORT"] = String(self.port)
        environment["RUN_DIR"] = self.folder
        environment["CHAT_RATE_LIMITING_ENABLED"] = "false"
        environment["CHAT_WORKERS"] = "2"
        environment.merge(settings) { $1 }
        process = try RunningProcess(Program.repository + "/deploy/run", environment: environment)
        announcement = try await process.output(until: "Ctrl-C stops")
    }

    static func newFolder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        return folder
    }

    deinit {
        process.signal(SIGTERM)
        process.waitBlocking()
    }

    var pid: pid_t { process.pid }
    var socket: String { folder + "/parley.sock" }
    var certificate: String { folder + "/tls/certificate.pem" }
    var origin: String { "https://localhost:\(port)" }

    /// What the program and nginx have written to standard error so far.
    var log: String { process.errors }

    /// Log lines of requests, as the program wrote them.
    var logLines: [[String: Any]] {
        log.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    /// Waits until a log line fits.
    func logLine(where fits: @escaping @Sendable ([String: Any]) -> Bool) async throws {
        try await process.errors { text in
            text.split(separator: "\n").contains { line in
                (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]).map(fits) ?? false
            }
        }
    }

    /// - Returns: the exit code.
    func stop(_ signal: Int32 = SIGTERM) async -> Int32 {
        process.signal(signal)
        return await process.end()
    }

    /// The workers of the pool: the children of the run's `parley serve`.
    var workers: [pid_t] { children(of: pid).flatMap(children(of:)).filter { name(of: $0) == "parley" } }
}

/// The program under test, as `swift build` made it beside these tests.
enum Program {
    static let repository = String(#filePath.dropLast("/Tests/EndToEndTests/Deployment.swift".count))

    static let path: String = {
        let tests = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        return tests.deletingLastPathComponent().appendingPathComponent("parley").path
    }()
}

private func children(of pid: pid_t) -> [pid_t] {
    let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
    return (text ?? "").split(separator: " ").compactMap { pid_t($0.filter(\.isNumber)) }
}

private func name(of pid: pid_t) -> String {
    ((try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) ?? "").filter { $0 != "\n" }
}

/// A port that nothing listens on right now.
func freePort() throws -> UInt16 {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
        }
    }
    guard bound else { throw POSIXError(.EADDRINUSE) }
    return UInt16(bigEndian: address.sin_port)
}
