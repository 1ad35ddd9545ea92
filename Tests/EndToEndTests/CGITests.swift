import Foundation
import Testing

/// The configurations of deploy/cgi under the real servers, and the program in a bare environment: one contract.
@Suite(.timeLimit(.minutes(5))) struct CGITests {
    private func logIn(_ site: CGISite) async throws -> String {
        let reply = try await site.send("/auth/email", body: #"{"email":"ann@example.com"}"#)
        return try #require(reply.text("access_token"), "\(reply)\(site.log)")
    }

    private func hidesTheSecret(_ reply: Reply) -> Bool {
        !reply.body.contains(CGISite.secret) && !reply.headers.values.contains { $0.contains(CGISite.secret) }
    }

    @Test(arguments: CGISite.Server.allCases)
    func answersAsThePoolDoes(under server: CGISite.Server) async throws {
        let site = try await CGISite(server)
        let token = try await logIn(site)
        let first = try await site.send("/chat", token: token, body: #"{"message":"hello"}"#)
        #expect(first.status == 200 && first.flag("cached") == false, "\(first)")
        #expect(first.text("response") == "You said: hello")
        #expect(first.headers["content-type"] == "application/json")
        let second = try await site.send("/chat", token: token, body: #"{"message":"hello"}"#)
        #expect(second.flag("cached") == true, "the shared cache serves processes that live for one request")
        #expect(try await site.send("/chat/history?limit=50", token: token).number("count") == 2)
        #expect(try await site.send("/health").status == 200)

        let refusals: [(Reply, Int)] = [
            (try await site.send("/chat", body: #"{"message":"hello"}"#), 401),
            (try await site.send("/chat", token: token + "x", body: #"{"message":"hello"}"#), 401),
            (try await site.send("/nowhere?x=1", token: token), 404),
            (try await site.send("/chat", token: token), 405),
            (try await site.send("/chat", token: token, body: #"{"message":" "}"#), 422),
            (try await site.send("/chat", token: token, body: "{"), 400),
            (try await site.send("/chat", token: token, body: String(repeating: " ", count: 140_000)), 413),
        ]
        for (reply, status) in refusals {
            #expect(reply.status == status, "\(reply)")
            #expect(reply.number("status_code") == status && reply.text("request_id") != nil, "\(reply)")
            #expect(hidesTheSecret(reply))
        }
        #expect(refusals[0].0.headers["www-authenticate"] == "Bearer")
    }

    @Test(arguments: CGISite.Server.allCases)
    func streamsUnder(_ server: CGISite.Server) async throws {
        let site = try await CGISite(server)
        let reply = try await site.send(
            "/chat", token: try await logIn(site), body: #"{"message":"hello","stream":true}"#)
        #expect(
            reply.status == 200 && reply.headers["content-type"]?.hasPrefix("text/event-stream") == true, "\(reply)")
        #expect(reply.body.contains("event: delta") && reply.body.contains("event: done"))
    }

    /// A query without "=" may become arguments (RFC 3875, 4.4): Apache does that.
    @Test(arguments: CGISite.Server.allCases)
    func takesNoQueryForACommandLine(under server: CGISite.Server) async throws {
        let site = try await CGISite(server)
        for query in ["config", "config+--value+CHAT_JWT_SECRET", "--version", "serve"] {
            let reply = try await site.send("/health?" + query)
            #expect(reply.status == 200 && reply.text("database") == "connected", "\(query): \(reply)")
            #expect(hidesTheSecret(reply))
        }
    }

    @Test(arguments: CGISite.Server.allCases)
    func servesNoFile(under server: CGISite.Server) async throws {
        let site = try await CGISite(server)
        // What lies around the program and the configuration, plain and encoded.
        for path in ["/parley.env", "/.env", "/parley", "/../parley.env", "/%2e%2e/parley.env", "/..%2fparley.env"] {
            let reply = try await site.send(path)
            #expect([400, 404].contains(reply.status), "\(path): \(reply)")
            #expect(hidesTheSecret(reply))
        }
    }

    /// A `Proxy` header arrives as HTTP_PROXY (httpoxy): the question would go wherever the caller says.
    @Test(arguments: CGISite.Server.allCases)
    func takesNoProxyFromARequest(under server: CGISite.Server) async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("straight") }
        let site = try await CGISite(server, provider.asGemini)
        let reply = try await site.send(
            "/chat", token: try await logIn(site), body: #"{"message":"hello"}"#,
            headers: ["Proxy": "http://127.0.0.1:1"])
        #expect(reply.text("response") == "straight", "\(reply)\(site.log)")
        #expect(provider.asked.count == 1)
    }

    @Test func refusesABodyThatIsNotWhatWasAnnounced() async throws {
        let site = try await CGISite(.bare)
        let token = try await logIn(site)
        for length in ["500", "-5", "x"] {
            let reply = try await CGISite.bare(
                site.folder, "/chat",
                ["Authorization": "Bearer \(token)", "Content-Type": "application/json"], #"{"message":"hello"}"#,
                variables: ["REQUEST_METHOD": "POST", "CONTENT_LENGTH": length])
            #expect(reply.status == 400, "\(length): \(reply)")
        }
    }

    /// Each process is the first to open the database, and reads the whole log: it must not grow with each.
    @Test func leavesAShortLogOfTheDatabase() async throws {
        let site = try await CGISite(.bare)
        let token = try await logIn(site)
        let text = String(repeating: "long ", count: 1_900)
        for number in 1...40 {
            let reply = try await site.send("/chat", token: token, body: #"{"message":"\#(number) \#(text)"}"#)
            #expect(reply.status == 200, "\(reply)")
        }
        let log = try FileManager.default.attributesOfItem(atPath: site.folder + "/parley.sqlite-wal")
        #expect(try #require(log[.size] as? Int) < 1_500_000)
        #expect(try await site.send("/chat/history?limit=100", token: token).number("count") == 40)
    }

    /// libcurl takes longer to load than all the rest of the program.
    @Test func loadsLibcurlOnlyToCallAModel() async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("from afar") }
        let site = try await CGISite(.bare, provider.asGemini)
        let token = try await logIn(site)
        func ask() async throws -> (reply: Reply, loaded: String) {
            let list = site.folder + "/loaded"
            let reply = try await CGISite.bare(
                site.folder, "/chat",
                ["Authorization": "Bearer \(token)", "Content-Type": "application/json"], #"{"message":"hello"}"#,
                variables: ["REQUEST_METHOD": "POST", "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": list])
            // The dynamic linker adds its process's id to the name.
            let names = try FileManager.default.contentsOfDirectory(atPath: site.folder)
            let path = site.folder + "/" + (try #require(names.first { $0.hasPrefix("loaded.") }))
            defer { unlink(path) }
            return (reply, try String(contentsOfFile: path, encoding: .utf8))
        }
        let first = try await ask()
        #expect(first.reply.text("response") == "from afar" && first.reply.flag("cached") == false, "\(first.reply)")
        #expect(first.loaded.contains("libcurl.so.4"))
        let second = try await ask()
        #expect(second.reply.flag("cached") == true, "\(second.reply)")
        #expect(second.loaded.contains("libsqlite3.so.0") && !second.loaded.contains("libcurl"))
    }

    /// The reason goes to the server's log only.
    @Test(arguments: CGISite.Server.allCases)
    func answersWithTheErrorObjectWhenItsSettingsAreWrong(under server: CGISite.Server) async throws {
        let site = try await CGISite(server, ["CHAT_CACHE_TTL": "soon"])
        for (path, body) in [("/health", nil), ("/chat", #"{"message":"hello"}"#)] {
            let reply = try await site.send(path, body: body)
            #expect(reply.status == 500 && reply.number("status_code") == 500, "\(reply)")
            #expect(reply.text("error") != nil && reply.text("message") != nil && reply.json["details"] != nil)
            #expect(reply.text("request_id") == reply.headers["x-request-id"])
            #expect(reply.headers["content-type"] == "application/json" && !reply.body.contains("CHAT_"))
        }
        if server == .lighttpd { try await site.logged { $0.contains("CHAT_CACHE_TTL") } }
    }
}
