import Foundation
import Testing

/// The database is damaged when the pool starts: requests get a 503 that says so, and service resumes by itself.
@Suite struct DatabaseFaultTests {
    @Test func aDamagedDatabaseIsA503UntilItIsRestored() async throws {
        let run = try await Deployment(["CHAT_WORKERS": "1"])
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["message": "acknowledged"])
        let path = run.folder + "/parley.sqlite"
        // Stopped, damaged, started: what an operator finds after a bad night. The log beside the file would mend it.
        #expect(await run.stop() == 0)
        let good = try Files(path, path + "-wal")
        try good.overwrite()
        let pool = try RunningProcess(
            Program.path, ["serve"],
            environment: [
                "PATH": "/usr/bin:/bin",
                "CHAT_JWT_SECRET": try String(contentsOfFile: run.folder + "/jwt-secret", encoding: .utf8).filter {
                    $0 != "\n"
                },
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

    func restore() throws {
        for (url, data) in contents { try data.write(to: url) }
    }
}
