import Foundation
import Synchronization

/// What `make run` makes of this repository, in a folder and on a port of its own: the real program behind the real
/// nginx. It ends with this value, and so does a folder that it made.
final class Deployment: Sendable {
    let folder: String
    let port: UInt16
    /// What the run has said on standard output until it was ready.
    let announcement: String
    private let process: RunningProcess
    private let isFolderOwn: Bool

    /// - Parameters:
    ///   - folder: an earlier deployment's, to go on with its data; nil for a new one.
    ///   - settings: for the environment; nginx's limits per address are off unless they say otherwise.
    init(folder: String? = nil, port: UInt16? = nil, _ settings: [String: String] = [:]) async throws {
        self.folder = try folder ?? Self.newFolder()
        isFolderOwn = folder == nil
        self.port = try port ?? freePort()
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CHAT_") }
        environment["PARLEY"] = Program.path
        environment["PORT"] = String(self.port)
        environment["RUN_DIR"] = self.folder
        environment["CHAT_RATE_LIMITING_ENABLED"] = "false"
        environment["CHAT_WORKERS"] = "2"
        environment.merge(settings) { $1 }
        process = try RunningProcess(Program.repository + "/deploy/run", environment: environment)
        do { announcement = try await process.output(until: "Ctrl-C stops") } catch {
            process.signal(SIGTERM)
            _ = await process.end()
            if isFolderOwn { try? FileManager.default.removeItem(atPath: self.folder) }
            throw error
        }
    }

    static func newFolder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        return folder
    }

    deinit {
        process.signal(SIGTERM)
        process.waitBlocking()
        if isFolderOwn { try? FileManager.default.removeItem(atPath: folder) }
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

    /// The run says that it is ready when one of them is.
    func bothWorkersReady() async throws {
        try await process.errors { $0.matches(of: /"message":"worker ready"/).count >= 2 }
    }

    func signal(_ signal: Int32) { process.signal(signal) }

    /// From now on nginx finds another pool's socket where its own was. Its own workers are killed, as nginx would use the
    /// connections that it has kept to them.
    func passRequests(to other: String) async throws {
        let link = folder + "/link"
        guard symlink(other, link) == 0, rename(link, socket) == 0 else { throw POSIXError(.EEXIST) }
        let limit = ContinuousClock.now + .seconds(20)
        // One that is not dead yet may take a request along.
        for worker in workers {
            kill(worker, SIGKILL)
            while kill(worker, 0) == 0 {
                guard ContinuousClock.now < limit else { throw POSIXError(.ETIMEDOUT) }
                await Task.yield()
            }
        }
        while try await get("/health/live").status != 200 {
            guard ContinuousClock.now < limit else { throw POSIXError(.ETIMEDOUT) }
        }
    }

    /// - Returns: the exit code.
    func end() async -> Int32 { await process.end() }

    /// - Returns: the exit code.
    func stop() async -> Int32 {
        process.signal(SIGTERM)
        return await process.end()
    }

    /// - Returns: the log, once every process of the run has ended.
    func everythingLogged() async -> String { await process.everything().errors }

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

/// The ports that were given away last, by a socket each.
private let reservations = Mutex<[Int32]>([])

/// A port that nothing listens on. It is none of those that the kernel gives to clients, and no other test process is given
/// it while its server starts.
func freePort() throws -> UInt16 {
    for _ in 0..<1_000 {
        let port = UInt16.random(in: 10_000..<32_768)
        let reservation = try withLoopbackSocket(port: port) { descriptor, address, size -> Int32? in
            // As a client's or another test's would be, it is refused where a server or a reservation is.
            guard bind(descriptor, address, size) == 0 else { return nil }
            // As each server's is, it is from now on no obstacle to one.
            var on: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
            return fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        }
        guard let reservation else { continue }
        reservations.withLock { kept in
            kept.append(reservation)
            if kept.count > 16 { close(kept.removeFirst()) }
        }
        return port
    }
    throw POSIXError(.EADDRINUSE)
}

/// - Returns: a socket that listens on that port until it is closed.
func occupy(_ port: UInt16) throws -> Int32 {
    try withLoopbackSocket(port: port) { descriptor, address, size in
        guard bind(descriptor, address, size) == 0, listen(descriptor, 1) == 0 else { throw POSIXError(.EADDRINUSE) }
        return fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    }
}

/// Returns once a server that was just started takes connections; it has ten seconds.
func listening(on port: UInt16) async throws {
    let limit = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < limit {
        let isThere = try withLoopbackSocket(port: port) { descriptor, address, size in
            connect(descriptor, address, size) == 0
        }
        if isThere { return }
        await Task.yield()
    }
    throw POSIXError(.ECONNREFUSED)
}

private func withLoopbackSocket<Result>(
    port: UInt16, _ work: (Int32, UnsafeMutablePointer<sockaddr>, socklen_t) throws -> Result
) throws -> Result {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw POSIXError(.EMFILE) }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return try withUnsafeMutablePointer(to: &address) { pointer in
        try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            try work(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
