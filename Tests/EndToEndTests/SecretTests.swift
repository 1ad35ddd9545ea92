import Foundation
import Testing

/// `parley secret`: a secret is replaced where it is kept, and nobody loses a session, a name or a key.
@Suite(.timeLimit(.minutes(3))) struct SecretTests {
    private let old = String(repeating: "s", count: 32)

    private func secret(_ arguments: [String], _ environment: [String: String], fails: Bool = false) async throws
        -> String
    {
        let ended = try await run(Program.path, ["secret"] + arguments, environment: environment)
        #expect((ended.code != 0) == fails, "\(ended)")
        return fails ? ended.errors : ended.output
    }

    /// - Returns: the value of a line of a settings file.
    private func value(_ name: String, in file: String) throws -> String? {
        try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").first { $0.hasPrefix(name + "=") }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    @Test func rotatesUnderAServingPoolAndRetiresTheOldSecret() async throws {
        let run = try await Deployment(["CHAT_WORKERS": "1"])
        let pool = try ServedPool(environment: ["CHAT_KEY_SECRET": String(repeating: "k", count: 32)])
        let file = pool.folder + "/env"
        try await pool.lines("worker ready", count: 2)
        try await run.passRequests(to: pool.socket)
        let token = try await run.logIn()
        let user = try await run.get("/auth/session", token: token).text("user_id")

        chmod(file, 0o640)
        let said = try await secret(["rotate"], ["CHAT_ENV_FILE": file])
        #expect(said.contains("reload") && said.contains("parley secret retire") && !said.contains(old), "\(said)")
        let rotated = try #require(try value("CHAT_JWT_SECRET", in: file))
        #expect(rotated.hasSuffix("," + old) && rotated.utf8.count == 97)
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o640)
        #expect(try value("CHAT_WORKERS", in: file) == "2", "the rest of it stays")

        // Of either generation, and of the one in between: every token is good in every worker.
        pool.process.signal(SIGHUP)
        var tokens = [token]
        while !pool.process.errors.contains("pool reloaded") {
            tokens.append(try await run.logIn())
            let reply = try await run.get("/auth/session", token: tokens.randomElement()!)
            #expect(reply.status == 200 && reply.text("user_id") == user, "\(reply)")
        }
        for token in tokens {
            #expect(try await run.get("/auth/session", token: token).status == 200)
        }

        _ = try await secret(["retire"], ["CHAT_ENV_FILE": file])
        #expect(try value("CHAT_JWT_SECRET", in: file) == String(rotated.prefix(64)))
        pool.process.signal(SIGHUP)
        try await pool.lines("pool reloaded", count: 2)
        // An old worker may finish what comes on a connection that nginx has kept.
        let limit = ContinuousClock.now + .seconds(20)
        while try await run.get("/auth/session", token: token).status != 401 {
            try #require(ContinuousClock.now < limit)
        }
        // Such a one still signs with the secret that the others have no more.
        while try await run.get("/auth/session", token: try await run.logIn()).text("user_id") != user {
            try #require(ContinuousClock.now < limit)
        }
        #expect(try await secret(["retire"], ["CHAT_ENV_FILE": file], fails: true).contains("no secret before"))
    }

    @Test func changesOnlyWhereTheSecretIsKept() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/settings"
        let text = "# mine\r\nCHAT_JWT_SECRET=\"\(old)\"\n#CHAT_IDENTITY_KEY=\nCHAT_RETRIES=1"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        symlink("settings", folder + "/link")

        let environment = ["CHAT_ENV_FILE": folder + "/link"]
        let elsewhere = environment.merging(["CHAT_JWT_SECRET": old]) { $1 }
        #expect(try await secret(["rotate"], elsewhere, fails: true).contains("--file"))
        #expect(try await secret(["rotate"], ["CHAT_ENV_FILE": ""], fails: true).contains("parley secret make"))
        let printed = try await secret(["rotate", "--print"], elsewhere)
        #expect(printed.contains(",\(old)\nCHAT_IDENTITY_KEY="))
        #expect(try String(contentsOfFile: file, encoding: .utf8) == text, "nothing has changed so far")

        _ = try await secret(["rotate", "--end-sessions", "--file", folder + "/link"], elsewhere)
        let lines = try String(contentsOfFile: file, encoding: .utf8).unicodeScalars
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.count == 4 && lines[0] == "# mine\r" && lines[3] == "CHAT_RETRIES=1")
        #expect(lines[1].utf8.count == 16 + 64 && !lines[1].contains(old))
        #expect(printed.contains(lines[2]), "the same key of identities")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "settings")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["link", "settings"])

        let lock = open(file, O_RDONLY)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)
        #expect(try await secret(["rotate"], environment, fails: true).contains("somebody else"))
        let made = try await secret(["make"], ["CHAT_ENV_FILE": ""])
        #expect(made.utf8.count == 65 && made.dropLast().allSatisfy(\.isHexDigit))
    }

    /// Where the file has the secret alone, and the environment or another file the rest.
    @Test func aNamedFileGetsTheIdentityKeyAndTheAuditLogALine() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, log, identity) = (folder + "/secrets", folder + "/audit.jsonl", String(repeating: "0a", count: 32))
        let elsewhere = ["CHAT_ENV_FILE": "", "CHAT_IDENTITY_KEY": identity, "CHAT_AUDIT_LOG": log]
        for (flags, environment, more) in [
            (["--file", file], elsewhere, ""), (["--end-sessions", "--file", file], elsewhere, ""),
            (
                ["--file", file], ["CHAT_ENV_FILE": ""], "CHAT_IDENTITY_KEY=\(identity)\nCHAT_AUDIT_LOG=\(log)\n"
            ),
        ] {
            try "CHAT_JWT_SECRET=\(old)\n\(more)".write(toFile: file, atomically: true, encoding: .utf8)
            _ = try await secret(["rotate"] + flags, environment)
            #expect(try value("CHAT_IDENTITY_KEY", in: file) == identity)
        }
        _ = try await secret(["retire", "--file", file], elsewhere)
        #expect(try value("CHAT_IDENTITY_KEY", in: file) == identity)
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4 && lines.allSatisfy { $0.contains("CHAT_JWT_SECRET") }, "\(lines)")
        #expect(lines[3].contains("secret_retired"), "\(lines)")
    }

    @Test func aSecretRotatedByHandNeedsTheKeyOfIdentities() async throws {
        let ended = try await run(
            Program.path, ["check"],
            environment: ["CHAT_ENV_FILE": "", "CHAT_JWT_SECRET": String(repeating: "n", count: 32) + "," + old])
        #expect(ended.code != 0 && (ended.errors + ended.output).contains("CHAT_IDENTITY_KEY is not set"), "\(ended)")
    }

    /// The next run goes on with what the rotation has made of the folder's secrets.
    @Test func theSecretsOfMakeRunAreRotatedInItsFolder() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try old.write(toFile: folder + "/jwt-secret", atomically: true, encoding: .utf8)
        try "".write(toFile: folder + "/lock", atomically: true, encoding: .utf8)
        let first = try await Deployment(folder: folder)
        let token = try await first.logIn()
        #expect(try first.secret("CHAT_JWT_SECRET") == old, "one of an earlier version's run")
        #expect(await first.stop() == 0)
        _ = try await secret(["rotate", "--file", folder + "/secrets"], ["CHAT_ENV_FILE": ""])
        let second = try await Deployment(folder: folder)
        #expect(try await second.get("/auth/session", token: token).status == 200)
        let shown = try await run(
            "/bin/bash", ["-c", ". \(folder)/environment && parley config"], environment: ["PATH": "/usr/bin:/bin"])
        #expect(shown.output.contains("(secret, 97 bytes)"), "\(shown)")
    }
}
