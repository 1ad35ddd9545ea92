import Foundation
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
                "question", "cache", "session", "body limit", "rate limit",
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

    /// A certificate of an authority that is believed, which has ended; and a server that takes it, but is not Parley.
    @Test func namesACertificateThatHasEnded() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = try await run(
            "/bin/bash",
            [
                "-ec",
                """
                cd \(folder); touch index; echo 01 >serial
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=authority -keyout ca.key \
                    -out ca.pem 2>/dev/null
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key \
                    -addext subjectAltName=DNS:localhost -out request 2>/dev/null
                printf '%s\\n' '[ca]' 'default_ca = a' '[a]' 'database = index' 'serial = serial' 'new_certs_dir = .' \
                    'policy = p' 'copy_extensions = copy' '[p]' 'commonName = supplied' >conf
                openssl ca -config conf -batch -notext -md sha256 -cert ca.pem -keyfile ca.key -in request \
                    -startdate 20200101000000Z -enddate 20210101000000Z -out certificate 2>errors || { cat errors; exit 1; }
                """,
            ])
        try #require(made.code == 0, "\(made)")
        let port = try freePort()
        let server = try RunningProcess(
            "/usr/bin/openssl",
            [
                "s_server", "-accept", "\(port)", "-cert", folder + "/certificate", "-key", folder + "/key", "-www",
                "-quiet",
            ], environment: [:])
        defer { server.signal(SIGKILL) }
        try await listening(on: port)
        let (code, output) = try await check("https://localhost:\(port)", ["--ca", folder + "/ca.pem"])
        #expect(code == 1)
        #expect(output.contains("WRONG certificate: SSL certificate problem: certificate has expired"), "\(output)")
        #expect(output.contains("is not Parley's: it answers 200"), "\(output)")
    }
}
