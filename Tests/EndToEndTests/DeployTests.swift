import Foundation
import Testing

/// The same program under spawn-fcgi, and how a pool ends.
@Suite(.timeLimit(.minutes(5))) struct DeployTests {
    private func environment(_ folder: String, _ more: [String: String] = [:]) -> [String: String] {
        [
            "PATH": "/usr/sbin:/usr/bin:/bin", "CHAT_JWT_SECRET": String(repeating: "k", count: 32),
            "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
        ].merging(more) { $1 }
    }

    private func withFolder(_ work: (String) async throws -> Void) async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await work(folder)
    }

    /// The two blocks of the manual, one terminal each.
    @Test(.timeLimit(.minutes(1))) func theExampleOfServeAndNginxServes() async throws {
        let blocks = try Manual.blocks("nginx/docs/deploy.md", section: "parley serve")
        try #require(blocks.count == 2)
        try await withFolder { folder in
            let port = try freePort()
            func terminal(_ block: String) throws -> RunningProcess {
                let script = block.replacing("8443", with: "\(port)").replacing(
                    ".build/release/parley", with: Program.path
                )
                .replacing("\n\(Program.path) serve", with: "\nexec \(Program.path) serve")
                .replacing("\n/usr/sbin/nginx", with: "\nexec /usr/sbin/nginx")
                return try RunningProcess(
                    "/bin/bash", ["-ec", "cd \(Program.repository); umask 077\n" + script],
                    environment: [
                        "PATH": "/usr/bin:/bin", "HOME": folder, "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
                        "CHAT_WORKERS": "1", "PARLEY": Program.path,
                    ])
            }
            let pool = try terminal(blocks[0])
            try await pool.errors { $0.contains("worker ready") }
            let nginx = try terminal(blocks[1])
            try await listening(on: port)
            let (code, output, errors) = try await run(
                "/usr/bin/curl",
                [
                    "--silent", "--show-error", "--cacert", folder + "/parley-tls/certificate.pem",
                    "https://localhost:\(port)/health/live",
                ])
            #expect(code == 0 && output.contains("alive"), "\(errors)\(nginx.errors)")
            for process in [nginx, pool] {
                process.signal(SIGTERM)
                #expect(await process.end() == 0)
            }
        }
    }

    @Test func answersUnderSpawnFCGI() async throws {
        try await withFolder { folder in
            let socket = folder + "/spawned.sock"
            let worker = try RunningProcess(
                "/usr/bin/spawn-fcgi", ["-n", "-s", socket, "-M", "0660", "--", Program.path],
                environment: environment(folder))
            try await worker.errors { $0.contains("worker ready") }
            // The same nginx configuration, in front of that one worker.
            let run = try await Deployment(["CHAT_SOCKET": folder + "/pool.sock"])
            let conf = run.folder + "/nginx/parley.conf"
            let text = try String(contentsOfFile: conf, encoding: .utf8)
            try text.replacing(folder + "/pool.sock", with: socket).write(
                toFile: conf, atomically: true, encoding: .utf8)
            let token = try await spawned(run, socket, folder)
            #expect(!token.isEmpty)
            worker.signal(SIGTERM)
            #expect(await worker.end() == 0, "it drains and ends: \(worker.errors)")
        }
    }

    /// Logs in and chats through nginx, once its workers have the new configuration.
    private func spawned(_ run: Deployment, _ socket: String, _ folder: String) async throws -> String {
        let nginx = try String(contentsOfFile: run.folder + "/nginx/nginx.pid", encoding: .utf8)
        kill(pid_t(nginx.filter(\.isNumber))!, SIGHUP)
        // A token of the pool's secret is none of the spawned worker's, so its own login tells which one answers.
        for _ in 0..<200 {
            let token = try await run.logIn()
            let reply = try await run.post("/chat", token: token, ["message": "under spawn-fcgi"])
            if reply.status == 200, FileManager.default.fileExists(atPath: folder + "/parley.sqlite"),
                try await isFromSpawned(token, folder)
            {
                return token
            }
        }
        return ""
    }

    private func isFromSpawned(_ token: String, _ folder: String) async throws -> Bool {
        let variables = environment(folder, ["REQUEST_METHOD": "GET", "CHAT_ENV_FILE": ""])
        let reply = try await CGISite.bare(
            folder, "/chat/history", ["Authorization": "Bearer \(token)"], "", variables: variables)
        return reply.number("count") == 1
    }

    /// Units, logrotate, and every setting in the settings file.
    @Test func whatSystemdIsGivenIsSound() async throws {
        let (code, output, errors) = try await run(Program.repository + "/Tests/Deploy/units")
        #expect(code == 0, "\(output)\(errors)")
    }

    @Test func workersEndWhenTheirSupervisorIsKilled() async throws {
        let run = try await Deployment()
        try await run.bothWorkersReady()
        let workers = run.workers
        #expect(workers.count == 2)
        let supervisor = try #require(parent(of: workers[0]))
        kill(supervisor, SIGKILL)
        // Standard error is closed once the last process that has it is gone.
        let log = await run.everythingLogged()
        #expect(log.components(separatedBy: "the supervisor is gone").count == 3)
    }

    @Test func aStoppedPoolFinishesWhatItHas() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, _ in
            arrived.yield()
            for await _ in permissions { break }
            return .answer("just in time")
        }
        let run = try await Deployment(provider.asGemini)
        let token = try await run.logIn()
        async let reply = run.post("/chat", token: token, ["message": "hello"])
        for await _ in arrivals { break }
        run.signal(SIGINT)
        try await run.logLine { $0["message"] as? String == "worker draining" && $0["in_flight"] as? Int == 1 }
        permitted.yield()
        #expect(try await reply.text("response") == "just in time")
        #expect(await run.end() == 0)
        let endings = run.logLines.filter { $0["message"] as? String == "worker ended" }
        #expect(endings.map { $0["cause"] as? String } == ["it had finished", "it had finished"])
    }
}

func parent(of pid: pid_t) -> pid_t? {
    let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("PPid:") }
    return line.flatMap { pid_t($0.filter(\.isNumber)) }
}
