import Foundation
import GRDB
import Testing

/// SIGHUP: the pool gets new settings and a new program while it serves. What it does under load is in SoakTests.
@Suite(.timeLimit(.minutes(5))) struct ReloadTests {
    @Test func takesNewSettingsAndFinishesWhatIsUnderWay() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, _ in
            arrived.yield()
            for await _ in permissions { break }
            return .answer("from before")
        }
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/settings"
        try "CHAT_MESSAGE_LIMIT=7\n".write(toFile: file, atomically: true, encoding: .utf8)
        let run = try await Deployment(provider.asGemini.merging(["CHAT_ENV_FILE": file]) { $1 })
        let token = try await run.logIn()
        let workers = run.workers
        let supervisor = try #require(parent(of: workers[0]))
        async let reply = run.post("/chat", token: token, ["message": "hello"])
        for await _ in arrivals { break }

        try "CHAT_MESSAGE_LIMIT=9\n".write(toFile: file, atomically: true, encoding: .utf8)
        kill(supervisor, SIGHUP)
        try await run.logLine { $0["message"] as? String == "pool reloaded" }
        let session = try await run.get("/auth/session", token: token)
        #expect(session.body.contains("9"), "\(session.body)")
        #expect(Set(run.workers).subtracting(workers).count == 2)
        #expect(run.workers.allSatisfy { parent(of: $0) == supervisor })
        permitted.yield()
        #expect(try await reply.text("response") == "from before")
    }

    @Test(arguments: [
        ["CHAT_RETRIES": "many"], ["CHAT_NO_SUCH": "1"], ["CHAT_SOCKET": "/tmp/elsewhere"],
        ["CHAT_LOG_FILE": "/no/such/folder/log"], ["CHAT_PROVIDERS": "gemini"], ["CHAT_SOCKET_GROUP": "no such group"],
        ["CHAT_DATABASE_URL": "sqlite:/proc/nowhere/parley.sqlite"], ["CHAT_STATE_DIR": "/tmp"],
    ])
    func refusesSettingsThatAreWrongAndGoesOn(settings: [String: String]) async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let workers = try await pool.workers()
        #expect(workers.count == 2)
        try pool.reload(settings)
        let cause = try await pool.lines("reload failed").first?["cause"] as? String
        #expect(cause?.contains("nothing has changed") == true)
        let reason = try await pool.lines("cannot start").first?["cause"] as? String
        #expect(reason?.contains(settings.keys.first!) == true, "\(reason ?? "no reason")")
        #expect(try await pool.workers() == workers)
        try pool.reload([:])
        try await pool.lines("pool reloaded")
        #expect(try await pool.workers().isDisjoint(with: workers))
    }

    @Test func startsTheProgramThatIsThereNow() async throws {
        let folder = try Deployment.newFolder()
        let program = folder + "/program"
        try FileManager.default.copyItem(atPath: Program.path, toPath: program)
        let pool = try ServedPool(program: program, folder: folder)
        try await pool.lines("worker ready", count: 2)
        // As a package manager replaces it: a new file, renamed to the old name.
        try FileManager.default.copyItem(atPath: Program.path, toPath: program + ".new")
        #expect(rename(program + ".new", program) == 0)
        let supervisor = pool.process.pid
        #expect(try inode(of: supervisor) != inode(program))
        pool.process.signal(SIGHUP)
        try await pool.lines("pool reloaded")
        for pid in try await pool.workers().union([supervisor]) {
            #expect(try inode(of: pid) == inode(program))
        }
    }

    @Test func followsALinkToAnotherVersion() async throws {
        let folder = try Deployment.newFolder()
        for version in ["1", "2"] {
            try FileManager.default.copyItem(atPath: Program.path, toPath: folder + "/parley-" + version)
        }
        let link = folder + "/parley"
        #expect(symlink("parley-1", link) == 0)
        let pool = try ServedPool(program: link, folder: folder)
        try await pool.lines("worker ready", count: 2)
        #expect(symlink("parley-2", link + ".new") == 0 && rename(link + ".new", link) == 0)
        pool.process.signal(SIGHUP)
        try await pool.lines("pool reloaded")
        for pid in try await pool.workers().union([pool.process.pid]) {
            #expect(try inode(of: pid) == inode(folder + "/parley-2"))
        }
    }

    /// Both end with 0 whatever they are told, and the second even says something.
    @Test(arguments: ["/bin/true", "/bin/echo"])
    func refusesAnotherProgram(at path: String) async throws {
        let folder = try Deployment.newFolder()
        let program = folder + "/program"
        try FileManager.default.copyItem(atPath: Program.path, toPath: program)
        let pool = try ServedPool(program: program, folder: folder)
        try await pool.lines("worker ready", count: 2)
        let workers = try await pool.workers()
        try FileManager.default.copyItem(atPath: path, toPath: program + ".new")
        #expect(rename(program + ".new", program) == 0)
        pool.process.signal(SIGHUP)
        let cause = try await pool.lines("reload failed").first?["cause"] as? String
        #expect(cause?.contains("is not this program") == true && cause?.contains("nothing has changed") == true)
        #expect(try await pool.workers() == workers)
    }

    @Test func replacesWorkersByWhatRunsAfterItRefusedAProgram() async throws {
        let folder = try Deployment.newFolder()
        let program = folder + "/program"
        try FileManager.default.copyItem(atPath: Program.path, toPath: program)
        let pool = try ServedPool(program: program, folder: folder)
        try await pool.lines("worker ready", count: 2)
        // The beginning of a copy.
        try FileManager.default.copyItem(atPath: Program.path, toPath: program + ".new")
        #expect(truncate(program + ".new", 1 << 20) == 0 && rename(program + ".new", program) == 0)
        pool.process.signal(SIGHUP)
        try await pool.lines("reload failed")
        for worker in try await pool.workers() { kill(worker, SIGKILL) }
        try await pool.lines("worker ready", count: 4)
        let workers = try await pool.workers()
        #expect(workers.count == 2)
        for pid in workers {
            #expect(try inode(of: pid) == inode(of: pool.process.pid))
            #expect(try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8) == "parley\n")
        }
    }

    @Test func refusesAProgramThatIsOlderThanTheDatabase() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let workers = try await pool.workers()
        try await DatabaseQueue(path: pool.folder + "/parley.sqlite").write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 of a newer program')")
        }
        pool.process.signal(SIGHUP)
        try await pool.lines("reload failed")
        let reason = try await pool.lines("cannot start").first?["cause"] as? String
        #expect(reason?.contains("newer version") == true)
        #expect(try await pool.workers() == workers)
    }

    @Test func doesNotWaitForTheDatabasesLock() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let lock = open(pool.folder + "/parley.sqlite-lock", O_RDWR)
        #expect(flock(lock, LOCK_EX) == 0)
        pool.process.signal(SIGHUP)
        // The new supervisor is at work, though no worker of its can be ready yet.
        try await pool.lines("worker started", count: 3)
        close(lock)
        try await pool.lines("pool reloaded")
    }

    @Test func givesTheSocketItsNewMode() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        try pool.reload(["CHAT_SOCKET_MODE": "0600"])
        try await pool.lines("pool reloaded")
        var status = stat()
        #expect(stat(pool.socket, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test func changesTheNumberOfWorkers() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        for (number, count) in [3, 1].enumerated() {
            try pool.reload(["CHAT_WORKERS": "\(count)"])
            try await pool.lines("pool reloaded", count: number + 1)
            #expect(try await pool.workers().count == count)
        }
    }

    @Test func keepsASocketThatItMade() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let before = try inode(pool.socket)
        pool.process.signal(SIGHUP)
        try await pool.lines("pool reloaded")
        #expect(try inode(pool.socket) == before)
        pool.process.signal(SIGTERM)
        #expect(await pool.process.end() == 0)
        for name in ["s", "s-board"] { #expect(!FileManager.default.fileExists(atPath: pool.folder + "/" + name)) }
    }

    private func inode(of pid: pid_t) throws -> UInt64 { try inode("/proc/\(pid)/exe") }

    private func inode(_ path: String) throws -> UInt64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw POSIXError(.ENOENT) }
        return UInt64(status.st_ino)
    }
}
