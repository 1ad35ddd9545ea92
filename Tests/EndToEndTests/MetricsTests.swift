import Foundation
import Testing

/// GET /metrics behind the real nginx, read by the real Prometheus. What it watches is in Tests/Metrics.
@Suite(.timeLimit(.minutes(3))) struct MetricsTests {
    @Test func prometheusSeesNoCounterFall() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try await Deployment([
            "CHAT_MESSAGE_LIMIT": "1000000", "CHAT_PRICES": try Deployment.prices("echo-1", output: 100, in: folder),
        ])
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["message": "hello"])
        let worker = try #require(run.workers.first)
        let supervisor = try #require(parent(of: worker))
        let watched = try await EndToEndTests.run(
            Program.repository + "/Tests/Metrics/watch",
            [run.origin, run.certificate, token, String(supervisor), folder],
            environment: ProcessInfo.processInfo.environment)
        #expect(watched.code == 0, "\(watched.output)\(watched.errors)")
        print(watched.output, terminator: "")
    }

    @Test func aStopAndAStartAndOtherWaysInGoOnCounting() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let line = #"parley_http_requests_total{route="/health/live",method="GET",code="200"} "#
        for count in 1...2 {
            let run = try await Deployment(folder: folder)
            _ = try await run.get("/health/live")
            let page = try await run.get("/metrics")
            #expect(page.status == 200 && page.body.contains(line + "\(count)\n"), "\(page.body)")
            #expect(await run.stop() == 0)
        }
        let settings = [
            "CHAT_ENV_FILE": "", "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
            "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
        ]
        let request = [
            "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/health/live",
            "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
        ]
        let environment = settings.merging(request) { $1 }
        #expect(try await EndToEndTests.run(Program.path, [], environment: environment).code == 0)
        let page = try await EndToEndTests.run(
            Program.path, [], environment: environment.merging(["REQUEST_URI": "/metrics"]) { $1 })
        #expect(page.output.contains(line + "3\n"), "\(page)")
    }

    @Test func isForThisMachineAlone() async throws {
        let run = try await Deployment(["CHAT_TRUSTED_PROXIES": "127.0.0.0/8, ::1"])
        // The address that a caller names may be anything, also this machine's.
        for header in ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1"] {
            for path in ["/metrics", "/%6detrics", "//metrics", "/metrics?x", "/./metrics"] {
                let reply = try await run.send("GET", path, headers: [header])
                #expect([403, 404].contains(reply.status) && !reply.body.contains("parley_"), "\(path): \(reply)")
            }
        }
        #expect(try await run.get("/metrics").status == 200)
    }
}
