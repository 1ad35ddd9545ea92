import API
import Chat
import FastCGI
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct RouteTests {
    private static let routes = [
        ("/auth/email", "POST"), ("/auth/logout", "POST"), ("/auth/session", "GET, HEAD"), ("/chat", "POST"),
        ("/auth/login", "GET, HEAD"),
        ("/chat/history", "GET, HEAD, DELETE"), ("/auth/account", "DELETE"), ("/auth/sessions", "DELETE"),
        ("/history/user_00000000000000000000000000000000", "GET, HEAD"),
        ("/chat/conversations", "GET, HEAD"), ("/chat/conversations/conv_0000000000000001", "GET, HEAD, PATCH, DELETE"),
        ("/health", "GET, HEAD"), ("/health/live", "GET, HEAD"), ("/metrics", "GET, HEAD"),
    ]

    @Test(arguments: routes)
    func aPathTakesItsOwnMethodsOnly(_ path: String, _ allowed: String) async throws {
        let stage = try await Stage()
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW", "get"] {
            let reply = await stage.send(method, path)
            if allowed.components(separatedBy: ", ").contains(method) {
                #expect(reply.status != 405, "\(method)")
            } else {
                expectError(reply, 405, "\(method)")
                #expect(reply.header("allow") == allowed)
            }
        }
    }

    @Test(arguments: routes)
    func whatIsASessionsAsksForAToken(_ path: String, _ allowed: String) async throws {
        let stage = try await Stage()
        let method = allowed.hasPrefix("GET") ? "GET" : allowed
        let isForAnyone = ["/auth/email", "/auth/login", "/health", "/health/live", "/metrics"].contains(path)
        #expect((await stage.send(method, path).status == 401) == !isForAnyone)
        let line = try #require(stage.log.lines.last)
        let named = path.replacing("user_00000000000000000000000000000000", with: "{user_id}")
        #expect(line["route"] == named.replacing("conv_0000000000000001", with: "{id}"))
        #expect((line["session_ms"] == nil) == isForAnyone)
    }

    /// Whatever the web server lets through.
    @Test func countersAreForThisMachineAlone() async throws {
        let stage = try await Stage()
        expectError(await stage.get("/metrics"), 403)
    }

    @Test(arguments: [
        "/", "", "*", "/nowhere", "/chat/", "//chat", "/Chat", "/chat/history/x", "/history/", "/history/a/b", "/auth",
        "/chat%2Fhistory", "/%2Fchat", "/chat%00", "/ch%zzat", "/chat%", "/chat%4", "/%ff", "/%c0%af", "/+chat",
        "/health/live/x",
    ])
    func anyOtherPathIsNotThere(_ target: String) async throws {
        let stage = try await Stage()
        expectError(await stage.get(target), 404)
        #expect(stage.log.lines.map { $0["route"] } == ["unknown"], "nothing of the caller's is in the log")
    }

    @Test func aPathMayBeWrittenWithEscapes() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let user = try #require(await stage.get("/auth/session", token: token).text("user_id"))
        for target in ["/chat/%68istory", "/%63%68at/history", "/history/%75" + user.dropFirst()] {
            #expect(await stage.get(target, token: token).status == 200, "\(target)")
        }
        expectError(await stage.get("/history/\(user)%2F", token: token), 403, "another user's name")
        #expect(await stage.get("https://localhost/%68ealth").status == 200)
    }

    @Test func aQueryIsDecodedAsAForms() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        for text in ["one", "two", "three"] {
            #expect(await stage.post("/chat", token: token, #"{"message":"\#(text)"}"#).status == 200)
        }
        for (query, count) in [
            ("limit=%32", 2), ("%6Cimit=2", 2), ("limit=1&limit=2", 2), ("limit=2&limit=", 2), ("x=%zz&limit=2", 2),
            ("&&limit=2&=&x", 2), ("", 3), ("Limit=2", 3), ("limit", 3),
        ] {
            #expect(await stage.get("/chat/history?\(query)", token: token).number("count") == count, "\(query)")
        }
        let first = await stage.get("/chat/history?limit=1", token: token)
        let id = try #require((first.json["messages"] as? [[String: Any]])?.first?["id"] as? String)
        let escaped = id.replacing("_", with: "%5f")
        #expect(await stage.get("/chat/history?before=\(escaped)", token: token).number("count") == 2)
        for query in ["limit=+2", "limit=%20", "limit=2%00", "limit=0", "limit=101", "before=msg+1"] {
            let reply = await stage.get("/chat/history?\(query)", token: token)
            #expect([400, 422].contains(reply.status), "\(query): \(reply.status)")
        }
        for query in ["limit=%zz", "limit=%", "limit=%ff", "before=%00"] {
            expectError(await stage.get("/chat/history?\(query)", token: token), 400, "\(query)")
        }
    }

    @Test func usersClientsHaveANameAndMonitorsMayHaveAny() async throws {
        let stage = try await Stage()
        for (path, status) in [("/health", 200), ("/health/live", 200), ("/auth/session", 403)] {
            #expect(await stage.get(path, headers: ["USER_AGENT": "bot"]).status == status, "\(path)")
        }
        expectError(await stage.get("/auth/session", headers: ["USER_AGENT": "a client with a name"]), 401)
    }

    @Test func lifeIsToldWithoutTheDatabase() async throws {
        let stage = try await Stage()
        stage.health.store.withLock { $0 = StoreHealth(readingFault: "locked", writingFault: "locked", cause: "held") }
        let life = await stage.get("/health/live")
        #expect(life.status == 200 && life.text("status") == "alive")
        #expect(stage.health.asked.withLock { $0 } == 0)
        let health = await stage.get("/health")
        #expect(health.status == 503 && health.text("status") == "unhealthy" && health.header("retry-after") == "5")
        #expect(stage.log.lines.last?["cause"] == "held", "for the operator")
        #expect(!health.body.contains("held"), "not for the caller")
    }

    @Test func aProviderThatIsLeftAloneIsNoReasonForA503() async throws {
        let stage = try await Stage()
        for (circuit, service, status) in [("closed", "available", "healthy"), ("open", "unavailable", "degraded")] {
            stage.health.circuit.withLock { $0 = circuit }
            let reply = await stage.get("/health?detailed=true")
            #expect(reply.status == 200 && reply.text("ai_service") == service && reply.text("status") == status)
            #expect((reply.json["components"] as? [String: Any])?.count == 4)
        }
        #expect(await stage.get("/health").json["components"] == nil)
    }

    @Test func pagesOfAnAllowedOriginMayReadEveryReply() async throws {
        let stage = try await Stage(corsOrigins: ["https://app.example"])
        let origin = ["ORIGIN": "https://app.example"]
        for reply in [
            await stage.get("/auth/session", headers: origin), await stage.get("/nowhere", headers: origin),
            await stage.get("/health/live", headers: origin), await stage.send("OPTIONS", "/chat", headers: origin),
            await stage.post("/auth/email", #"{"email":"ann@example.com"}"#, headers: origin),
        ] {
            #expect(reply.header("access-control-allow-origin") == "https://app.example")
            #expect(
                reply.header("access-control-expose-headers")
                    == "Retry-After, X-Request-ID, X-Parley-Cache, X-Should-Retry")
            #expect(reply.header("vary") == "Origin")
        }
        let preflight = await stage.send("OPTIONS", "/chat", headers: origin)
        #expect(preflight.status == 204 && preflight.header("access-control-allow-methods") == "POST")
        for name in ["Authorization", "Cache-Control"] {
            #expect(preflight.header("access-control-allow-headers")?.contains(name) == true)
        }
        let history = await stage.send("OPTIONS", "/history/user_1", headers: origin)
        #expect(history.status == 204 && history.header("access-control-allow-methods") == "GET, HEAD")
        let nowhere = await stage.send("OPTIONS", "/nowhere", headers: origin)
        #expect(nowhere.status == 204 && nowhere.header("access-control-allow-methods") == "")
        for other in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null", ""] {
            let reply = await stage.get("/health", headers: ["ORIGIN": other])
            #expect(!reply.headers.contains { $0.name.hasPrefix("access-control") }, "\(other)")
            expectError(await stage.send("OPTIONS", "/chat", headers: ["ORIGIN": other]), 405, "\(other)")
        }
    }
}
