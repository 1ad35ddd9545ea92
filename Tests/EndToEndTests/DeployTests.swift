import Foundation
import Testing

/// The same program in every place that it may run: under spawn-fcgi, under a CGI server, and bare.
@Suite struct DeployTests {
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

    /// One request as a CGI server would make it.
    private func cgi(
        _ folder: String, _ method: String, _ path: String, token: String? = nil, body: String = "",
        more: [String: String] = [:], arguments: [String] = []
    ) async throws -> Reply {
        var variables = environment(folder)
        variables["GATEWAY_INTERFACE"] = "CGI/1.1"
        variables["REQUEST_METHOD"] = method
        variables["REQUEST_URI"] = path
        variables["REMOTE_ADDR"] = "127.0.0.1"
        variables["HTTP_USER_AGENT"] = "bare environment"
        variables["CONTENT_TYPE"] = "application/json"
        variables["CONTENT_LENGTH"] = String(body.utf8.count)
        if let token { variables["HTTP_AUTHORIZATION"] = "Bearer \(token)" }
        variables.merge(more) { $1 }
        let (code, output, errors) = try await run(
            Program.path, arguments, input: Data(body.utf8), environment: variables)
        #expect(code == 0, "\(errors)")
        let status = try #require(output.prefixMatch(of: try Regex("Status: ([0-9]+)")), "\(output)\(errors)")
        return Reply("HTTP/1.1 \(status.output[1].substring!)\r\n" + output)
    }

    @Test func answersAsAPlainCGIProgram() async throws {
        try await withFolder { folder in
            let login = try await cgi(folder, "POST", "/auth/email", body: #"{"email":"ann@example.com"}"#)
            let token = try #require(login.text("access_token"), "\(login)")
            let first = try await cgi(folder, "POST", "/chat", token: token, body: #"{"message":"hello"}"#)
            #expect(first.status == 200 && first.flag("cached") == false)
            let second = try await cgi(folder, "POST", "/chat", token: token, body: #"{"message":"hello"}"#)
            #expect(second.flag("cached") == true, "the shared cache serves processes that live for one request")
            #expect(try await cgi(folder, "GET", "/chat/history", token: token).number("count") == 2)
            #expect(try await cgi(folder, "GET", "/health").status == 200)
            let cut = try await cgi(
                folder, "POST", "/chat", token: token, body: #"{"message":"hello"}"#, more: ["CONTENT_LENGTH": "500"])
            #expect(cut.status == 400)
            let lie = try await cgi(folder, "POST", "/chat", token: token, body: "{}", more: ["CONTENT_LENGTH": "-5"])
            #expect(lie.status == 400)
            let large = try await cgi(
                folder, "POST", "/chat", token: token, body: String(repeating: " ", count: 70_000))
            #expect(large.status == 413)
        }
    }

    @Test func aQueryStringIsNeverACommandLine() async throws {
        try await withFolder { folder in
            let reply = try await cgi(
                folder, "GET", "/health", more: ["QUERY_STRING": "config"], arguments: ["config"])
            #expect(reply.status == 200 && !reply.body.contains("CHAT_JWT_SECRET"))
        }
    }

    @Test func answersUnderACGIServer() async throws {
        try await withFolder { folder in
            let port = try freePort()
            let variables = environment(folder).map { "\"\($0)\" => \"\($1)\"" }.joined(separator: ", ")
            try """
            server.document-root = "\(folder)"
            server.bind = "127.0.0.1"
            server.port = \(port)
            server.errorlog = "\(folder)/lighttpd.log"
            server.modules = ("mod_alias", "mod_cgi", "mod_setenv")
            setenv.set-environment = (\(variables))
            alias.url = ("" => "\(Program.path)")
            cgi.assign = ("" => "")
            """.write(toFile: folder + "/lighttpd.conf", atomically: true, encoding: .utf8)
            let server = try RunningProcess(
                "/usr/sbin/lighttpd", ["-D", "-f", folder + "/lighttpd.conf"], environment: ["PATH": "/usr/bin:/bin"])
            defer {
                server.signal(SIGTERM)
                server.waitBlocking()
            }
            try await listening(on: port)
            func send(_ path: String, _ options: [String]) async throws -> Reply {
                Reply(
                    try await run(
                        "/usr/bin/curl",
                        ["-s", "--include", "-H", "Content-Type: application/json", "http://127.0.0.1:\(port)\(path)"]
                            + options
                    ).output)
            }
            let login = try await send("/auth/email", ["-d", #"{"email":"ann@example.com"}"#])
            let token = try #require(login.text("access_token"), "\(login)")
            let chat = try await send("/chat", ["-d", #"{"message":"hello"}"#, "-H", "Authorization: Bearer \(token)"])
            #expect(chat.status == 200 && chat.text("response") == "You said: hello", "\(chat)")
            #expect(try await send("/nowhere?x=1", []).status == 404)
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
        try await cgi(folder, "GET", "/chat/history", token: token).number("count") == 1
    }

    @Test func workersEndWhenTheirSupervisorIsKilled() async throws {
        let run = try await Deployment()
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
