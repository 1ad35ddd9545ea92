import API
import Foundation
import Logging
import Testing

@testable import parley

/// Settings, as an operator meets them.
@Suite(.timeLimit(.minutes(5))) struct SettingsTests {
    private let secret = ["CHAT_JWT_SECRET": String(repeating: "k", count: 32)]

    private func parley(_ arguments: [String], _ environment: [String: String] = [:]) async throws
        -> (code: Int32, output: String, errors: String)
    {
        try await run(
            Program.path, arguments, environment: ["PATH": "/usr/sbin:/usr/bin:/bin"].merging(environment) { $1 })
    }

    @Test func theManualListsEverySettingWithItsDefault() throws {
        let page = try String(contentsOfFile: Program.repository + "/nginx/docs/settings.md", encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `CHAT_") }
        for setting in Catalog.all {
            let row = try #require(rows.first { $0.hasPrefix("| `\(setting.name)` |") }, "\(setting.name) is missing")
            #expect(row.contains(setting.help), "\(setting.name): the table and the program say different things")
            if let fallback = setting.fallback, setting.name != "CHAT_DATABASE_URL" {
                #expect(row.contains("`\(fallback)`"), "\(setting.name)'s default is \(fallback)")
            }
        }
        #expect(rows.count == Catalog.all.count)
    }

    @Test func configMasksSecretsAndNamesSources() async throws {
        let (code, output, _) = try await parley(
            ["config", "--set", "CHAT_RETRIES=5"], secret.merging(["CHAT_GEMINI_API_KEY": "very-secret-key"]) { $1 })
        #expect(code == 0)
        #expect(output.contains("CHAT_RETRIES") && output.contains("5  [command line]"))
        #expect(output.contains("gemini  [default]") && output.contains("CHAT_GEMINI_API_KEY"))
        #expect(!output.contains("very-secret-key") && !output.contains("kkkk"))
        for name in ["CHAT_JWT_SECRET", "CHAT_GEMINI_API_KEY", "NONSENSE"] {
            #expect(try await parley(["config", "--value", name], secret).code != 0)
        }
        #expect(try await parley(["config", "--value", "CHAT_PROVIDERS"]).output == "echo\n")
    }

    @Test func sourcesComeInTheirOrder() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/settings.env"
        try "# comment\nCHAT_RETRIES=1\nCHAT_MAX_TOKENS = 11\nCHAT_TEMPERATURE=\"0.1\"\n"
            .write(toFile: file, atomically: true, encoding: .utf8)
        let environment = ["CHAT_ENV_FILE": file, "CHAT_MAX_TOKENS": "22", "CHAT_TEMPERATURE": "0.2"]
        for (name, value) in [("CHAT_RETRIES", "1"), ("CHAT_MAX_TOKENS", "22"), ("CHAT_TEMPERATURE", "0.3")] {
            let (_, output, _) = try await parley(
                ["config", "--set", "CHAT_TEMPERATURE=0.3", "--value", name], environment)
            #expect(output == value + "\n")
        }
    }

    @Test(arguments: [
        ("CHAT_RETRIES", "many"), ("CHAT_RETRIES", "-1"), ("CHAT_TEMPERATURE", "hot"),
        ("CHAT_PROVIDERS", "gemini,bard"),
        ("CHAT_CHAT_RATE", "10"), ("CHAT_CHAT_RATE", "100/hour"), ("CHAT_SERVER_NAME", "a_b;"),
        ("CHAT_DATABASE_URL", "postgres://x"), ("CHAT_JWT_SECRET", "short"),
        ("CHAT_CACHE_SCOPE", "world"), ("CHAT_RETRYS", "2"), ("CHAT_LOG_LEVEL", "loud"),
        ("CHAT_GEMINI_BASE_URL", "ftp://x"),
    ])
    func aWrongSettingStopsTheStartWithItsNameAndTheReason(_ name: String, _ value: String) async throws {
        var environment = secret.merging(["CHAT_SOCKET": "/nowhere/parley.sock", "CHAT_GEMINI_API_KEY": "k"]) { $1 }
        environment["CHAT_DATABASE_URL"] = "sqlite:/nowhere/parley.sqlite"
        environment[name] = value
        let (code, _, errors) = try await parley(["serve"], environment)
        #expect(code != 0 && errors.contains(name), "\(errors)")
    }

    @Test func workersUseWhatTheSupervisorFoundAndNoOtherFile() throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/settings.env"
        try "CHAT_RETRIES=1\n".write(toFile: file, atomically: true, encoding: .utf8)
        let sources = try SettingSources(
            overrides: ["CHAT_MAX_TOKENS=5"], environment: ["PATH": "/bin", "CHAT_TEMPERATURE": "1"], file: file)
        let environment = sources.workerEnvironment(["PATH": "/bin", "CHAT_ENV_FILE": file])
        #expect(
            environment == [
                "PATH": "/bin", "CHAT_RETRIES": "1", "CHAT_MAX_TOKENS": "5", "CHAT_TEMPERATURE": "1",
                "CHAT_ENV_FILE": "", "MALLOC_ARENA_MAX": "1",
            ])
        try "nonsense".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(throws: SettingFault.self) { try SettingSources(environment: ["CHAT_ENV_FILE": file]) }
        #expect(throws: Never.self) { try SettingSources(environment: environment) }
    }

    @Test func aProviderThatLacksASettingStopsTheStart() async throws {
        let (code, _, errors) = try await parley(["serve"], secret.merging(["CHAT_OPENAI_API_KEY": "k"]) { $1 })
        #expect(code != 0 && errors.contains("CHAT_OPENAI_MODEL is not set"))
    }

    @Test(arguments: [("CHAT_CACHE_TTL", "60,model:nobody=0"), ("CHAT_MODEL_ALIASES", "a=nobody")])
    func aModelThatNoProviderHasStopsTheStart(_ name: String, _ value: String) async throws {
        let (code, _, errors) = try await parley(["serve"], secret.merging([name: value]) { $1 })
        #expect(code != 0 && errors.contains(name) && errors.contains("nobody"), "\(errors)")
    }

    @Test func aNamedFileComesBeforeTheEnvironmentsOne() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, retries) in [("one", 1), ("two", 2)] {
            try "CHAT_RETRIES=\(retries)\n".write(toFile: "\(folder)/\(name).env", atomically: true, encoding: .utf8)
        }
        let (_, output, errors) = try await parley(
            ["config", "--env-file", folder + "/one.env", "--value", "CHAT_RETRIES"],
            ["CHAT_ENV_FILE": folder + "/two.env"])
        #expect(output == "1\n", "\(errors)")
    }

    @Test func checkLeavesADatabaseThatIsNotThereAlone() async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (_, output, _) = try await parley(
            ["check"], secret.merging(["CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite"]) { $1 })
        #expect(output.contains("is not there yet"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test func aLogLineCannotForgeAnotherNorMoveATerminal() {
        let fields = [LogField("cause", .text("one\ntwo\u{1B}[2J")), LogField("ms", .milliseconds(1.23456))]
        let text = String(decoding: LogOutput.text(.error, "request", fields), as: UTF8.self)
        #expect(text.hasSuffix("ERROR request cause=one␦two␦[2J ms=1.235\n"))
        let json = LogOutput.json(.error, "request", fields)
        #expect(json.count { $0 == UInt8(ascii: "\n") } == 1)
        // Nor can it seem to be more than one field, or turn the line around.
        let model = [LogField("cause", .text("no \"model\" x\u{202E}y\u{9B}1m\u{2028}' status=200"))]
        #expect(
            String(decoding: LogOutput.text(.error, "request", model), as: UTF8.self)
                .hasSuffix(#"ERROR request cause="no \"model\" x␦y␦1m␦' status=200""# + "\n"))
        for line in [LogOutput.json(.error, "request", model), LogOutput.ecs(.error, "request", model)] {
            #expect(String(decoding: line, as: UTF8.self).contains("x␦y␦1m␦' status=200"))
        }
    }

    @Test func withoutASecretNothingStarts() async throws {
        let (code, _, errors) = try await parley(["serve"])
        #expect(code != 0 && errors.contains("CHAT_JWT_SECRET") && errors.contains("openssl rand -hex 32"))
    }

    @Test func checkSaysWhatIsWrongAndHowToMendIt() async throws {
        let provider = try await ScriptedProvider { _, _ in .refuse(401) }
        let run = try await Deployment()
        let (code, output, _) = try await parley(
            ["check", "--nginx", run.folder + "/nginx/nginx.conf"],
            secret.merging(
                provider.asGemini.merging([
                    "CHAT_DATABASE_URL": "sqlite:/nowhere/parley.sqlite", "CHAT_SOCKET": "/nonexistent/parley.sock",
                ]) { $1 }
            ) { $1 })
        #expect(code == 1)
        for text in [
            "WRONG database folder", "WRONG socket folder", "WRONG provider gemini", "to mend it", "ok    nginx",
        ] {
            #expect(output.contains(text), "\(text) in \(output)")
        }
        let well = try await parley(
            ["check", "--nginx", run.folder + "/nginx/nginx.conf"],
            secret.merging([
                "CHAT_DATABASE_URL": "sqlite:\(run.folder)/parley.sqlite", "CHAT_SOCKET": run.socket,
            ]) { $1 })
        #expect(well.code == 0, "\(well.output)")
    }

    @Test func everySubcommandHasHelp() async throws {
        for command in ["serve", "migrate", "config", "check", "version"] {
            let (code, output, _) = try await parley([command, "--help"])
            #expect(code == 0 && output.contains("OVERVIEW"), "\(command)")
        }
        #expect(try await parley(["version"]).output.hasPrefix("parley "))
        #expect(try await parley([]).output.contains("SUBCOMMANDS"))
    }
}
