import Foundation
import Testing

/// deploy/spawn-fcgi: one worker under spawn-fcgi, or several under multiwatch, behind the nginx of a deployment.
@Suite(.timeLimit(.minutes(5))) struct SpawnTests {
    /// The script, with a socket, a process file and a log of its own.
    private struct Spawner {
        let folder: String
        let environment: [String: String]

        init(for run: Deployment, _ settings: [String: String] = [:]) {
            folder = run.folder + "/spawned"
            environment = [
                "PATH": "/usr/sbin:/usr/bin:/bin", "PARLEY": Program.path, "SOCKET": folder + "/s.sock",
                "LOG": folder + "/log", "RUN_AS": "", "CHAT_JWT_SECRET": SpawnTests.secret,
                "CHAT_DATABASE_URL": "sqlite:\(run.folder)/parley.sqlite",
            ].merging(settings) { $1 }
        }

        func callAsFunction(
            _ arguments: String..., with settings: [String: String] = [:]
        ) async throws -> (code: Int32, output: String, errors: String) {
            try await EndToEndTests.run(
                Program.repository + "/deploy/spawn-fcgi", arguments, environment: environment.merging(settings) { $1 })
        }

        var socket: String { folder + "/s.sock" }

        /// The first line of the process file.
        var pid: pid_t? {
            (try? String(contentsOfFile: folder + "/s.pid", encoding: .utf8))?.split(separator: "\n").first.flatMap {
                pid_t($0)
            }
        }
    }

    private static let secret = String(repeating: "s", count: 32)

    private func deployment() async throws -> Deployment {
        try await Deployment(["CHAT_JWT_SECRET": Self.secret, "CHAT_MESSAGE_LIMIT": "1000000"])
    }

    @Test(arguments: [[], ["--multiwatch", "2"]])
    func changesOverWithoutAFailedRequest(workers: [String]) async throws {
        let run = try await deployment()
        let spawner = Spawner(for: run, ["CHAT_MESSAGE_LIMIT": "1000000"])
        let command = { (verb: String) in
            try await EndToEndTests.run(
                Program.repository + "/deploy/spawn-fcgi", [verb] + workers, environment: spawner.environment)
        }
        let start = try await command("start")
        #expect(start.code == 0, "\(start)")
        try await run.passRequests(to: spawner.socket)
        let token = try await run.logIn()

        let callers = (0..<4).map { number in
            Task {
                var statuses: [Int] = []
                while !Task.isCancelled {
                    statuses.append(
                        try await run.post("/chat", token: token, ["message": "\(number) \(statuses.count)"]).status)
                }
                return statuses
            }
        }
        var pids: Set<pid_t> = []
        for _ in 0..<5 {
            let reload = try await command("reload")
            #expect(reload.code == 0, "\(reload)")
            pids.insert(try #require(spawner.pid))
        }
        #expect(pids.count == 5)
        for caller in callers {
            caller.cancel()
            let statuses = try await caller.value
            #expect(!statuses.isEmpty && statuses.allSatisfy { $0 == 200 }, "\(statuses)")
        }
        #expect(try await spawner("status").code == 0)
        let stop = try await spawner("stop")
        #expect(stop.code == 0, "\(stop)")
        #expect(try await spawner("status").code == 3)
        #expect(spawner.pid == nil)
    }

    @Test func finishesWhatIsUnderWay() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, _ in
            arrived.yield()
            for await _ in permissions { break }
            return .answer("just in time")
        }
        let run = try await deployment()
        let spawner = Spawner(for: run, provider.asGemini)
        #expect(try await spawner("start").code == 0)
        try await run.passRequests(to: spawner.socket)
        let token = try await run.logIn()
        async let reply = run.post("/chat", token: token, ["message": "hello"])
        for await _ in arrivals { break }
        async let stop = spawner("stop")
        permitted.yield()
        #expect(try await reply.text("response") == "just in time")
        let (code, _, errors) = try await stop
        #expect(code == 0, "\(errors)")
    }

    @Test func keepsWhatRunsWhenTheNewOneCannotStart() async throws {
        let run = try await deployment()
        let spawner = Spawner(for: run)
        #expect(try await spawner("start").code == 0)
        let pid = try #require(spawner.pid)
        let reload = try await spawner("reload", with: ["CHAT_RETRIES": "many"])
        #expect(reload.code != 0 && reload.errors.contains("CHAT_RETRIES"), "\(reload)")
        let absent = try await spawner("reload", with: ["PARLEY": "/no/such/program"])
        #expect(absent.code == 1 && absent.errors.contains("/no/such/program"), "\(absent)")
        // It reads its settings and never answers.
        let silent = try await spawner("reload", with: ["PARLEY": "/bin/true"])
        #expect(silent.code == 1 && silent.errors.contains("do not answer"), "\(silent)")
        #expect(spawner.pid == pid)
        #expect(try await spawner("status").code == 0)
        let second = try await spawner("start")
        #expect(second.code == 1 && second.errors.contains("running already"), "\(second)")
        #expect(try await spawner("stop").code == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: spawner.folder).sorted()
        #expect(left == ["log", "s.pid.lock"])
    }
}
