import Testing

@testable import parley

/// How texts become values, and the one way to write each.
@Suite(.timeLimit(.minutes(1))) struct SettingTests {
    private func setting(_ name: String) throws -> any AnySetting {
        try #require(Catalog.all.first { $0.name == name }, "\(name)")
    }

    @Test(arguments: [
        ("CHAT_RETRIES", "3", "3"), ("CHAT_RETRIES", "0", "0"), ("CHAT_MODEL_TIMEOUT", "6e1", "60"),
        ("CHAT_MODEL_TIMEOUT", "0.50", "0.5"), ("CHAT_BOT_DETECTION_ENABLED", "on", "true"),
        ("CHAT_BOT_DETECTION_ENABLED", "NO", "false"), ("CHAT_RATE_LIMITING_ENABLED", "1", "true"),
        ("CHAT_CHAT_RATE", "120/hour", "120/hour"), ("CHAT_READ_RATE", "5/second", "5/second"),
        ("CHAT_CACHE_SCOPE", "session", "session"), ("CHAT_WORKER_STALL_TIMEOUT", "0", "0"),
        ("CHAT_SOCKET_MODE", "0600", "0600"), ("CHAT_TRUSTED_PROXIES", "10.0.0.0/8, ::1", "10.0.0.0/8, ::1"),
        ("CHAT_SERVER_NAME", "a.example, B.example", "a.example, B.example"),
        ("CHAT_CACHE_TTL", "0", "0"), ("CHAT_CACHE_TTL", "0.50", "0.5"),
        ("CHAT_CACHE_TTL", "36e2, structured=60,conversation=600", "3600,conversation=600,structured=60"),
        ("CHAT_CACHE_TTL", "60,model:b:free=0,model:a/x=1=2.5", "60,model:a/x=1=2.5,model:b:free=0"),
        ("CHAT_JWT_SECRET", String(repeating: "k", count: 32), String(repeating: "k", count: 32)),
    ])
    func whatCanBeIsTakenAndWrittenInOneWay(_ name: String, _ text: String, _ canonical: String) throws {
        #expect(try setting(name).canonical(text) == canonical)
    }

    @Test(arguments: [
        ("CHAT_RETRIES", "-1"), ("CHAT_RETRIES", "11"), ("CHAT_RETRIES", "2.0"), ("CHAT_RETRIES", " 2"),
        ("CHAT_RETRIES", "99999999999999999999"), ("CHAT_TEMPERATURE", "2.1"), ("CHAT_TEMPERATURE", "nan"),
        ("CHAT_MODEL_TIMEOUT", "inf"), ("CHAT_MODEL_TIMEOUT", "0"), ("CHAT_BOT_DETECTION_ENABLED", "maybe"),
        ("CHAT_CACHE_SCOPE", "Session"), ("CHAT_LOG_LEVEL", "loud"), ("CHAT_PROVIDERS", "gemini,bard"),
        ("CHAT_PROVIDERS", "echo,echo"), ("CHAT_CHAT_RATE", "0/minute"), ("CHAT_CHAT_RATE", "10/day"),
        ("CHAT_CHAT_RATE", "61/hour"), ("CHAT_READ_RATE", "120"), ("CHAT_READ_RATE", "1/2/minute"),
        ("CHAT_SERVER_NAME", "a;b"), ("CHAT_TRUSTED_PROXIES", "proxy.example"),
        ("CHAT_TRUSTED_PROXIES", "10.0.0.1; allow all"), ("CHAT_WORKER_STALL_TIMEOUT", "1"),
        ("CHAT_SOCKET_MODE", "0666"), ("CHAT_SOCKET_MODE", "rw"), ("CHAT_DATABASE_URL", "postgres://x"),
        ("CHAT_CACHE_TTL", "soon"), ("CHAT_CACHE_TTL", "-1"), ("CHAT_CACHE_TTL", "conversation=600"),
        ("CHAT_CACHE_TTL", "60,"), ("CHAT_CACHE_TTL", "60,600"), ("CHAT_CACHE_TTL", "60,conversation"),
        ("CHAT_CACHE_TTL", "60,conversation=soon"), ("CHAT_CACHE_TTL", "60,structured=-1"),
        ("CHAT_CACHE_TTL", "60,stream=1"), ("CHAT_CACHE_TTL", "60,model:=1"), ("CHAT_CACHE_TTL", "60,model=1"),
        ("CHAT_CACHE_TTL", "60,structured=1,structured=2"), ("CHAT_CACHE_TTL", "60,model:a=1,model:a=1"),
        ("CHAT_JWT_SECRET", String(repeating: "k", count: 31)), ("CHAT_KEY_SECRET", String(repeating: "k", count: 31)),
        ("CHAT_AUTH_MODE", "Open"), ("CHAT_AUTH_MODE", "oidc"),
        ("CHAT_JWKS_URL", "http://id.example.com/keys"), ("CHAT_JWKS_URL", "file:///etc/passwd"),
        ("CHAT_JWT_ISSUER", "two words"), ("CHAT_IDENTITY_KEY", "short"), ("CHAT_PRICES", "/no/such/file"),
        ("CHAT_OIDC_CLIENT_ID", "two words"), ("CHAT_OIDC_SCOPE", "email"), ("CHAT_OIDC_SCOPE", "openid \"x\""),
        ("CHAT_OIDC_ORIGINS", "https://id.example.com/"), ("CHAT_OIDC_ORIGINS", "http://id.example.com"),
        ("CHAT_OIDC_ORIGINS", "https://*.example.com"), ("CHAT_OIDC_ORIGINS", "'unsafe-inline'"),
        ("CHAT_OIDC_ORIGINS", "https://a.example;script-src"), ("CHAT_OIDC_ORIGINS", "https://me@id.example.com"),
        ("CHAT_GEMINI_MODEL", ""),
    ])
    func whatCannotBeIsRefusedWithTheNameAndTheReason(_ name: String, _ text: String) throws {
        let fault = #expect(throws: SettingFault.self) { try setting(name).canonical(text) }
        #expect(fault?.reason.hasPrefix(name + " ") == true, "\(fault?.reason ?? "")")
    }

    @Test func everyDefaultIsAValue() throws {
        for setting in Catalog.all {
            guard let fallback = setting.fallback else { continue }
            #expect(try setting.canonical(fallback) == fallback, "\(setting.name)")
        }
        #expect(Set(Catalog.all.map(\.name)).count == Catalog.all.count)
    }

    @Test func aSecretIsNotQuotedInItsFault() {
        let fault = #expect(throws: SettingFault.self) { try setting("CHAT_JWT_SECRET").canonical("hunter2") }
        #expect(fault?.reason.contains("hunter2") == false)
    }
}
