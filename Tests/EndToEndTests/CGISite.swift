import Foundation

/// Parley as a CGI program, under a web server of its own that has the configuration of deploy/cgi. The settings are in
/// a file, and the server is told its path alone. The server ends with this value.
final class CGISite: Sendable {
    enum Server: String, CaseIterable, Sendable {
        /// nginx with Parley's whole site, and fcgiwrap behind it.
        case fcgiwrap
        case lighttpd
        /// Apache with threads.
        case cgid = "Apache's mod_cgid"
        /// Apache with processes.
        case cgi = "Apache's mod_cgi"
        /// No server: the environment that one would make.
        case bare
    }

    /// In no reply may this be seen.
    static let secret = "the-secret-of-the-settings-file-0123456789"

    let folder: String
    private let server: Server
    private let port: UInt16
    private let processes: [RunningProcess]

    init(_ server: Server, _ settings: [String: String] = [:]) async throws {
        self.server = server
        folder = try Deployment.newFolder()
        port = try freePort()
        let all = ["CHAT_JWT_SECRET": Self.secret, "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite"]
            .merging(settings) { $1 }
        try all.map { "\($0)=\($1)\n" }.joined().write(
            toFile: folder + "/parley.env", atomically: true, encoding: .utf8)
        chmod(folder + "/parley.env", 0o600)
        processes =
            switch server {
            case .fcgiwrap: try await Self.fcgiwrap(folder, port)
            case .lighttpd: try Self.lighttpd(folder, port)
            case .cgid: try Self.apache(folder, port, mpm: "event", module: "cgid")
            case .cgi: try Self.apache(folder, port, mpm: "prefork", module: "cgi")
            case .bare: []
            }
        if server != .bare { try await listening(on: port) }
    }

    deinit {
        // The group: fcgiwrap's processes outlive their parent.
        for process in processes { kill(-process.pid, SIGTERM) }
        for process in processes { process.waitBlocking() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The deploy/cgi file with the paths of Debian's layout replaced by ours; each must be in it.
    private static func configuration(_ name: String, _ folder: String, _ more: [String: String] = [:]) throws -> String
    {
        var text = try String(contentsOfFile: Program.repository + "/deploy/cgi/" + name, encoding: .utf8)
        let paths = ["/usr/bin/parley": Program.path, "/etc/parley/parley.env": folder + "/parley.env"]
        for (old, new) in paths.merging(more, uniquingKeysWith: { $1 }).sorted(by: { $0.key.count > $1.key.count }) {
            guard text.contains(old) else { throw RunningProcess.Ended(description: "\(name) has no \(old)") }
            text = text.replacing(old, with: new)
        }
        let path = folder + "/" + name
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// In a process group of its own, for Apache ends all of the group that it is in.
    private static func start(_ command: [String]) throws -> RunningProcess {
        try RunningProcess("/usr/bin/setsid", command, environment: ["PATH": "/usr/bin:/bin"])
    }

    private static func lighttpd(_ folder: String, _ port: UInt16) throws -> [RunningProcess] {
        let file = try configuration("lighttpd.conf", folder, ["server.port = 8080": "server.port = \(port)"])
        return [try start(["/usr/sbin/lighttpd", "-D", "-f", file])]
    }

    private static func apache(_ folder: String, _ port: UInt16, mpm: String, module: String) throws
        -> [RunningProcess]
    {
        let bin = URL(fileURLWithPath: Program.path).deletingLastPathComponent().path
        let site = try configuration("apache.conf", folder, ["\"/usr/bin\"": "\"\(bin)\""])
        let modules = ["mpm_\(mpm)", module, "alias", "authz_core", "env"]
        let load = modules.map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so" }
        let socket = module == "cgid" ? ["ScriptSock \(folder)/cgid.sock"] : []
        let own = [
            "ServerRoot \(folder)", "ServerName localhost", "DefaultRuntimeDir \(folder)",
            "PidFile \(folder)/apache.pid",
            "ErrorLog /dev/stderr", "Listen 127.0.0.1:\(port)",
        ]
        let file = folder + "/httpd.conf"
        try (load + own + socket + ["Include \(site)", ""]).joined(separator: "\n")
            .write(toFile: file, atomically: true, encoding: .utf8)
        var command = ["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", file]
        // It refuses to serve as root; in a user namespace of its own it has another number and the same files.
        if geteuid() == 0 { command = ["/usr/bin/unshare", "--user"] + command }
        return [try start(command)]
    }

    private static func fcgiwrap(_ folder: String, _ port: UInt16) async throws -> [RunningProcess] {
        let part = try configuration("fcgiwrap.conf", folder)
        let (socket, tls, nginx) = (folder + "/cgi.sock", folder + "/tls", folder + "/nginx")
        let environment = [
            "PATH": "/usr/sbin:/usr/bin:/bin", "PORT": String(port), "SOCKET": socket,
            "CERTIFICATE": tls + "/certificate.pem", "CERTIFICATE_KEY": tls + "/key.pem",
            "CHAT_RATE_LIMITING_ENABLED": "false", "CHAT_CHAT_RATE": "10/minute", "CHAT_AUTH_RATE": "5/minute",
            "CHAT_READ_RATE": "120/minute", "CHAT_REQUEST_DEADLINE": "60", "PARLEY": Program.path,
            "DOCS": ProcessInfo.processInfo.environment["DOCS"] ?? "",
        ]
        for (script, target) in [("make-certificate", tls), ("render-nginx", nginx)] {
            let result = try await run(Program.repository + "/deploy/" + script, [target], environment: environment)
            guard result.code == 0 else { throw RunningProcess.Ended(description: "\(script): \(result.errors)") }
        }
        let site = nginx + "/parley.conf"
        let line = "include snippets/parley-fastcgi.conf;"
        try String(contentsOfFile: site, encoding: .utf8).replacing(line, with: line + "\n include \"\(part)\";")
            .write(toFile: site, atomically: true, encoding: .utf8)
        let wrapper = ["/usr/bin/spawn-fcgi", "-n", "-s", socket, "-M", "0660", "--", "/usr/sbin/fcgiwrap", "-c", "2"]
        let wrapped = try start(wrapper)
        // nginx answers 502 until it can connect.
        let limit = ContinuousClock.now + .seconds(10)
        while true {
            if let there = try? UnixSocket(connectedTo: socket) {
                there.close()
                break
            }
            guard ContinuousClock.now < limit else { throw POSIXError(.ECONNREFUSED) }
            await Task.yield()
        }
        return [try start(["/usr/sbin/nginx", "-e", "stderr", "-p", nginx, "-c", "nginx.conf"]), wrapped]
    }

    /// Sends one request with curl, or as a bare environment.
    ///
    /// - Parameter path: with its query.
    func send(
        _ path: String, token: String? = nil, body: String? = nil, headers: [String: String] = [:]
    ) async throws -> Reply {
        var headers = headers
        if let token { headers["Authorization"] = "Bearer \(token)" }
        if body != nil { headers["Content-Type"] = "application/json" }
        if server == .bare {
            return try await Self.bare(
                folder, path, headers, body ?? "", variables: ["REQUEST_METHOD": body == nil ? "GET" : "POST"])
        }
        var arguments = ["--silent", "--show-error", "--include", "--max-time", "60", "--path-as-is", "--globoff"]
        for (name, value) in headers { arguments += ["--header", "\(name): \(value)"] }
        if body != nil { arguments += ["--data-binary", "@-"] }
        let origin = server == .fcgiwrap ? "https://localhost:\(port)" : "http://127.0.0.1:\(port)"
        if server == .fcgiwrap { arguments += ["--cacert", folder + "/tls/certificate.pem"] }
        let (code, output, errors) = try await run(
            "/usr/bin/curl", arguments + [origin + path], input: Data((body ?? "").utf8))
        guard code == 0 else { throw RunningProcess.Ended(description: "curl \(code): \(errors)\(log)") }
        return Reply(output)
    }

    /// What the servers have written to standard error so far.
    var log: String { processes.map(\.errors).joined() }

    /// Waits until the first of the servers has logged that.
    func logged(_ fits: @escaping @Sendable (String) -> Bool) async throws {
        try await processes[0].errors(until: fits)
    }

    /// One request as a CGI server would make it (RFC 3875, 4.1), with the query as arguments too (4.4).
    ///
    /// - Parameter variables: more of the environment, or others.
    static func bare(
        _ folder: String, _ path: String, _ headers: [String: String], _ body: String, variables: [String: String]
    ) async throws -> Reply {
        let query = path.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
        var environment = [
            "CHAT_ENV_FILE": folder + "/parley.env", "GATEWAY_INTERFACE": "CGI/1.1", "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_URI": path, "QUERY_STRING": query, "CONTENT_LENGTH": String(body.utf8.count),
            "HTTP_USER_AGENT": "bare environment",
        ]
        for (name, value) in headers {
            let name = name.uppercased().replacing("-", with: "_")
            environment[name == "CONTENT_TYPE" ? name : "HTTP_" + name] = value
        }
        environment.merge(variables) { $1 }
        let arguments = query.contains("=") ? [] : query.split(separator: "+").map(String.init)
        let (code, output, errors) = try await run(
            Program.path, arguments, input: Data(body.utf8), environment: environment)
        guard code == 0, let status = output.prefixMatch(of: /Status: ([0-9]+)/) else {
            throw RunningProcess.Ended(description: "exit code \(code): \(output)\(errors)")
        }
        return Reply("HTTP/1.1 \(status.output.1)\r\n" + output)
    }
}
