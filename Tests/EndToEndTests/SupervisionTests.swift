import Foundation
import Testing

/// What operators and service managers rely on.
@Suite(.timeLimit(.minutes(5))) struct SupervisionTests {
    @Test func showsThePoolAsATable() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let (code, output) = try await pool.status()
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(code == 0 && lines[0].contains("supervisor \(pool.process.pid),"))
        #expect(lines[0].contains("2 of 2 workers serve, reloads 0"))
        #expect(lines[2].split(separator: " ").prefix(3) == ["SLOT", "PID", "STATE"])
        #expect(lines[3].contains(" serving ") && lines[3].contains(" MiB "))
        #expect(output.contains("providers: echo closed"))
        pool.process.signal(SIGTERM)
        #expect(await pool.process.end() == 0)
        #expect(try await pool.status().code == 3)
    }

    /// As the supervisor does: its workers would take a log that it is about to delete for one that was removed.
    @Test func closesADatabaseThatItHasPrepared() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let settings = [
            "CHAT_ENV_FILE": "", "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
            "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
        ]
        #expect(try await run(Program.path, ["migrate"], environment: settings).code == 0)
        #expect(!FileManager.default.fileExists(atPath: folder + "/parley.sqlite-wal"))
    }

    /// Before the first question, but only where one will need it.
    @Test(arguments: [true, false])
    func loadsLibcurlAtTheStartOfAWorker(callsAProvider: Bool) async throws {
        let provider = ["CHAT_GEMINI_API_KEY": "key", "CHAT_GEMINI_BASE_URL": "http://127.0.0.1:1"]
        let pool = try ServedPool(callsAProvider ? provider : [:])
        try await pool.lines("worker ready", count: 2)
        let worker = try #require(try await pool.workers().first)
        let maps = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(worker)/maps")).readToEnd()
        let mapped = String(decoding: try #require(maps), as: UTF8.self)
        #expect(mapped.contains("/libsqlite3.so.0") && mapped.contains("/libcurl.so.4") == callsAProvider)
    }

    @Test func servesAndLogsWhatIsMissingWithoutLibcurl() async throws {
        let folder = try Deployment.newFolder()
        try "no library".write(toFile: folder + "/libcurl.so.4", atomically: true, encoding: .utf8)
        let pool = try ServedPool(
            ["CHAT_GEMINI_API_KEY": "key"], environment: ["LD_LIBRARY_PATH": folder], folder: folder)
        let lines = try await pool.lines("providers cannot be called", count: 2)
        #expect((lines.first?["cause"] as? String)?.contains("libcurl.so.4: file too short") == true, "\(lines)")
        try await pool.lines("worker ready", count: 2)
    }

    @Test func isShownInSpiteOfAMistypedSetting() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let (code, output, _) = try await run(
            Program.path, ["status"],
            environment: ["CHAT_ENV_FILE": "", "CHAT_SOCKET": pool.socket, "CHAT_WROKERS": "3"])
        #expect(code == 0 && output.contains("2 of 2 workers serve"))
    }

    @Test func isShownWhileItDrains() async throws {
        let pool = try ServedPool(["CHAT_DRAIN_DEADLINE": "0"])
        try await pool.lines("worker ready", count: 2)
        let worker = try #require(try await pool.workers().first)
        kill(worker, SIGSTOP)
        pool.process.signal(SIGTERM)
        try await pool.lines("pool draining")
        #expect(try await pool.status().output.contains("IT STOPS"))
        kill(worker, SIGCONT)
        #expect(await pool.process.end() == 0)
        #expect(try await pool.status().code == 3)
    }

    @Test func recyclesAWorkerWithoutAGap() async throws {
        let run = try await Deployment(["CHAT_WORKERS": "1", "CHAT_WORKER_MAX_REQUESTS": "5"])
        let first = run.workers
        // It is looked at once a second, and not in its first.
        var ready = false
        let limit = ContinuousClock.now + .seconds(20)
        while !ready {
            try #require(ContinuousClock.now < limit)
            #expect(try await run.get("/health").status == 200)
            ready = run.logLines.contains { $0["message"] as? String == "worker draining" }
        }
        try await run.logLine { $0["worker"] as? Int == Int(first[0]) && $0["cause"] as? String == "it had finished" }
        #expect(run.workers.count == 1 && run.workers != first)
        let reason = run.logLines.first { ($0["message"] as? String)?.contains("worn out") == true }
        #expect((reason?["cause"] as? String)?.contains(" requests") == true)
    }

    @Test func replacesAWorkerThatHasGrown() async throws {
        let pool = try ServedPool(["CHAT_WORKERS": "1", "CHAT_WORKER_MAX_RSS": "1000000"])
        let reason = try await pool.lines("worker to be replaced: it is worn out").first?["cause"] as? String
        #expect(reason?.contains("bytes in memory") == true)
        try await pool.lines("worker ended")
        #expect(try await pool.workers().count == 1)
    }

    @Test func replacesAStoppedWorker() async throws {
        let pool = try ServedPool(["CHAT_WORKER_STALL_TIMEOUT": "2"])
        try await pool.lines("worker ready", count: 2)
        let victim = try #require(try await pool.workers().first)
        kill(victim, SIGSTOP)
        #expect(try await pool.lines("worker stuck").first?["worker"] as? Int == Int(victim))
        try await pool.lines("worker ready", count: 3)
        #expect(try await pool.workers().contains(victim) == false)
    }

    @Test func replacesAWorkerThatIsStoppedAtItsStart() async throws {
        let pool = try ServedPool(["CHAT_WORKERS": "1", "CHAT_WORKER_STALL_TIMEOUT": "2"])
        let victim = try #require(try await pool.lines("worker started").first?["worker"] as? Int)
        kill(pid_t(victim), SIGSTOP)
        #expect(try await pool.lines("worker stuck").first?["worker"] as? Int == victim)
        try await pool.lines("worker ready")
    }

    @Test func opensItsLogAnew() async throws {
        let folder = try Deployment.newFolder()
        let (log, old) = (folder + "/log", folder + "/log.1")
        let pool = try ServedPool(["CHAT_LOG_FILE": log], folder: folder)
        func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
        func wait(until fits: () throws -> Bool) async throws {
            let limit = ContinuousClock.now + .seconds(20)
            while try !fits() {
                try #require(ContinuousClock.now < limit, "\(text(old))\n--\n\(text(log))")
                await Task.yield()
            }
        }
        try await wait { text(log).components(separatedBy: "worker ready").count == 3 }
        let workers = try await pool.workers()
        #expect(rename(log, old) == 0)
        pool.process.signal(SIGUSR1)
        try await wait { text(log).contains("log opened anew") }
        for pid in workers {
            try await wait {
                (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/2")) == log
            }
        }
        let before = text(old)
        pool.process.signal(SIGTERM)
        #expect(await pool.process.end() == 0)
        #expect(text(log).components(separatedBy: "worker draining").count == 3)
        #expect(text(old) == before)
        #expect(pool.process.errors.isEmpty)
    }

    @Test func outlivesTheReaderOfItsLog() async throws {
        let pool = try ServedPool(launcher: ["/bin/bash", "-c", "exec \"$@\" 2> >(head -n 1 >/dev/null)", "x"])
        let limit = ContinuousClock.now + .seconds(20)
        while try await pool.workers().count < 2 { try #require(ContinuousClock.now < limit) }
        let workers = try await pool.workers()
        // Each of these is a line that nobody takes.
        for signal in [SIGUSR1, SIGHUP] { pool.process.signal(signal) }
        while try await !pool.workers().isDisjoint(with: workers) { try #require(ContinuousClock.now < limit) }
        #expect(try await pool.status().output.contains("reloads 1"))
    }

    @Test func keepsWatchOverWorkersWhenItsBoardIsRemoved() async throws {
        let pool = try ServedPool(["CHAT_WORKERS": "1", "CHAT_WORKER_STALL_TIMEOUT": "2"])
        let first = try #require(try await pool.lines("worker ready").first?["pid"] as? Int)
        #expect(unlink(pool.socket + "-board") == 0)
        kill(pid_t(first), SIGKILL)
        let second = try #require(try await pool.lines("worker ready", count: 2).last?["pid"] as? Int)
        kill(pid_t(second), SIGSTOP)
        #expect(try await pool.lines("worker stuck").map { $0["worker"] as? Int } == [second])
    }

    @Test func keepsLocksAndBoardWhereTheSettingsSay() async throws {
        let folder = try Deployment.newFolder()
        let state = folder + "/state"
        let manager = FileManager.default
        try manager.createDirectory(atPath: state, withIntermediateDirectories: false)
        let pool = try ServedPool(["CHAT_STATE_DIR": state], folder: folder)
        try await pool.lines("worker ready", count: 2)
        #expect(try manager.contentsOfDirectory(atPath: state).contains("parley.sqlite-board"))
        #expect(manager.fileExists(atPath: state + "/parley.sqlite-lock"))
        for ending in ["lock", "holders", "board"] {
            #expect(!manager.fileExists(atPath: folder + "/parley.sqlite-" + ending), "\(ending)")
        }
        let check = try await pool.check()
        #expect(check.contains("ok    state folder: \(state)/") && check.contains("ok    database"), "\(check)")
        try pool.reload(["CHAT_STATE_DIR": state, "CHAT_MESSAGE_LIMIT": "7"])
        try await pool.lines("pool reloaded")
        try pool.reload([:])
        try await pool.lines("reload failed")
        let cause = try await pool.lines("cannot start").first?["cause"] as? String
        #expect(cause?.contains("CHAT_STATE_DIR was \(state)") == true, "\(cause ?? "")")
    }

    @Test func speaksWithTheServiceManager() async throws {
        let folder = try Deployment.newFolder()
        let manager = try DatagramSocket(folder + "/notify")
        let pool = try ServedPool(
            environment: ["NOTIFY_SOCKET": folder + "/notify", "WATCHDOG_USEC": "2000000"], folder: folder)
        func heard(_ line: String) async throws -> String {
            while true {
                let message = try await manager.next()
                if message.split(separator: "\n").contains(where: { $0.hasPrefix(line) }) { return message }
            }
        }
        #expect(try await heard("READY=1").contains("STATUS=serving on \(pool.socket)"))
        _ = try await heard("WATCHDOG=1")
        pool.process.signal(SIGHUP)
        #expect(try await heard("RELOADING=1").contains("MONOTONIC_USEC="))
        _ = try await heard("READY=1")
        try pool.reload(["CHAT_RETRIES": "many"])
        _ = try await heard("RELOADING=1")
        #expect(try await heard("READY=1").contains("the last reload failed"))
        _ = try await heard("WATCHDOG=1")
        pool.process.signal(SIGTERM)
        _ = try await heard("STOPPING=1")
        #expect(await pool.process.end() == 0)
    }

    @Test(.enabled(if: hasActivator, "needs systemd-socket-activate of Debian's systemd"))
    func takesTheServiceManagersSocket() async throws {
        let folder = try Deployment.newFolder()
        let pool = try ServedPool(folder: folder, launcher: activator(folder, socket: "s"))
        try await pool.process.errors { $0.contains("Listening on \(folder)/s") }
        // It starts the program when somebody connects.
        let caller = try UnixSocket(connectedTo: pool.socket)
        try await pool.lines("worker ready", count: 2)
        pool.process.signal(SIGHUP)
        try await pool.lines("pool reloaded")
        pool.process.signal(SIGTERM)
        #expect(await pool.process.end() == 0)
        #expect(FileManager.default.fileExists(atPath: pool.socket), "it is not the pool's to remove")
        caller.close()
    }

    @Test(.enabled(if: hasActivator, "needs systemd-socket-activate of Debian's systemd"))
    func refusesAServiceManagersSocketElsewhere() async throws {
        let folder = try Deployment.newFolder()
        let pool = try ServedPool(folder: folder, launcher: activator(folder, socket: "other"))
        try await pool.process.errors { $0.contains("Listening on \(folder)/other") }
        let caller = try UnixSocket(connectedTo: folder + "/other")
        #expect(await pool.process.end() != 0)
        #expect(pool.process.errors.contains("the service manager's socket is \(folder)/other"))
        caller.close()
    }

    @Test func givesTheSocketItsModeAndGroup() async throws {
        let pool = try ServedPool(["CHAT_SOCKET_MODE": "0600", "CHAT_SOCKET_GROUP": "\(getgid())"])
        try await pool.lines("listening")
        var status = stat()
        #expect(stat(pool.socket, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600 && status.st_gid == getgid())
    }

    @Test(arguments: [
        ["CHAT_SOCKET_MODE": "0666"], ["CHAT_SOCKET_MODE": "rw"], ["CHAT_SOCKET_MODE": "0060"],
        ["CHAT_SOCKET_OWNER": "no such user"], ["CHAT_SOCKET_GROUP": "no such group"],
        ["CHAT_WORKER_STALL_TIMEOUT": "1"], ["CHAT_LOG_FILE": "/no/such/folder/log"],
        ["CHAT_STATE_DIR": "/no/such/folder"], ["CHAT_STATE_DIR": "/proc/version"],
    ])
    func refusesToStart(settings: [String: String]) async throws {
        let pool = try ServedPool(settings)
        #expect(await pool.process.end() == 78)
        let reason = try await pool.lines("cannot start").first?["cause"] as? String
        #expect(reason?.contains(settings.keys.first!) == true, "\(reason ?? "")")
    }

    @Test func isNotTakenOverByASecondOne() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let workers = try await pool.workers()
        let (code, _, errors) = try await run(
            Program.path, ["serve"], environment: ["CHAT_ENV_FILE": pool.folder + "/env"])
        #expect(code != 0 && errors.contains("another supervisor is running on this socket"))
        #expect(try await pool.workers() == workers)
    }
}

private let hasActivator = access("/usr/bin/systemd-socket-activate", X_OK) == 0

/// Listens as systemd does for a socket unit, and starts the program with the first connection.
private func activator(_ folder: String, socket: String) -> [String] {
    ["/usr/bin/systemd-socket-activate", "--listen=\(folder)/\(socket)", "--setenv=CHAT_ENV_FILE=\(folder)/env"]
        + coverageEnvironment.map { "--setenv=\($0)=\($1)" }
}
