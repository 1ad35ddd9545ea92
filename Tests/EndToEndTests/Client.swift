import Foundation
import Testing

/// A reply as a client sees it.
struct Reply: Sendable {
    let status: Int
    /// Names in lower case; a name that came twice has both values, a comma between.
    let headers: [String: String]
    let body: String

    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]) ?? [:]
    }

    func text(_ name: String) -> String? { json[name] as? String }
    func flag(_ name: String) -> Bool? { json[name] as? Bool }
    func number(_ name: String) -> Int? { json[name] as? Int }

    /// What `curl --include` printed.
    init(_ printed: String) {
        // An interim reply (100) comes before the real one.
        var rest = printed[...]
        var head: Substring = ""
        repeat {
            guard let end = rest.range(of: "\r\n\r\n") else {
                (status, headers, body) = (0, [:], printed)
                return
            }
            head = rest[..<end.lowerBound]
            rest = rest[end.upperBound...]
        } while head.hasPrefix("HTTP/1.1 100")
        let lines = head.split(separator: "\r\n")
        status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
        headers = lines.dropFirst().reduce(into: [:]) { headers, line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return }
            let (name, value) = (parts[0].lowercased(), parts[1].trimmingCharacters(in: .whitespaces))
            headers[name] = headers[name].map { "\($0), \(value)" } ?? value
        }
        body = String(rest)
    }
}

extension Deployment {
    /// Sends one request with curl, over TLS that is checked against the deployment's own certificate.
    func send(
        _ method: String, _ path: String, token: String? = nil, body: Data? = nil, headers: [String] = [],
        options: [String] = []
    ) async throws -> Reply {
        var arguments = [
            "--silent", "--show-error", "--include", "--max-time", "60", "--cacert", certificate, "--path-as-is",
            "--globoff", origin + path,
        ]
        arguments += method == "HEAD" ? ["--head"] : ["--request", method]
        if let token { arguments += ["--header", "Authorization: Bearer \(token)"] }
        for header in headers { arguments += ["--header", header] }
        if body != nil { arguments += ["--data-binary", "@-"] }
        if body != nil, !headers.contains(where: { $0.lowercased().hasPrefix("content-type") }) {
            arguments += ["--header", "Content-Type: application/json"]
        }
        let (code, output, errors) = try await run("/usr/bin/curl", arguments + options, input: body ?? Data())
        guard code == 0 else { throw RunningProcess.Ended(description: "curl \(code): \(errors)") }
        return Reply(output)
    }

    func post(_ path: String, token: String? = nil, _ json: [String: Any], headers: [String] = []) async throws -> Reply
    {
        try await send(
            "POST", path, token: token, body: try JSONSerialization.data(withJSONObject: json), headers: headers)
    }

    func get(_ path: String, token: String? = nil) async throws -> Reply { try await send("GET", path, token: token) }

    /// Sends a request, many at once and again, until each worker has answered one. nginx keeps its connections: those
    /// that follow one another may all reach the same worker.
    ///
    /// - Returns: all replies.
    func everyWorker(_ send: @escaping @Sendable () async throws -> Reply) async throws -> [Reply] {
        let limit = ContinuousClock.now + .seconds(20)
        var replies: [Reply] = []
        var heard: Set<Int> = []
        while !heard.isSuperset(of: workers.map(Int.init)) {
            try #require(ContinuousClock.now < limit, "only \(heard) of \(workers) were reached")
            let round = try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<16 { group.addTask { try await send() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let names = Set(round.compactMap { $0.headers["x-request-id"] })
            for name in names { try await logLine { $0["request_id"] as? String == name } }
            for line in logLines where (line["request_id"] as? String).map(names.contains) == true {
                if let pid = line["pid"] as? Int { heard.insert(pid) }
            }
            replies += round
        }
        return replies
    }

    /// - Returns: the token of a new session.
    func logIn(_ email: String = "ann@example.com") async throws -> String {
        let reply = try await post("/auth/email", ["email": email])
        guard reply.status == 200, let token = reply.text("access_token") else {
            throw RunningProcess.Ended(description: "login: \(reply)\n\(log)")
        }
        return token
    }
}
