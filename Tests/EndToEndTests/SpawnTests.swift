import Foundation
import Testing

/// deploy/spawn-fcgi: workers under spawn-fcgi, behind the nginx of a deployment.
@Suite(.timeLimit(.minutes(2))) struct SpawnTests {
    /// The script, with a socket, a process file and a log of its own. What it has started ends with this value.
    private final class Spawner: Sendable {
        let folder: String
        let environment: [String: String]

        init(for run: Deployment, _ settings: [String: String] = [:]) throws {
            folder = run.folder + "/spawned"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            environment = [
                "PATH": "/usr/sbin:/usr/bin:/bin", "PARLEY": Program.path, "RUN_AS": "", "CHAT_ENV_FILE": "",
                "CHAT_SOCKET": folder + "/s.sock", "CHAT_LOG_FILE": folder + "/log", "CHAT_WORKERS": "2",
                "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
                "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
            ].merging(settings) { $1 }
        }

        deinit {
            for pid in pids { kill(pid, SIGKILL) }
        }

        func callAsFunction(
            _ verb: String, with settings: [String: String] = [:]
        ) async throws -> (code: Int32, output: String, errors: String) {
            try await EndToEndTests.run(
                Program.repository + "/deploy/spawn-fcgi", [verb], environment: environment.merging(settings) { $1 })
        }

        var socket: String { folder + "/s.sock" }

        /// What the process file says.
        var pids: [pid_t] {
            let text = try? String(contentsOfFile: folder + "/s.pid", encoding: .utf8)
            return (text ?? "").split(separator: "\n").compactMap { pid_t($0) }
        }
    }

    @Test func startsRestartsAndStopsItsWorkers() async throws {
        let run = try await Deployment()
        let spawner = try Spawner(for: run)
        #expect(try await spawner("status").code == 3)
        let start = try await spawner("start")
        #expect(start.code == 0, "\(start)")
        let first = spawner.pids
        #expect(Set(first).count == 2)
        let status = try await spawner("status")
        #expect(status.code == 0 && status.output == first.map { "\($0)\n" }.joined(), "\(status)")
        let second = try await spawner("start")
        #expect(second.code == 1 && second.errors.contains("runs already"), "\(second)")

        try await run.passRequests(to: spawner.socket)
        let token = try await run.logIn()
        let restart = try await spawner("restart")
        #expect(restart.code == 0, "\(restart)")
        #expect(spawner.pids.count == 2 && Set(spawner.pids).isDisjoint(with: first))
        #expect(first.allSatisfy { kill($0, 0) != 0 })
        #expect(try await run.post("/chat", token: token, ["message": "hello"]).status == 200)

        let running = spawner.pids
        let stop = try await spawner("stop")
        #expect(stop.code == 0, "\(stop)")
        #expect(running.allSatisfy { kill($0, 0) != 0 })
        #expect(try await spawner("status").code == 3)
        let left = try FileManager.default.contentsOfDirectory(atPath: spawner.folder)
        #expect(left.contains("log") && !left.contains("s.sock") && !left.contains("s.pid"))
    }

    @Test func finishesWhatIsUnderWay() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, _ in
            arrived.yield()
            for await _ in permissions { break }
            return .answer("just in time")
        }
        let run = try await Deployment()
        let spawner = try Spawner(for: run, provider.asGemini)
        #expect(try await spawner("start").code == 0)
        try await run.passRequests(to: spawner.socket)
        let token = try await run.logIn()
        async let reply = run.post("/chat", token: token, ["message": "hello"])
        for await _ in arrivals { break }
        async let stop = spawner("stop")
        permitted.yield()
        #expect(try await reply.text("response") == "just in time")
        #expect(try await stop.code == 0)
    }

    @Test func stopsNothingThatItCouldNotStartAgain() async throws {
        let run = try await Deployment()
        let spawner = try Spawner(for: run)
        let mute = try await spawner("start", with: ["CHAT_LOG_FILE": ""])
        #expect(mute.code == 1 && mute.errors.contains("CHAT_LOG_FILE"), "\(mute)")
        #expect(try await spawner("start").code == 0)
        let pids = spawner.pids
        let wrong = try await spawner("restart", with: ["CHAT_RETRIES": "many"])
        #expect(wrong.code == 1 && wrong.errors.contains("CHAT_RETRIES"), "\(wrong)")
        let absent = try await spawner("restart", with: ["PARLEY": "/no/such/program"])
        #expect(absent.code == 1 && absent.errors.contains("/no/such/program"), "\(absent)")
        #expect(spawner.pids == pids && pids.allSatisfy { kill($0, 0) == 0 })
        #expect(try await spawner("stop").code == 0)
    }
}
