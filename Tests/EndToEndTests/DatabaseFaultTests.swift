import Foundation
import Testing

/// The database is damaged when the pool starts: requests get a 503 that says so, and service resumes by itself.
@Suite(.timeLimit(.minutes(5))) struct DatabaseFaultTests {
    @Test func aDamagedDatabaseIsA503UntilItIsRestored() async throws {
        let run = try await Deployment(["CHAT_WORKERS": "1"])
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["message": "acknowledged"])
        let path = run.folder + "/parley.sqlite"
        // Stopped, damaged, started: what an operator finds after a bad night.
        #expect(await run.stop() == 0)
        let good = try Files(path)
        try good.overwrite()
        let pool = try RunningProcess(
            Program.path, ["serve"],
            environment: [
                "PATH": "/usr/bin:/bin",
                "CHAT_JWT_SECRET": try run.secret("CHAT_JWT_SECRET"),
                "CHAT_DATABASE_URL": "sqlite:\(path)", "CHAT_SOCKET": run.folder + "/parley.sock", "CHAT_WORKERS": "1",
            ])
        try await pool.errors { $0.contains("worker ready") }
        let nginx = try RunningProcess(
            "/usr/sbin/nginx", ["-e", "stderr", "-p", run.folder + "/nginx", "-c", "nginx.conf"],
            environment: ["PATH": "/usr/sbin:/usr/bin:/bin"])
        defer {
            nginx.signal(SIGQUIT)
            nginx.waitBlocking()
            pool.signal(SIGTERM)
            pool.waitBlocking()
        }
        try await listening(on: run.port)
        let health = try await run.get("/health")
        #expect(health.status == 503 && health.text("database") == "unavailable", "\(health)")
        let reply = try await run.get("/chat/history", token: token)
        try expectError(reply, 503)
        #expect(reply.headers["retry-after"] != nil && !reply.body.contains("sqlite"))
        try expectError(try await run.post("/auth/email", ["email": "ann@example.com"]), 503)

        try good.restore()
        #expect(try await run.get("/chat/history", token: token).number("count") == 1)
        #expect(try await run.post("/chat", token: token, ["message": "after"]).status == 200)
        #expect(try await run.get("/health").status == 200)
    }
}

/// The database goes, or is replaced, while the pool runs.
@Suite(.timeLimit(.minutes(5))) struct RunningDatabaseFaultTests {
    enum Fault: String, CaseIterable {
        case moved, removed, garbage, emptied, walRemoved

        /// What /health calls it; nil when nothing fails.
        var word: String? {
            switch self {
            case .moved, .removed: "file removed"
            case .garbage, .emptied: "damaged"
            case .walRemoved: nil
            }
        }

        func begin(_ path: String) throws {
            let manager = FileManager.default
            switch self {
            case .moved: try manager.moveItem(atPath: path, toPath: path + ".away")
            case .removed: for ending in ["", "-wal", "-shm"] { try manager.removeItem(atPath: path + ending) }
            case .garbage:
                try Data(repeating: 0x5A, count: 65_536).write(to: URL(fileURLWithPath: path), options: .atomic)
            case .emptied: try Data().write(to: URL(fileURLWithPath: path), options: .atomic)
            case .walRemoved: try manager.removeItem(atPath: path + "-wal")
            }
        }

        fileprivate func end(_ path: String, _ good: Files) throws {
            switch self {
            case .moved: try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
            case .walRemoved: break
            default: try good.restore()
            }
        }
    }

    @Test(arguments: Fault.allCases) func isA503ThatHealthExplainsUntilItIsOver(_ fault: Fault) async throws {
        let run = try await Deployment()
        let token = try await run.logIn()
        let path = run.folder + "/parley.sqlite"
        var acknowledged: [String] = []
        for number in 0..<6 {
            #expect(try await run.post("/chat", token: token, ["message": "before \(number)"]).status == 200)
            acknowledged.append("before \(number)")
        }
        let good = try Files(path, path + "-wal")
        try fault.begin(path)
        for number in 0..<6 {
            let reply = try await run.post("/chat", token: token, ["message": "meanwhile \(number)"])
            if fault.word == nil {
                #expect(reply.status == 200, "\(reply)")
                acknowledged.append("meanwhile \(number)")
            } else {
                try expectError(reply, 503)
                #expect(reply.headers["retry-after"] != nil)
            }
        }
        if let word = fault.word {
            let health = try await run.health { $0.status == 503 && $0.writing == word }
            #expect(health.reply.text("status") == "unhealthy" && !health.reply.body.contains(run.folder))
        }
        try fault.end(path, good)
        for number in 0..<6 {
            let reply = try await run.post("/chat", token: token, ["message": "after \(number)"])
            #expect(reply.status == 200, "\(reply)")
            acknowledged.append("after \(number)")
        }
        // A worker that was only asked to read looks for the file once a second.
        let limit = ContinuousClock.now + .seconds(10)
        let expected = acknowledged
        while true {
            let histories = try await run.everyWorker { try await run.get("/chat/history?limit=100", token: token) }
            let wrong = histories.first { history in
                let messages = history.json["messages"] as? [[String: Any]]
                return messages?.map { $0["message"] as? String } != expected
            }
            guard let wrong else { break }
            try #require(ContinuousClock.now < limit, "\(wrong)")
        }
        #expect(run.workers.count == 2)
    }

    /// A write of the old one saves what was in it. If the new one begins before that, the old one says that it is lost,
    /// once, and goes on.
    @Test func aRemovedWALIsSavedOrTheLogSaysThatItIsLost() async throws {
        let run = try await Deployment()
        let token = try await run.logIn()
        #expect(try await run.post("/chat", token: token, ["message": "before"]).status == 200)
        try FileManager.default.removeItem(atPath: run.folder + "/parley.sqlite-wal")
        let worker = try #require(run.workers.first)
        kill(worker, SIGKILL)
        try await run.logLine { $0["message"] as? String == "worker ready" && $0["pid"] as? Int != Int(worker) }
        let limit = ContinuousClock.now + .seconds(10)
        while !run.log.contains("what was only in it is lost") {
            try #require(ContinuousClock.now < limit, "lost, and nobody said so")
            // nginx keeps its connections: only several at once reach both workers.
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<64 {
                    group.addTask { _ = try? await run.post("/auth/email", ["email": "ann@example.com"]) }
                }
            }
            if try await run.get("/chat/history", token: token).number("count") == 1 { break }
        }
        let other = try await run.logIn()
        var refused = 0
        for number in 0..<8 {
            if try await run.post("/chat", token: other, ["message": "\(number)"]).status != 200 { refused += 1 }
        }
        #expect(refused <= 1, "a worker says once what is lost")
        #expect(try await run.get("/chat/history", token: other).number("count") == 8 - refused)
        #expect(await run.stop() == 0)
    }
}

extension Deployment {
    fileprivate struct Health {
        let reply: Reply
        var status: Int { reply.status }
        var writing: String? {
            ((reply.json["components"] as? [String: Any])?["database"] as? [String: Any])?["writing"] as? String
        }
    }

    /// A worker that wrote within the last second does not look again: the requests themselves are the wait.
    ///
    /// - Returns: the first that fits.
    fileprivate func health(until fits: (Health) -> Bool) async throws -> Health {
        let limit = ContinuousClock.now + .seconds(5)
        while true {
            let health = Health(reply: try await get("/health?detailed=true"))
            if fits(health) { return health }
            try #require(ContinuousClock.now < limit, "\(health.reply)")
        }
    }
}

/// On a file system of its own, which needs the right to mount.
@Suite(.timeLimit(.minutes(5)), .enabled(if: SmallDisk.isPossible, "mounting a file system needs root"))
struct DiskFaultTests {
    @Test func aFullDiskIsA503UntilThereIsSpace() async throws {
        let disk = try await SmallDisk(bytes: 4 << 20)
        let run = try await Deployment(["CHAT_DATABASE_URL": "sqlite:\(disk.folder)/parley.sqlite"])
        let token = try await run.logIn()
        var acknowledged: [String] = []
        func ask(_ text: String) async throws -> Reply {
            let reply = try await run.post("/chat", token: token, ["message": text])
            if reply.status == 200 { acknowledged.append(text) }
            return reply
        }
        #expect(try await ask("before").status == 200)
        try disk.fill()
        // What the log has room for already may still be written.
        var last = try await ask("0" + String(repeating: "x", count: 9_000))
        for number in 1..<20 where last.status == 200 {
            last = try await ask("\(number)" + String(repeating: "x", count: 9_000))
        }
        try expectError(last, 503)
        #expect(last.headers["retry-after"] != nil)
        let before = run.workers.map { Int($0) }
        kill(try #require(run.workers.first), SIGKILL)
        try await run.logLine { line in
            line["message"] as? String == "worker ready"
                && line["pid"].flatMap { $0 as? Int }.map(before.contains) == false
        }
        #expect(try await run.get("/chat/history", token: token).status == 200)
        let full = try await run.health { $0.status == 503 && $0.writing == "disk full" }
        #expect(full.reply.text("database") == "read_only")
        #expect(run.workers.count == 2, "\(run.log)")
        try disk.free()
        #expect(try await ask("after").status == 200)
        _ = try await run.health { $0.status == 200 }
        let history = try await run.get("/chat/history?limit=100", token: token)
        let messages = try #require(history.json["messages"] as? [[String: Any]])
        #expect(messages.map { $0["message"] as? String } == acknowledged)
    }

    @Test func aDiskThatIsFullAtTheFirstStartIsNoDatabaseThatWasRemoved() async throws {
        let disk = try await SmallDisk(bytes: 1 << 20)
        try disk.fill()
        let settings = [
            "CHAT_ENV_FILE": "", "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
            "CHAT_DATABASE_URL": "sqlite:\(disk.folder)/parley.sqlite",
        ]
        let arguments = ["migrate", "--unless-removed"]
        #expect(try await EndToEndTests.run(Program.path, arguments, environment: settings).code != 0)
        try disk.free()
        let (code, _, errors) = try await EndToEndTests.run(Program.path, arguments, environment: settings)
        #expect(code == 0, "\(errors)")
    }

    @Test func aReadOnlyFileSystemIsA503UntilItIsWritable() async throws {
        let disk = try await SmallDisk(bytes: 16 << 20)
        let run = try await Deployment(["CHAT_DATABASE_URL": "sqlite:\(disk.folder)/parley.sqlite"])
        let token = try await run.logIn()
        #expect(try await run.post("/chat", token: token, ["message": "before"]).status == 200)
        try await disk.lock()
        // What a process has open for writing it can write to all the same: their successors cannot.
        let before = run.workers
        for worker in before { kill(worker, SIGKILL) }
        try await run.logLine { line in
            line["message"] as? String == "worker ready" && !before.contains { Int($0) == line["pid"] as? Int }
        }
        for _ in 0..<4 {
            let reply = try await run.post("/chat", token: token, ["message": "lost"])
            try expectError(reply, 503)
            #expect(reply.headers["retry-after"] != nil)
            #expect(try await run.get("/chat/history", token: token).number("count") == 1)
        }
        let locked = try await run.health { $0.status == 503 && $0.writing == "read-only file system" }
        #expect(locked.reply.text("database") == "read_only")
        try await disk.unlock()
        // Each worker may say so once more: it finds out when it writes.
        let limit = ContinuousClock.now + .seconds(10)
        var answers = 0
        while answers < 8, ContinuousClock.now < limit {
            let isAnswered = try await run.post("/chat", token: token, ["message": "after"]).status == 200
            answers = isAnswered ? answers + 1 : 0
        }
        #expect(answers == 8, "\(run.log)")
        _ = try await run.health { $0.status == 200 }
    }
}

/// Files that are damaged and brought back.
private struct Files {
    private let contents: [(url: URL, data: Data)]

    init(_ paths: String...) throws {
        contents = try paths.map { path in
            let url = URL(fileURLWithPath: path)
            return (url, try Data(contentsOf: url))
        }
    }

    func overwrite() throws {
        for (url, data) in contents { try Data(repeating: 0x5A, count: data.count).write(to: url) }
    }

    /// Into the files that are there, as `cp` does.
    func restore() throws {
        for (url, data) in contents { try data.write(to: url) }
    }
}
