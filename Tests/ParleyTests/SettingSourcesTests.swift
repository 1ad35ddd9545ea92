import Foundation
import Testing

@testable import parley

/// Where settings come from, and what a whole set of them comes to.
@Suite(.timeLimit(.minutes(1))) struct SettingSourcesTests {
    private let secret = ["CHAT_JWT_SECRET": String(repeating: "k", count: 32)]

    /// - Returns: the settings of a file with this text, the environment and the command line.
    private func sources(
        file text: String = "", _ environment: [String: String] = [:], overrides: [String] = []
    ) throws -> SettingSources {
        let path = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString + ".env"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try SettingSources(overrides: overrides, environment: environment, file: path)
    }

    @Test func theFirstSourceThatHasAValueWins() throws {
        let sources = try sources(
            file: "CHAT_RETRIES=1\nCHAT_MAX_TOKENS=1\nCHAT_TEMPERATURE=1\n",
            ["CHAT_MAX_TOKENS": "2", "CHAT_TEMPERATURE": "2", "CHAT_MESSAGE_LIMIT": ""],
            overrides: ["CHAT_TEMPERATURE=0", "CHAT_RETRIES="])
        #expect(try sources.required(Catalog.retries) == 1, "an empty value counts as not set")
        #expect(try sources.required(Catalog.maxTokens) == 2)
        #expect(try sources.required(Catalog.temperature) == 0)
        #expect(try sources.required(Catalog.messageLimit) == 50)
        #expect(sources.find(Catalog.temperature)?.source == "command line")
        #expect(sources.find(Catalog.maxTokens)?.source == "environment")
        #expect(sources.find(Catalog.retries)?.source.hasSuffix(".env") == true)
        #expect(sources.find(Catalog.messageLimit)?.source == "default")
        #expect(sources.find(Catalog.geminiKey) == nil)
    }

    @Test(arguments: ["\n", "\r\n"])
    func aFileHasNamesAndValuesInLines(_ end: String) throws {
        let lines = [
            "# CHAT_RETRIES=9", "", "  CHAT_RETRIES = 4  ", "CHAT_SYSTEM_PROMPT=\"a = b # c\"",
            "CHAT_GEMINI_MODEL='it''s'", "CHAT_OPENROUTER_MODEL=\"", "OTHER=1", "CHAT_MAX_TOKENS=7",
        ]
        let sources = try sources(file: lines.joined(separator: end))
        #expect(try sources.required(Catalog.retries) == 4)
        #expect(try sources.required(Catalog.systemPrompt) == "a = b # c")
        #expect(try sources.required(Catalog.geminiModel) == "it''s")
        #expect(try sources.required(Catalog.openRouterModel) == "\"")
        #expect(try sources.required(Catalog.maxTokens) == 7)
    }

    @Test func whatIsNoSettingIsRefusedWithItsPlace() throws {
        let cases: [(String, String, [String: String], [String])] = [
            ("line 2", "CHAT_RETRIES=1\nnonsense", [:], []), ("CHAT_RETRYS", "CHAT_RETRYS=1", [:], []),
            ("the environment", "", ["CHAT_RETRYS": "1"], []), ("the command line", "", [:], ["CHAT_RETRYS=1"]),
            ("the command line", "", [:], ["OTHER=1"]), ("NAME=VALUE", "", [:], ["CHAT_RETRIES"]),
        ]
        for (words, file, environment, overrides) in cases {
            let fault = #expect(throws: SettingFault.self) {
                try sources(file: file, environment, overrides: overrides)
            }
            #expect(fault?.reason.contains(words) == true, "\(fault?.reason ?? "")")
        }
        #expect(throws: SettingFault.self) { try SettingSources(environment: [:], file: "/nowhere/parley.env") }
        #expect(throws: Never.self) { try SettingSources(environment: ["CHAT_ENV_FILE": "", "OTHER": "1"]) }
        let ignoring = try SettingSources(environment: ["CHAT_RETRYS": "1"], file: "", ignoresUnknown: true)
        #expect(try ignoring.required(Catalog.retries) == 2)
    }

    @Test func providersAreThoseThatHaveAKey() throws {
        let cases: [([String: String], [String])] = [
            ([:], ["echo"]), (["CHAT_GEMINI_API_KEY": "k"], ["gemini"]),
            (["CHAT_OPENAI_BASE_URL": "http://x", "CHAT_OPENROUTER_API_KEY": "k"], ["openrouter", "openai"]),
            (["CHAT_GEMINI_API_KEY": "k", "CHAT_PROVIDERS": "echo, gemini"], ["echo", "gemini"]),
            (["CHAT_PROVIDERS": " , "], ["echo"]),
        ]
        for (environment, names) in cases { #expect(try sources(environment).providers() == names) }
    }

    @Test func computedDefaultsAreShown() throws {
        let sources = try sources(["CHAT_GEMINI_API_KEY": "k"])
        #expect(try sources.effective(Catalog.workers, cores: 3)?.text == "3")
        #expect(try sources.effective(Catalog.providers, cores: 3)?.text == "gemini")
        #expect(try sources.effective(Catalog.logFile, cores: 3) == nil)
        #expect(try Settings(self.sources(secret), cores: 3).workers == 3)
        #expect(try Settings(self.sources(secret), cores: 1).workers == 2, "one that dies must not be all there is")
        #expect(try sources.effective(Catalog.workers, cores: 1)?.text == "2")
    }

    @Test func everyFaultIsToldAtOnceWithItsSource() throws {
        let fault = #expect(throws: SettingFault.self) {
            try Settings(
                sources(file: "CHAT_RETRIES=many", ["CHAT_TEMPERATURE": "hot"], overrides: ["CHAT_WORKERS=0"]), cores: 1
            )
        }
        let lines = (fault?.reason ?? "").split(separator: "\n")
        #expect(lines.count == 4, "\(lines)")
        for (name, source) in [
            ("CHAT_RETRIES", ".env)"), ("CHAT_TEMPERATURE", "environment"), ("CHAT_WORKERS", "command line"),
            ("CHAT_JWT_SECRET", "openssl rand -hex 32"),
        ] {
            #expect(lines.contains { $0.hasPrefix(name + " ") && $0.contains(source) }, "\(name)")
        }
    }

    @Test func theChatPageMayCallTheProviderThatItLogsInWithAndNobodyElse() throws {
        let whole = [
            "CHAT_AUTH_MODE": "external", "CHAT_JWKS_URL": "https://id.example.com/keys",
            "CHAT_JWT_ISSUER": "https://id.example.com/realms/main", "CHAT_JWT_AUDIENCE": "parley",
            "CHAT_OIDC_CLIENT_ID": "chat",
        ].merging(secret) { $1 }
        func origins(_ settings: [String: String]) throws -> String? {
            let found = try sources(whole.merging(settings) { $1 })
            _ = try Settings(found, cores: 1)
            return try found.effective(Catalog.oidcOrigins, cores: 1)?.text
        }
        #expect(try origins([:]) == "https://id.example.com")
        let further = ["CHAT_OIDC_ORIGINS": "https://TOKENS.example:8443, https://id.example.com"]
        #expect(try origins(further) == "https://id.example.com,https://tokens.example:8443")
        #expect(try origins(["CHAT_JWT_ISSUER": "https://ID.example.com:443/"]) == "https://id.example.com")
        #expect(try origins(["CHAT_JWT_ISSUER": "http://localhost:8080/realms/x"]) == "http://localhost:8080")
        #expect(try origins(further.merging(["CHAT_OIDC_CLIENT_ID": ""]) { $1 }) == nil)
        #expect(try origins(further.merging(["CHAT_AUTH_MODE": "open"]) { $1 }) == nil)
        for (name, value, reason) in [
            ("CHAT_JWT_ISSUER", "joe", "needs an issuer that a page can ask"),
            ("CHAT_JWT_ISSUER", "http://id.example.com", "needs an issuer that a page can ask"),
            ("CHAT_JWT_ISSUER", "https://id.example.com/?a=b", "needs an issuer that a page can ask"),
            ("CHAT_JWT_ISSUER", "https://[::1]/", "needs an issuer that a page can ask"),
            ("CHAT_JWT_CLIENTS", "another", "would be refused"),
        ] {
            let fault = #expect(throws: SettingFault.self) { try origins([name: value]) }
            #expect(fault?.reason.contains(name) == true && fault?.reason.contains(reason) == true, "\(value)")
        }
        #expect(try origins(["CHAT_JWT_CLIENTS": "another,chat"]) != nil)
    }

    @Test func aWayToLogInNamesWhatItLacks() throws {
        for (mode, needed) in [
            ("code", ["CHAT_SMTP_URL", "CHAT_SMTP_FROM"]),
            ("external", ["CHAT_JWKS_URL", "CHAT_JWT_ISSUER", "CHAT_JWT_AUDIENCE"]),
        ] {
            let fault = try #require(throws: SettingFault.self) {
                try Settings(sources(secret.merging(["CHAT_AUTH_MODE": mode]) { $1 }), cores: 1)
            }
            for name in needed {
                #expect(fault.reason.contains("CHAT_AUTH_MODE=\(mode) needs \(name), which is not set"))
            }
        }
        #expect("\(try Settings(sources(secret), cores: 1).authMode)" == "open")
        func fault(_ settings: [String: String]) -> String? {
            let whole = [
                "CHAT_AUTH_MODE": "code", "CHAT_SMTP_URL": "smtps://mail.example",
                "CHAT_SMTP_FROM": "chat@mail.example",
            ].merging(secret) { $1 }.merging(settings) { $1 }
            do { _ = try Settings(sources(whole), cores: 1) } catch { return "\(error)" }
            return nil
        }
        #expect(fault([:]) == nil)
        #expect(fault(["CHAT_SMTP_USER": "chat"])?.contains("CHAT_SMTP_PASSWORD") == true, "they go together")
        for (url, isFine) in [
            ("smtp://localhost", true), ("smtp://127.8.8.8:2525", true), ("smtp://[::1]:25", true),
            ("smtp://mail.example", false), ("smtps://localhost", false), ("smtp://127.0.0.1.mail.example", false),
        ] {
            #expect((fault(["CHAT_SMTP_TLS": "off", "CHAT_SMTP_URL": url]) == nil) == isFine, "in clear to \(url)")
        }
        for url in [
            "http://mail.example", "smtp://a:b@mail.example", "smtp://mail.example/x", "smtp:mail.example", "smtp://",
        ] {
            #expect(fault(["CHAT_SMTP_URL": url])?.hasPrefix("CHAT_SMTP_URL ") == true, "\(url)")
        }
    }

    @Test func aSetOfSettingsIsReady() throws {
        let settings = try Settings(
            sources(
                secret.merging([
                    "CHAT_JWT_EXPIRE_HOURS": "2", "CHAT_REQUEST_DEADLINE": "1.5", "CHAT_BOT_DETECTION_ENABLED": "off",
                    "CHAT_CORS_ORIGINS": "https://a.example , https://b.example,", "CHAT_DATABASE_URL": "sqlite:/x/y",
                ]) { $1 }), cores: 2)
        #expect(settings.sessionSeconds == 7_200 && settings.requestDeadline == .milliseconds(1_500))
        #expect(
            settings.minimumUserAgentLength == nil
                && settings.corsOrigins == ["https://a.example", "https://b.example"])
        #expect(settings.database.path == "/x/y" && settings.providers == ["echo"] && settings.logFile == nil)
    }

    @Test func theSystemPromptMayBeAFilesWhichWorkersGetAsItWasRead() throws {
        let path = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString + ".txt"
        try "  Be kind,\r\nand brief.\n\n".write(toFile: path, atomically: true, encoding: .utf8)
        let sources = try sources(secret.merging(["CHAT_SYSTEM_PROMPT_FILE": path]) { $1 })
        _ = try Settings(sources, cores: 1)
        #expect(try sources.systemPrompt() == "Be kind,\nand brief.")
        let environment = sources.workerEnvironment([:])
        #expect(environment["CHAT_SYSTEM_PROMPT"] == "Be kind,\nand brief.")
        #expect(environment["CHAT_SYSTEM_PROMPT_FILE"] == nil)
        let both = try self.sources(
            secret.merging(["CHAT_SYSTEM_PROMPT_FILE": path, "CHAT_SYSTEM_PROMPT": "x"]) { $1 })
        #expect(throws: SettingFault.self, "only one of them") { try Settings(both, cores: 1) }
        for text in [" \n", "a\u{0}b", String(repeating: "a", count: 70_000)] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(throws: SettingFault.self) { try Settings(sources, cores: 1) }
        }
        try FileManager.default.removeItem(atPath: path)
        let fault = #expect(throws: SettingFault.self) { try Settings(sources, cores: 1) }
        #expect(fault?.reason.contains("CHAT_SYSTEM_PROMPT_FILE names \(path)") == true)
    }
}
