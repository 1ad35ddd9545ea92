import Foundation
import Testing

/// What nginx lets through, and what it makes of what it does not.
@Suite(.timeLimit(.minutes(3))) struct EdgeTests {
    /// Tests/Edge/requests.py has the table.
    @Test func bytesThatNoClientSendsAreReadInOneWay() async throws {
        let run = try await Deployment(["CHAT_MESSAGE_LIMIT": "1000"])
        let ended = try await EndToEndTests.run(
            "/usr/bin/python3", [Program.repository + "/Tests/Edge/requests.py"],
            environment: [
                "PORT": String(run.port), "CERTIFICATE": run.certificate, "TOKEN": try await run.logIn(),
            ])
        #expect(ended.code == 0 && ended.output.hasSuffix(" cases, 0 wrong\n"), "\(ended.output)\(ended.errors)")
        let paths = Set(run.logLines.compactMap { $0["route"] as? String })
        #expect(paths == ["/health", "/health/live", "/auth/email", "/chat", "/auth/session", "unknown"])
        // What a terminal would act on stands in no line of nginx's log, either.
        let log = try Data(contentsOf: URL(fileURLWithPath: run.folder + "/log/nginx.log"))
        let lines = log.split(separator: UInt8(ascii: "\n"))
        #expect(lines.count > 30)
        for line in lines {
            let isJSON = (try? JSONSerialization.jsonObject(with: Data(line))) != nil
            #expect(isJSON && line.allSatisfy { $0 < 0x80 }, "\(String(decoding: line, as: UTF8.self))")
        }
    }

    /// Tests/Edge/probes.py has them.
    @Test func whatScannersTryLeadsNowhere() async throws {
        let run = try await Deployment(["CHAT_MESSAGE_LIMIT": "1000", "CHAT_CORS_ORIGINS": "https://app.example"])
        let tokens = [try await run.logIn(), try await run.logIn("ben@example.com")]
        let ended = try await EndToEndTests.run(
            "/usr/bin/python3", [Program.repository + "/Tests/Edge/probes.py"],
            environment: [
                "PORT": String(run.port), "CERTIFICATE": run.certificate, "TOKENS": tokens.joined(separator: ","),
            ])
        #expect(ended.code == 0 && ended.output.hasSuffix(" probes, 0 wrong\n"), "\(ended.output)\(ended.errors)")
    }

    /// Tests/Edge/bodies.py sends them.
    @Test func longBodiesThatNeverEndAreOnlySoManyOfAnAddress() async throws {
        let run = try await Deployment(["CHAT_RATE_LIMITING_ENABLED": "true"])
        let ended = try await EndToEndTests.run(
            "/usr/bin/python3", [Program.repository + "/Tests/Edge/bodies.py"],
            environment: ["PORT": String(run.port), "CERTIFICATE": run.certificate])
        #expect(ended.code == 0 && ended.output == "64 and no more\n", "\(ended.output)\(ended.errors)")
    }

    /// Tests/Edge/sbom.py says what it must have.
    @Test func theListOfPartsIsWhole() async throws {
        let ended = try await EndToEndTests.run(
            Program.repository + "/.build/clients/bin/python", [Program.repository + "/Tests/Edge/sbom.py"],
            environment: ProcessInfo.processInfo.environment.merging(["PROGRAM": Program.path]) { $1 })
        #expect(ended.code == 0, "\(ended.output)\(ended.errors)")
    }

    /// Of the names of an operator's own, in whichever letters, and given twice; also where the site is the default one
    /// of its port, as beside no other in a system's nginx.
    @Test func onlyOurNamesAreAnswered() async throws {
        let run = try await Deployment(["CHAT_SERVER_NAME": "Chat.Example,localhost,www.chat.example"])
        let configuration = run.folder + "/nginx/nginx.conf"
        let text = try String(contentsOfFile: configuration, encoding: .utf8)
        let start = try #require(text.range(of: "    # A name that is not ours."))
        try (text[..<start.lowerBound] + "}\n").write(toFile: configuration, atomically: true, encoding: .utf8)
        let master = try #require(
            pid_t(
                try String(contentsOfFile: run.folder + "/nginx/nginx.pid", encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(master, SIGHUP)
        let limit = ContinuousClock.now + .seconds(20)
        // Before, a name without a server came to the one for unknown names, which has no such page.
        func status(_ host: String, _ path: String = "/health/live", _ version: String = "--http1.1") async throws
            -> Int
        {
            try await run.send("GET", path, headers: ["Host: \(host)"], options: [version]).status
        }
        while try await status("localhost") != 200 { try #require(ContinuousClock.now < limit) }
        for version in ["--http1.1", "--http2"] {
            for host in ["chat.example", "CHAT.EXAMPLE", "www.chat.example:8443", "127.0.0.1", "localhost."] {
                #expect(try await status(host, "/health/live", version) == 200, "\(host)")
            }
            for host in ["evil.example", "a.chat.example", "chat.example.evil.example", "192.0.2.1"] {
                for path in ["/health/live", "/v1/models", "/docs/", "/chat/", "/openapi.json", "/_e/421"] {
                    let status = try await status(host, path, version)
                    #expect(status == (path == "/_e/421" ? 404 : 421), "\(host) \(path)")
                }
            }
        }
    }
}
