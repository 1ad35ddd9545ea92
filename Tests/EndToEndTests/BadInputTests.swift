import Foundation
import Testing

/// What nobody should send, and what everybody gets for it: the right status, the one error object, a log line, and no
/// harm to the next request.
@Suite(.timeLimit(.minutes(5))) struct BadInputTests {
    let run: Deployment

    init() async throws { run = try await Deployment(["CHAT_WORKERS": "1"]) }

    @Test func bodiesThatAreNoJSONObjectAreRefused() async throws {
        let token = try await run.logIn()
        let cases: [(Int, String, [UInt8])] = [
            (400, "empty", []),
            (400, "cut", Array(#"{"message":"he"#.utf8)),
            (400, "trailing comma", Array(#"{"message":"hello",}"#.utf8)),
            (400, "two values", Array(#"{"message":"hello"}{}"#.utf8)),
            (400, "duplicate member", Array(#"{"message":"a","message":"b"}"#.utf8)),
            (400, "lone surrogate", Array(#"{"message":"\ud800"}"#.utf8)),
            (400, "byte order mark", [0xEF, 0xBB, 0xBF] + Array(#"{"message":"hello"}"#.utf8)),
            (400, "UTF-16", Array("{\"message\":\"hello\"}".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })),
            (400, "invalid UTF-8", Array(#"{"message":""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8)),
            (400, "overlong UTF-8", Array(#"{"message":""#.utf8) + [0xC0, 0xAF] + Array(#""}"#.utf8)),
            (400, "deep nesting", Array(String(repeating: "[", count: 30_000).utf8)),
            (400, "form", Array("message=hello".utf8)),
            (422, "array", Array("[]".utf8)),
            (422, "no text", Array("{}".utf8)),
            (422, "empty text", Array(#"{"message":" \n "}"#.utf8)),
            (422, "number", Array(#"{"message":5}"#.utf8)),
            (422, "both dialects", Array(#"{"message":"a","content":"b"}"#.utf8)),
            (422, "only control characters", Array(#"{"message":"\u0000\u0001"}"#.utf8)),
            (422, "only markup", Array(#"{"message":"<b></b>"}"#.utf8)),
            (422, "too long", Array(#"{"message":"\#(String(repeating: "é", count: 10_001))"}"#.utf8)),
            (422, "empty user id", Array(#"{"message":"a","user_id":""}"#.utf8)),
            (403, "foreign user id", Array(#"{"message":"a","user_id":"user_00000000000000000000000000000000"}"#.utf8)),
            (422, "stream is text", Array(#"{"message":"a","stream":"yes"}"#.utf8)),
            (422, "too long, escaped", Array(#"{"message":"\#(String(repeating: #"\u00e9"#, count: 20_000))"}"#.utf8)),
            (413, "too large", Array(#"{"message":"\#(String(repeating: "x", count: 140_000))"}"#.utf8)),
        ]
        for (status, note, body) in cases {
            let reply = try await run.send("POST", "/chat", token: token, body: Data(body))
            try expectError(reply, status, "\(note): \(reply.body.prefix(300))")
            #expect(!reply.body.lowercased().contains("swift") && !reply.body.contains("/Sources/"), "no internals")
        }
        let exact = try await run.post("/chat", token: token, ["message": String(repeating: "é", count: 10_000)])
        #expect(exact.status == 200, "10,000 characters are allowed")
        let escaped = String(repeating: #"\ud83d\ude00"#, count: 10_000)
        let longest = try await run.send(
            "POST", "/chat", token: token, body: Data(#"{"message":"\#(escaped)"}"#.utf8))
        #expect(longest.status == 200, "however they are written")
        try expectValidationOfTheSeed(try await run.post("/chat", token: token, ["content": "Hello", "user_id": ""]))
        #expect(try await run.get("/auth/session", token: token).number("messages_used") == 2, "no refusal counts")
    }

    @Test func completionsAreRefusedInOpenAIsWords() async throws {
        let token = try await run.logIn()
        func body(_ messages: String) -> Data { Data(#"{"model":"echo-1","messages":[\#(messages)]}"#.utf8) }
        let hello = #"{"role":"user","content":"hello"}"#
        let large = Data(repeating: UInt8(ascii: " "), count: 20_000_000)
        let cases: [(status: Int, note: String, body: Data, options: [String])] = [
            (400, "empty", Data(), []),
            (400, "invalid UTF-8", body(hello).prefix(50) + [0xC3, 0x28] + body(hello).dropFirst(50), []),
            (400, "lone surrogate", body(#"{"role":"user","content":"\ud83d"}"#), []),
            (400, "deep", Data(repeating: UInt8(ascii: "["), count: 3_000_000), []),
            (400, "a result without its call", body(#"{"role":"tool","tool_call_id":"c","content":"x"}"#), []),
            (413, "20 MB", large, []), (413, "20 MB, HTTP/1.1", large, ["--http1.1"]),
            (413, "20 MB in chunks", large, ["--http1.1", "--header", "Transfer-Encoding: chunked"]),
        ]
        for (status, note, body, options) in cases {
            let reply = try await run.send("POST", "/v1/chat/completions", token: token, body: body, options: options)
            let error = reply.json["error"] as? [String: Any]
            #expect(reply.status == status && error?["message"] is String, "\(note): \(reply.status) \(reply.body)")
            #expect(Set((error ?? [:]).keys) == ["message", "type", "param", "code"], "\(note)")
            #expect(error?["type"] as? String == "invalid_request_error", "\(note)")
        }
        let many = Array(repeating: #"{"role":"assistant","content":"turn"}"#, count: 10_000).joined(separator: ",")
        let reply = try await run.send(
            "POST", "/v1/chat/completions", token: token, body: body(many + "," + hello), options: ["--max-time", "30"])
        #expect(reply.status == 200, "\(reply.body.prefix(300))")
    }

    private func expectValidationOfTheSeed(_ reply: Reply) throws {
        #expect(reply.text("error") == "Validation failed" && reply.text("message") == "User ID cannot be empty")
        #expect(reply.json["details"] as? [String] == ["user_id: must not be empty"])
    }

    @Test func otherContentTypesAreRefused() async throws {
        let token = try await run.logIn()
        let body = Data(#"{"message":"hello"}"#.utf8)
        for type in [
            "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonx",
        ] {
            let reply = try await run.send(
                "POST", "/chat", token: token, body: body, headers: ["Content-Type: \(type)"])
            try expectError(reply, 415, "\(type)")
        }
        for type in ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=\"UTF-8\""] {
            let reply = try await run.send(
                "POST", "/chat", token: token, body: body, headers: ["Content-Type: \(type)"])
            #expect(reply.status == 200, "\(type)")
        }
    }

    @Test func tokensThatAreNotLiveAreRefused() async throws {
        let token = try await run.logIn()
        let parts = token.split(separator: ".").map(String.init)
        let none = Data(#"{"alg":"none"}"#.utf8).base64EncodedString().replacing("=", with: "")
        let bad: [String] = [
            "Bearer", "Bearer ", "Basic \(token)", "Bearer x", "Bearer \(parts[0]).\(parts[1])",
            "Bearer \(parts[0]).\(parts[1]).", "Bearer \(none).\(parts[1]).", "Bearer \(none).\(parts[1]).\(parts[2])",
            "Bearer \(parts[0]).\(parts[1]).\(String(parts[2].reversed()))", "Bearer \(token) \(token)",
            "Bearer \(String(repeating: "a", count: 6_000))",
        ]
        for value in bad {
            let reply = try await run.send("GET", "/auth/session", headers: ["Authorization: \(value)"])
            try expectError(reply, 401, "\(value.prefix(60))")
            #expect(reply.headers["www-authenticate"] == "Bearer")
        }
        try expectError(try await run.post("/chat", ["message": "no token"]), 401)
        try expectError(try await run.send("POST", "/chat", body: Data("not json".utf8)), 401, "who comes before what")
        #expect(try await run.send("GET", "/auth/session", headers: ["Authorization: bearer \(token)"]).status == 200)
    }

    @Test func unknownPathsAndMethodsAreRefused() async throws {
        let token = try await run.logIn()
        for path in [
            "/nowhere", "/chat/x", "/chat/history/x", "/chat/stream/", "/history/", "/Chat", "/auth",
            "/%2e%2e/etc/passwd", "/chat%00",
        ] {
            let reply = try await run.get(path, token: token)
            #expect([400, 404].contains(reply.status), "\(path): \(reply.status)")
            try expectError(reply, reply.status, "\(path)")
        }
        for (method, path, allow) in [
            ("GET", "/chat", "POST"), ("DELETE", "/chat", "POST"), ("POST", "/chat/history", "GET, HEAD, DELETE"),
            ("DELETE", "/chat/conversations", "GET, HEAD"), ("GET", "/auth/account", "DELETE"),
            ("PUT", "/auth/email", "POST"), ("BREW", "/health", "GET, HEAD"),
        ] {
            let reply = try await run.send(method, path, token: token)
            try expectError(reply, 405, "\(method) \(path)")
            #expect(reply.headers["allow"] == allow)
        }
    }

    /// nginx refuses these before it asks the application, whose word it is all the same.
    @Test func allowIsThePathsOwnAlsoForTRACEAndCONNECT() async throws {
        for path in [
            "/auth/email", "/auth/login", "/auth/logout", "/auth/session", "/auth/sessions", "/auth/account", "/chat",
            "/chat/history?limit=1",
            "/chat/conversations", "/chat/conversations/x", "/chat/stream/x", "/history/x", "/health",
            "/health/live?x=1",
        ] {
            let allow = try await run.send("PUT", path).headers["allow"]
            #expect(allow?.isEmpty == false)
            for version in ["--http1.1", "--http2"] {
                for method in ["TRACE", "CONNECT"] {
                    let reply = try await run.send(method, path, options: [version])
                    try expectError(reply, 405, "\(method) \(path)")
                    #expect(reply.headers["allow"] == allow, "\(method) \(path) \(version)")
                }
            }
        }
    }

    @Test func pathsAndQueriesMayBeWrittenWithEscapes() async throws {
        let token = try await run.logIn()
        for (path, status) in [
            ("/chat/%68istory?%6Cimit=%31", 200), ("/auth%2Fsession", 404), ("/chat/history?limit=%zz", 400),
            ("/%zz", 400), ("/chat%00", 400), ("/%ff", 404),
        ] {
            #expect(try await run.get(path, token: token).status == status, "\(path)")
        }
    }

    @Test func aLongBodyIsAskedForAndACodedOneIsRefused() async throws {
        let token = try await run.logIn()
        func complete(_ text: String, _ header: String) async throws -> Reply {
            let body: [String: Any] = ["model": "echo-1", "messages": [["role": "user", "content": text]]]
            return try await run.send(
                "POST", "/v1/chat/completions", token: token, body: try JSONSerialization.data(withJSONObject: body),
                headers: [header], options: ["--http1.1"])
        }
        let long = try await complete(String(repeating: "x", count: 1_500_000), "Expect: 100-continue")
        #expect(long.status == 200 && long.text("object") == "chat.completion")
        let coded = try await complete("hello", "Content-Encoding: gzip")
        let error = coded.json["error"] as? [String: Any]
        #expect(coded.status == 415 && error?["type"] as? String == "invalid_request_error", "\(coded)")
        #expect(try await complete("hello", "Content-Encoding: identity").status == 200)
    }

    @Test func badAddressesAndAgentsAreRefused() async throws {
        for email in ["", "x", "a@b", "a b@example.com", "<script>@example.com"] {
            try expectError(try await run.post("/auth/email", ["email": email]), 422, "\(email)")
        }
        try expectError(try await run.post("/auth/email", [:]), 422)
        try expectError(try await run.post("/auth/email", ["email": 5]), 422)
        try expectError(
            try await run.post("/auth/email", ["email": "a@example.com"], headers: ["User-Agent: bot"]), 403)
        #expect(try await run.send("GET", "/health", headers: ["User-Agent: x"]).status == 200)
    }

    @Test func whatNginxRefusesHasTheSameErrorObject() async throws {
        // More than nginx's buffers hold, and little enough that curl has sent it before nginx hangs up.
        let long = String(repeating: "a", count: 9_000)
        for (status, headers, path) in [
            (414, [], "/\(long)"), (400, ["X-Long: \(long)"], "/health"),
        ] {
            try expectError(try await run.send("GET", path, headers: headers, options: ["--http1.1"]), status)
        }
        let wrongHost = try await run.send("GET", "/health", headers: ["Host: evil.example"])
        try expectError(wrongHost, 421)
        let plain = try await EndToEndTests.run(
            "/usr/bin/curl", ["-s", "--include", "http://127.0.0.1:\(run.port)/health"])
        #expect(Reply(plain.output).status == 400 && Reply(plain.output).number("status_code") == 400)
    }

    /// Much of it before it knows the path.
    @Test func whatNginxRefusesBelowV1IsOpenAIsObject() async throws {
        let long = String(repeating: "a", count: 9_000)
        let cases: [(status: Int, method: String, path: String, headers: [String])] = [
            (405, "TRACE", "/v1/chat/completions", []), (414, "GET", "/v1/\(long)", []),
            (400, "GET", "/v1/models", ["X-Long: \(long)"]), (400, "GET", "/v1/%zz", []),
            (421, "GET", "/v1/models", ["Host: evil.example"]),
            (501, "POST", "/v1/chat/completions", ["Transfer-Encoding: x"]), (404, "GET", "/v1", []),
        ]
        for (status, method, path, headers) in cases {
            let reply = try await run.send(method, path, headers: headers, options: ["--http1.1"])
            let error = reply.json["error"] as? [String: Any]
            #expect(reply.status == status, "\(method) \(path.prefix(30)): \(reply)")
            #expect(Set((error ?? [:]).keys) == ["message", "type", "param", "code"], "\(method) \(path.prefix(30))")
        }
    }

    @Test func theLogHoldsNoSecretAndNoText() async throws {
        let token = try await run.logIn("secret.person@example.com")
        _ = try await run.post(
            "/chat", token: token, ["message": "a very private matter"], headers: ["X-Request-ID: the-last-one"])
        try await run.logLine { $0["request_id"] as? String == "the-last-one" && $0["cache"] as? String == "miss" }
        let secret = try run.secret("CHAT_JWT_SECRET")
        for text in ["secret.person", "private matter", secret, String(token.suffix(20))] {
            #expect(!run.log.contains(text), "\(text)")
        }
    }

    @Test func garbageOnTheSocketHarmsNobody() async throws {
        let token = try await run.logIn()
        for bytes: [UInt8] in [
            [], [1], Array("GET / HTTP/1.0\r\n\r\n".utf8),
            [1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1],
            Array(repeating: 0xFF, count: 500),
        ] {
            try connect(to: run.socket, sending: bytes)
            #expect(try await run.get("/auth/session", token: token).status == 200)
        }
    }

    /// Sends bytes and hangs up.
    private func connect(to path: String, sending bytes: [UInt8]) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(connected == 0)
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}
