import Foundation
import Testing

/// `make dev` and `make hooks`, on a copy of this repository.
@Suite(.timeLimit(.minutes(3))) final class DevelopmentTests {
    private let folder: String

    init() async throws {
        folder = try Deployment.newFolder()
        let parts = ["Makefile", "Package.swift", ".swift-format", "Sources", "Tests", "nginx", "deploy", ".ci"]
        let copied = try await run(
            "/bin/cp", ["-r"] + parts.map { "\(Program.repository)/\($0)" } + [folder], environment: [:])
        try #require(copied.code == 0, "\(copied)")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The build is a compiler's look at one file: what is built is the program that there is.
    @Test func buildsAndReloadsWhatIsSavedAndKeepsSessions() async throws {
        try write("build", "#!/bin/sh\nexec swiftc -parse Sources/Chat/Email.swift\n")
        chmod(folder + "/build", 0o755)
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CHAT_") }
        environment["DOCS"] = nil
        let port = try freePort()
        let runFolder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: runFolder) }
        environment.merge([
            "BUILD": folder + "/build", "PARLEY": Program.path, "PORT": "\(port)", "RUN_DIR": runFolder,
            "CHAT_WORKERS": "1", "CHAT_RATE_LIMITING_ENABLED": "false",
        ]) { $1 }
        let dev = try RunningProcess(folder + "/deploy/dev", environment: environment)
        defer { dev.signal(SIGTERM) }
        let site = Site(port: port, certificate: runFolder + "/tls/certificate.pem")
        _ = try await dev.output(until: "Ctrl-C stops")
        let login = try await site.send(["/auth/email", "--json", #"{"email":"ann@example.com"}"#])
        let token = try #require(login.text("access_token"), "\(login)")
        func session() async throws -> Reply {
            try await site.send(["/auth/session", "--header", "Authorization: Bearer \(token)"])
        }

        // An error is shown, and what ran goes on.
        let email = "Sources/Chat/Email.swift"
        let source = try String(contentsOfFile: "\(folder)/\(email)", encoding: .utf8)
        try write(email, source + "func {\n")
        let shown = try await dev.output(until: "What ran goes on serving")
        #expect(shown.contains("error: expected identifier in function declaration"), "\(shown)")
        #expect(try await session().status == 200)

        try write(email, source)
        _ = try await dev.output(until: "Reloaded in")
        try await dev.errors { $0.contains("pool reloaded") }
        #expect(try await session().status == 200)

        // Editors' own files are no sources: the next reload comes without a build.
        for name in ["#Email.swift#", "Email.swift~", "Email.swift___jb_tmp___", "Email.swift___jb_old___"] {
            try write("Sources/Chat/" + name, source)
        }

        // A wrong setting is named; a right one is taken over, as is a page, without a build.
        try write(".env", "CHAT_MESSAGE_LIMIT=banana\n")
        try await dev.errors { $0.contains("Not reloaded") }
        #expect(dev.errors.contains("is “banana”"))
        try write(".env", "CHAT_MESSAGE_LIMIT=7\n")
        try write("nginx/pages/index.html", "a new page")
        let all = try await dev.output(until: "a second reload") { $0.matches(of: /Reloaded in/).count > 1 }
        #expect(all.matches(of: /Building/).count == 3, "\(all)")
        #expect(try await session().number("message_limit") == 7)
        #expect(try await site.send(["/"]).body == "a new page")

        // Saved at once with a source that does not compile, it is taken over all the same.
        try write(email, source + "func {\n")
        try write("nginx/pages/index.html", "another page")
        _ = try await dev.output(until: "a third reload") { $0.matches(of: /Reloaded in/).count > 2 }
        #expect(try await site.send(["/"]).body == "another page")

        dev.signal(SIGINT)
        #expect(await dev.end() == 0, "\(dev.errors)")
        #expect(await dev.everything().output.hasSuffix("Stopped.\n"))
    }

    @Test func aHookRefusesWhatIsNotFormatted() async throws {
        let author = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        func git(_ arguments: String...) async throws -> (code: Int32, words: String) {
            try await inFolder("/usr/bin/git", author + arguments)
        }
        _ = try await git("init", "--quiet")
        _ = try await git("add", "--all")
        try #require(try await git("commit", "--quiet", "--message", "all").code == 0)
        #expect(try await inFolder("/usr/bin/make", ["hooks"]).code == 0)

        let (good, bad) = ("enum One {\n    case first\n}\n", "enum One { \n  case first\n}\n")
        let file = "Sources/Chat/One.swift"
        try write(file, bad)
        _ = try await git("add", file)
        // What lies in the folder does not count.
        try write(file, good)
        let refused = try await git("commit", "--message", "bad")
        #expect(refused.code != 0 && refused.words.contains(file), "\(refused)")
        #expect(refused.words.contains("To mend it: make format"), "\(refused)")

        _ = try await git("add", file)
        try write(file, bad)
        let taken = try await git("commit", "--quiet", "--message", "good")
        #expect(taken.code == 0, "\(taken)")

        // Of a name with a space, too.
        let script = "deploy/a script of $mine"
        try write(script, "#!/usr/bin/env bash\necho $unquoted\n")
        _ = try await git("add", script)
        let unsound = try await git("commit", "--message", "bad")
        #expect(unsound.code != 0 && unsound.words.contains("SC2086"), "\(unsound)")
        try write(script, "#!/usr/bin/env bash\necho \"$1\"\n")
        _ = try await git("add", script)
        let sound = try await git("commit", "--quiet", "--message", "good")
        #expect(sound.code == 0, "\(sound)")

        // A second work tree has the first one's hook, and its own once that is gone.
        let tree = folder + "/second"
        #expect(try await git("worktree", "add", "--quiet", tree).code == 0)
        for place in [folder, tree] {
            let made = try await inFolder("/usr/bin/make", ["-C", tree, "hooks"])
            #expect(made.code == 0, "\(made)")
            let hook = try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/.git/hooks/pre-commit")
            #expect(hook.hasSuffix("/deploy/pre-commit") && hook.contains("/second/") == (place == tree), "\(hook)")
            unlink(hook)
        }

        // Somebody's own hook stays.
        let hook = ".git/hooks/pre-commit"
        unlink("\(folder)/\(hook)")
        try write(hook, "#!/bin/sh\n")
        #expect(try await inFolder("/usr/bin/make", ["hooks"]).code != 0)
        #expect(try String(contentsOfFile: "\(folder)/\(hook)", encoding: .utf8) == "#!/bin/sh\n")
    }

    private func write(_ file: String, _ text: String) throws {
        try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
    }

    private func inFolder(_ program: String, _ arguments: [String]) async throws -> (code: Int32, words: String) {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GIT_") }
        environment["GIT_CONFIG_GLOBAL"] = "/dev/null"
        let ended = try await run(
            "/usr/bin/env", ["--chdir", folder, program] + arguments, environment: environment)
        return (ended.code, ended.output + ended.errors)
    }
}

/// What `make dev` serves.
private struct Site {
    let port: UInt16
    let certificate: String

    func send(_ arguments: [String]) async throws -> Reply {
        let address = "https://localhost:\(port)\(arguments[0])"
        let ended = try await run(
            "/usr/bin/curl",
            ["--silent", "--show-error", "--include", "--max-time", "20", "--cacert", certificate, address]
                + arguments.dropFirst())
        try #require(ended.code == 0, "\(ended)")
        return Reply(ended.output)
    }
}
