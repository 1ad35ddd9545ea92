import Foundation
import GRDB
import Testing

/// `parley backup`, `restore` and `migrate`, as an operator runs them beside a pool.
@Suite(.timeLimit(.minutes(5))) struct BackupTests {
    /// Runs a subcommand on the deployment's database.
    private func parley(_ arguments: String..., on run: Deployment) async throws -> (code: Int32, text: String) {
        let ended = try await EndToEndTests.run(
            Program.path, arguments,
            environment: [
                "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
                "CHAT_DATABASE_URL": "sqlite:\(run.folder)/parley.sqlite", "CHAT_ENV_FILE": "",
            ])
        return (ended.code, ended.output + ended.errors)
    }

    private func questions(_ run: Deployment, _ token: String) async throws -> [String] {
        try questions(in: try await run.get("/chat/history", token: token))
    }

    private func questions(in reply: Reply) throws -> [String] {
        let messages = try #require(reply.json["messages"] as? [[String: Any]], "\(reply)")
        return messages.compactMap { $0["message"] as? String }
    }

    @Test func aBackupIsRestoredBesideARunningPool() async throws {
        let run = try await Deployment()
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["message": "kept"])
        let file = run.folder + "/backup"
        let backup = try await parley("backup", file, on: run)
        #expect(backup.code == 0 && backup.text.contains("1 exchanges"), "\(backup.text)")
        let again = try await parley("backup", file, on: run)
        #expect(again.code == 1 && again.text.contains("there already"), "\(again.text)")
        _ = try await run.post("/chat", token: token, ["message": "after the backup"])
        let restored = try await parley("restore", file, on: run)
        #expect(restored.code == 0 && restored.text.contains("-before-restore-"), "\(restored.text)")
        for history in try await run.everyWorker({ try await run.get("/chat/history", token: token) }) {
            #expect(try questions(in: history) == ["kept"])
        }
        let new = try await run.post("/chat", token: token, ["message": "new"])
        #expect(new.status == 200)
        #expect(try await questions(run, token) == ["kept", "new"])

        // What was there before can be had again.
        let former = try #require(restored.text.split(separator: " ").first { $0.contains("-before-restore-") })
        let back = try await parley("restore", former.trimmingCharacters(in: .whitespacesAndNewlines), on: run)
        #expect(back.code == 0, "\(back.text)")
        #expect(try await questions(run, token) == ["kept", "after the backup"])
        #expect(try await run.get("/health").status == 200)
    }

    @Test func anOrderlyStopLeavesEverythingInTheOneFile() async throws {
        let run = try await Deployment()
        defer { withExtendedLifetime(run) {} }  // and its folder
        let token = try await run.logIn()
        for number in 0..<4 {
            #expect(try await run.post("/chat", token: token, ["message": "\(number)"]).status == 200)
        }
        #expect(await run.stop() == 0)
        let copy = run.folder + "/copy"
        try FileManager.default.copyItem(atPath: run.folder + "/parley.sqlite", toPath: copy)
        let questions = try await DatabaseQueue(path: copy).read {
            try String.fetchAll($0, sql: "SELECT question FROM exchanges ORDER BY id")
        }
        #expect(questions == ["0", "1", "2", "3"])
    }

    @Test(.timeLimit(.minutes(1))) func aRestoreThatIsHaltedFromTheKeyboardGoesOn() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let environment = [
            "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
            "CHAT_ENV_FILE": "",
        ]
        for arguments in [["migrate"], ["backup", folder + "/backup"]] {
            #expect(try await EndToEndTests.run(Program.path, arguments, environment: environment).code == 0)
        }
        let lock = open(folder + "/parley.sqlite-lock", O_RDWR | O_CLOEXEC)
        flock(lock, LOCK_EX)
        let restore = try RunningProcess(Program.path, ["restore", folder + "/backup"], environment: environment)
        // Its copy is there: it waits for the lock.
        let limit = ContinuousClock.now + .seconds(20)
        while !FileManager.default.fileExists(atPath: folder + "/parley.sqlite-restoring") {
            try #require(ContinuousClock.now < limit)
            await Task.yield()
        }
        // A group of processes without a terminal's shell is never halted so, hence the look at what is blocked.
        let status = try String(contentsOfFile: "/proc/\(restore.pid)/status", encoding: .utf8)
        let blocked = status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }?.split(separator: "\t").last
        #expect(try #require(blocked.flatMap { UInt64($0, radix: 16) }) & 1 << UInt64(SIGTSTP - 1) != 0)
        restore.signal(SIGTSTP)
        close(lock)
        let patience = Task {
            try await Task.sleep(for: .seconds(20))
            restore.signal(SIGKILL)
        }
        #expect(await restore.end() == 0)
        patience.cancel()
    }

    @Test(.enabled(if: SmallDisk.isPossible, "mounting a file system, and being another user, needs root"))
    func aFullDiskAndMissingPermissionAreNamedWithTheirPath() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let database = folder + "/parley.sqlite"
        let environment = [
            "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_DATABASE_URL": "sqlite:\(database)",
            "CHAT_ENV_FILE": "",
        ]
        #expect(try await EndToEndTests.run(Program.path, ["migrate"], environment: environment).code == 0)
        let disk = try await SmallDisk(bytes: 1 << 20)
        try disk.fill()
        let full = try await EndToEndTests.run(
            Program.path, ["backup", disk.folder + "/backup"], environment: environment)
        #expect(full.code == 1 && full.errors.contains("\(disk.folder)/backup.partial: its disk is full"), "\(full)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder) == ["filler"])

        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: database)
        for command in [["backup", "/tmp/\(UUID())"], ["sessions"]] {
            let refused = try await EndToEndTests.run(
                "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", Program.path] + command,
                environment: environment)
            let text = refused.errors.lowercased()
            #expect(
                refused.code != 0 && text.contains(database.lowercased()) && text.contains("permission"), "\(refused)")
        }
    }

    @Test func aNewerDatabaseIsRefusedByEveryCommandAndAnsweredWith503() async throws {
        let run = try await Deployment(["CHAT_WORKERS": "1"])
        defer { withExtendedLifetime(run) {} }  // and its folder
        let path = run.folder + "/parley.sqlite"
        try await DatabaseQueue(path: path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999 from the future')")
        }
        for arguments in [["migrate"], ["backup", run.folder + "/backup"]] {
            let ended =
                arguments.count == 1
                ? try await parley(arguments[0], on: run) : try await parley(arguments[0], arguments[1], on: run)
            #expect(ended.code == 1 && ended.text.contains("newer version of this program"), "\(ended.text)")
        }
        #expect(await run.stop() == 0)
        let serve = try RunningProcess(
            Program.path, ["serve"],
            environment: [
                "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_DATABASE_URL": "sqlite:\(path)",
                "CHAT_SOCKET": run.folder + "/other.sock", "CHAT_WORKERS": "1", "CHAT_ENV_FILE": "",
            ])
        defer {
            serve.signal(SIGTERM)
            serve.waitBlocking()
        }
        try await serve.errors { $0.contains("database not available") && $0.contains("newer version of this program") }
    }

    @Test func onlyMigrateBeginsAnewWhereADatabaseWasRemoved() async throws {
        let run = try await Deployment(["CHAT_WORKERS": "1"])
        for ending in ["", "-wal", "-shm"] {
            try FileManager.default.removeItem(atPath: run.folder + "/parley.sqlite" + ending)
        }
        let refused = try await parley("migrate", "--unless-removed", on: run)
        #expect(
            refused.code == 1 && refused.text.contains("run `parley migrate` to begin a new one"), "\(refused.text)")
        let worker = try #require(run.workers.first)
        kill(worker, SIGKILL)
        try await run.logLine { $0["message"] as? String == "worker ready" && $0["pid"] as? Int != Int(worker) }
        try expectError(try await run.post("/auth/email", ["email": "ann@example.com"]), 503)
        #expect(!FileManager.default.fileExists(atPath: run.folder + "/parley.sqlite"))
        #expect(run.log.contains("run `parley migrate` to begin a new one"))
        let migrated = try await parley("migrate", on: run)
        #expect(migrated.code == 0, "\(migrated.text)")
        _ = try await run.logIn()
    }
}
