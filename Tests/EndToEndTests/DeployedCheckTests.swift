import Foundation
import Synchronization
import Testing

/// `parley check --url`: what it says of a deployment from outside.
@Suite(.timeLimit(.minutes(2))) struct DeployedCheckTests {
    private func check(_ url: String, _ arguments: [String]) async throws -> (code: Int32, output: String) {
        let ended = try await run(
            Program.path, ["check", "--url", url] + arguments, environment: ["PATH": "/usr/bin:/bin"])
        return (ended.code, ended.output + ended.errors)
    }

    @Test func findsAWholeDeploymentWellForOneCallOfAModel() async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("fine") }
        let run = try await Deployment(
            provider.asGemini.merging(["CHAT_RATE_LIMITING_ENABLED": "true", "CHAT_READ_RATE": "20/minute"]) { $1 })
        let (code, output) = try await check(run.origin, ["--ca", run.certificate, "--json"])
        #expect(code == 0, "\(output)")
        let found = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        #expect(found["ok"] as? Bool == true)
        let checks = try #require(found["checks"] as? [[String: String]])
        #expect(
            checks.map { $0["name"] } == [
                "certificate", "health", "database", "providers", "tls", "hsts", "nosniff", "csp", "version", "login",
                "question", "cache", "history", "session", "body limit", "rate limit",
            ])
        #expect(checks.allSatisfy { $0["result"] == "ok" }, "\(output)")
        #expect(provider.asked.count == 1)
    }

    @Test func sendsNothingSecretWhereTheCertificateIsNotGood() async throws {
        let run = try await Deployment()
        let (code, output) = try await check(run.origin, ["--no-limits"])
        #expect(code == 1)
        #expect(output.contains("WRONG certificate: SSL certificate problem: self-signed certificate"), "\(output)")
        #expect(output.contains("ok    health") && output.contains("WARN  login: not tried"))
        #expect(!run.logLines.contains { ($0["path"] as? String)?.hasPrefix("/auth") == true })
    }

    @Test func asksWithAKeyWhereAnAddressIsNotEnoughAndLeavesItAsItIs() async throws {
        let run = try await Deployment([
            "CHAT_AUTH_MODE": "code", "CHAT_SMTP_URL": "smtp://127.0.0.1:1", "CHAT_SMTP_FROM": "parley@example.com",
        ])
        let without = try await check(run.origin, ["--ca", run.certificate, "--no-limits"])
        #expect(without.code == 0 && without.output.contains("WARN  login: not tried"), "\(without)")
        let file = run.folder + "/key"
        let key = try await run.key("--name", "check")
        try key.write(toFile: file, atomically: true, encoding: .utf8)
        let with = try await check(run.origin, ["--ca", run.certificate, "--no-limits", "--token-file", file])
        #expect(with.code == 0, "\(with)")
        #expect(with.output.contains("ok    token") && with.output.contains("ok    cache"), "\(with)")
        #expect(try await run.get("/auth/session", token: key).status == 200)
    }

    @Test func aRateThatIsUsedUpIsNoFault() async throws {
        let run = try await Deployment()
        let file = run.folder + "/key"
        try await run.key("--name", "check", "--rpm", "1").write(toFile: file, atomically: true, encoding: .utf8)
        for what in ["cache", "question"] {
            let (code, output) = try await check(
                run.origin, ["--ca", run.certificate, "--no-limits", "--token-file", file])
            #expect(code == 0 && output.contains("WARN  \(what): not seen: too much was asked (429, "), "\(output)")
            #expect(output.contains("to mend it: again in "), "\(output)")
        }
    }

    @Test func saysWhatIsThereInItsPlace() async throws {
        let nothing = try await check("https://127.0.0.1:\(try freePort())", [])
        #expect(nothing.code == 1 && nothing.output.contains("WRONG connection: Failed to connect"), "\(nothing)")
        let provider = try await ScriptedProvider { _, _ in .answer("no Parley") }
        let address = try #require(provider.asGemini["CHAT_GEMINI_BASE_URL"])
        let other = try await check(address, [])
        #expect(other.code == 1 && other.output.contains("WRONG tls: none"), "\(other)")
        #expect(other.output.contains("is not Parley's"), "\(other)")
        let plain = try await check(address.replacing("http:", with: "https:"), [])
        #expect(plain.code == 1 && plain.output.contains("WRONG connection"), "\(plain)")
        for wrong in [["check", "--url", "ftp://a.example"], ["check", "--no-limits"]] {
            #expect(try await run(Program.path, wrong, environment: [:]).code == 64)
        }
    }

    @Test func namesACertificateThatHasEndedOrIsAnotherHosts() async throws {
        let ended = try await TLSHost(days: "20200101000000Z", "20210101000000Z")
        let (code, output) = try await check(ended.address, ["--ca", ended.authority])
        #expect(code == 1)
        #expect(output.contains("WRONG certificate: SSL certificate problem: certificate has expired"), "\(output)")
        #expect(output.contains("is not Parley's: it answers 200"), "\(output)")

        let other = try await TLSHost(name: "elsewhere.example")
        let (otherCode, words) = try await check(other.address, ["--ca", other.authority])
        #expect(otherCode == 1)
        #expect(words.contains("WRONG certificate: SSL: no alternative certificate subject name matches"), "\(words)")
        #expect(words.contains("is not Parley's: it answers 200"), "\(words)")
    }

    /// It is tried again only where it is the certificate that is not good.
    @Test func waitsOnceForAHostThatTakesTLSAndIsSilent() async throws {
        let host = try await TLSHost(answers: false)
        for (arguments, tries) in [(["--ca", host.authority], 1), ([], 2)] {
            let (code, output) = try await check(host.address, ["--timeout", "1"] + arguments)
            #expect(code == 1)
            #expect(output.contains("WRONG connection: no whole reply within 1 s"), "\(output)")
            #expect(output.contains("WRONG certificate: SSL certificate problem") == arguments.isEmpty, "\(output)")
            let asked = try await host.requests(tries)
            #expect(asked == tries)
        }
    }

    @Test func doesNotWaitForAReplyThatDrips() async throws {
        let tries = Mutex(0)
        let host = try ProviderSocket { connection in
            guard connection.request() != nil, connection.send("HTTP/1.1 200 OK\r\n\r\n") else { return }
            tries.withLock { $0 += 1 }
            while connection.send("x"), connection.hangUp(until: .now + .milliseconds(100)) == nil {}
        }
        let (code, output) = try await check("http://127.0.0.1:\(host.port)", ["--timeout", "1"])
        #expect(code == 1 && output.contains("WRONG connection: no whole reply within 1 s"), "\(output)")
        #expect(tries.withLock { $0 } == 1)
    }

    @Test func saysWhereARedirectLeadsAndMovesNoTerminalsCursor() async throws {
        let host = try ProviderSocket { connection in
            guard connection.request() != nil else { return }
            _ = connection.send(
                "HTTP/1.1 301 Moved\r\nLocation: https://www.example.com/\u{1B}[2J\r\nContent-Length: 0\r\n\r\n")
        }
        let (code, output) = try await check("http://127.0.0.1:\(host.port)/", [])
        #expect(code == 1)
        #expect(
            output.contains(
                "127.0.0.1:\(host.port)/health is not Parley's: it answers 301, to https://www.example.com/␦[2J"),
            "\(output)")
        #expect(output.contains("to mend it: give the address that this leads to"), "\(output)")
    }

    @Test func endsItsSessionWhenTheModelIsTooSlow() async throws {
        let provider = try ProviderSocket { connection in
            while connection.request() != nil {}
        }
        let run = try await Deployment([
            "CHAT_GEMINI_API_KEY": "key", "CHAT_GEMINI_BASE_URL": "http://127.0.0.1:\(provider.port)",
        ])
        let (code, output) = try await check(
            run.origin, ["--ca", run.certificate, "--no-limits", "--timeout", "3"])
        #expect(code == 1 && output.contains("WRONG question: no whole reply within 3 s"), "\(output)")
        #expect(output.contains("ok    history: what was asked is deleted"), "\(output)")
        #expect(output.contains("ok    session: it is ended, and its token is refused"), "\(output)")
    }

    @Test func namesAnOutboxThatIsStopped() async throws {
        let receiver = try ProviderSocket { connection in
            guard connection.request() != nil else { return }
            _ = connection.send("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        let run = try await Deployment([
            "CHAT_WEBHOOK_URL": "http://127.0.0.1:\(receiver.port)/hook",
            "CHAT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ])
        let look = ["--ca", run.certificate, "--no-limits", "--no-question"]
        let before = try await check(run.origin, look)
        #expect(before.code == 0 && before.output.contains("ok    outbox: webhook: sending, 0 pending\n"), "\(before)")
        _ = try await run.post("/chat", token: try await run.logIn(), ["content": "one"])
        try await run.logLine { $0["message"] as? String == "outbox stopped until a reload" }
        let (code, output) = try await check(run.origin, look)
        #expect(code == 0)
        #expect(output.contains("WARN  health: degraded (the outbox stands still), version"), "\(output)")
        #expect(output.contains("WARN  outbox: webhook: stopped, "), "\(output)")
        #expect(output.contains("to mend it: run `parley outbox` there"), "\(output)")
    }
}

/// OpenSSL's server on localhost, with a certificate of an authority of its own. It answers 200 with a page, or never.
private final class TLSHost {
    let address: String
    let authority: String
    private let folder: String
    private let process: RunningProcess

    init(
        name: String = "localhost", days begin: String = "20200101000000Z", _ end: String = "21000101000000Z",
        answers: Bool = true
    ) async throws {
        folder = try Deployment.newFolder()
        let made = try await run(
            "/bin/bash",
            [
                "-ec",
                """
                cd \(folder); touch index; echo 01 >serial
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=authority -keyout ca.key \
                    -out ca.pem 2>/dev/null
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=\(name) -keyout key \
                    -addext subjectAltName=DNS:\(name) -out request 2>/dev/null
                printf '%s\\n' '[ca]' 'default_ca = a' '[a]' 'database = index' 'serial = serial' 'new_certs_dir = .' \
                    'policy = p' 'copy_extensions = copy' '[p]' 'commonName = supplied' >conf
                openssl ca -config conf -batch -notext -md sha256 -cert ca.pem -keyfile ca.key -in request \
                    -startdate \(begin) -enddate \(end) -out certificate 2>errors || { cat errors; exit 1; }
                """,
            ])
        try #require(made.code == 0, "\(made)")
        authority = folder + "/ca.pem"
        let port = try freePort()
        address = "https://localhost:\(port)"
        process = try RunningProcess(
            "/usr/bin/openssl",
            [
                "s_server", "-accept", "\(port)", "-cert", folder + "/certificate", "-key", folder + "/key", "-quiet",
            ] + (answers ? ["-www"] : []), environment: [:])
        try await listening(on: port)
    }

    deinit {
        process.signal(SIGKILL)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// How many came since it began, once there are so many. Only one that does not answer says so.
    func requests(_ count: Int) async throws -> Int {
        @Sendable func number(_ said: String) -> Int { said.matches(of: /GET \/health/).count }
        return number(try await process.output(until: "\(count) requests") { number($0) >= count })
    }
}
