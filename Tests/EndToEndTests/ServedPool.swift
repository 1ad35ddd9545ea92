import Foundation

/// A `parley serve` of its own, without nginx, whose settings are in a file that a test may change.
final class ServedPool: Sendable {
    let folder: String
    let process: RunningProcess

    /// - Parameters:
    ///   - settings: for the settings file, beside those that a pool needs.
    ///   - environment: for the process, beside the file's name.
    ///   - launcher: what starts the program, and its arguments; nothing by default.
    init(
        _ settings: [String: String] = [:], environment: [String: String] = [:], program: String = Program.path,
        folder: String? = nil, launcher: [String] = []
    ) throws {
        let folder = try folder ?? Deployment.newFolder()
        self.folder = folder
        try Self.write(settings, in: folder)
        var all = ["PATH": "/usr/bin:/bin", "CHAT_ENV_FILE": folder + "/env"]
        all.merge(environment) { $1 }
        let command = launcher + [program, "serve"]
        process = try RunningProcess(command[0], Array(command.dropFirst()), environment: all)
    }

    deinit {
        process.signal(SIGTERM)
        process.waitBlocking()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var socket: String { folder + "/s" }

    private static func write(_ settings: [String: String], in folder: String) throws {
        let all = [
            "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_WORKERS": "2", "CHAT_SOCKET": folder + "/s",
            "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
        ].merging(settings) { $1 }
        try all.map { "\($0)=\($1)\n" }.joined().write(toFile: folder + "/env", atomically: true, encoding: .utf8)
    }

    /// Changes the settings file and asks for a reload.
    func reload(_ settings: [String: String]) throws {
        try Self.write(settings, in: folder)
        process.signal(SIGHUP)
    }

    /// Waits until the log has `count` lines with that message.
    ///
    /// - Returns: them all.
    @discardableResult
    func lines(_ message: String, count: Int = 1) async throws -> [[String: Any]] {
        try await process.errors { Self.parse($0, message).count >= count }
        return Self.parse(process.errors, message)
    }

    private static func parse(_ log: String, _ message: String) -> [[String: Any]] {
        log.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }.filter { $0["message"] as? String == message }
    }

    /// - Returns: what `parley status` says.
    func status() async throws -> (code: Int32, output: String) {
        let (code, output, _) = try await run(
            Program.path, ["status"], environment: ["CHAT_ENV_FILE": "", "CHAT_SOCKET": socket])
        return (code, output)
    }

    /// Waits until `parley status` says that.
    ///
    /// - Returns: what it says then.
    @discardableResult
    func status(until fits: (String) -> Bool) async throws -> String {
        let limit = ContinuousClock.now + .seconds(20)
        while true {
            let output = try await status().output
            if fits(output) { return output }
            guard ContinuousClock.now < limit else { throw RunningProcess.Ended(description: "in vain: \(output)") }
        }
    }

    /// - Returns: what `parley check` finds.
    func check() async throws -> String {
        try await run(Program.path, ["check"], environment: ["CHAT_ENV_FILE": folder + "/env"]).output
    }

    /// The workers that now serve.
    func workers() async throws -> Set<pid_t> {
        Set(
            try await status().output.split(separator: "\n").filter { $0.contains(" serving ") }.compactMap {
                $0.split(separator: " ").dropFirst().first.flatMap { pid_t($0) }
            })
    }
}
