import Models
import Testing

@Suite(.timeLimit(.minutes(1))) struct SettingsTests {
    @Test(arguments: [
        "ftp://example.com", "example.com", "https://user:pass@example.com", "https://example.com/?key=1",
        "https://example.com/#a", "http://", "https://exa mple.com", "",
    ])
    func refusesBaseURL(_ url: String) throws {
        let upstream = Upstream()
        let error = #expect(throws: InvalidProviderSetting.self) {
            try Gemini(key: "k", model: "m", baseURL: url, upstream: upstream)
        }
        #expect(error?.setting == "base URL")
    }

    @Test(arguments: ["", "a b", "a\r\nX: y", "schlüssel"])
    func refusesKeyWithoutSayingIt(_ key: String) throws {
        let upstream = Upstream()
        let error = #expect(throws: InvalidProviderSetting.self) {
            try OpenAICompatible(.openai, key: key, model: "m", upstream: upstream)
        }
        #expect(error?.description == "key must be printable ASCII without spaces")
    }

    @Test(arguments: ["", "a b", "a?b", "a#b", "../x", "a/../b", "a%2Fb"])
    func refusesModelName(_ name: String) throws {
        let upstream = Upstream()
        let error = #expect(throws: InvalidProviderSetting.self) {
            try Gemini(key: "k", model: name, upstream: upstream)
        }
        #expect(error?.setting == "model")
    }

    @Test func refusesTimeoutsOfZero() {
        #expect(throws: InvalidProviderSetting.self) {
            try Timeouts(firstToken: .zero, stall: .seconds(1), whole: .seconds(1))
        }
        #expect(throws: InvalidProviderSetting.self) {
            try Timeouts(firstToken: .seconds(1), stall: .seconds(-1), whole: .seconds(1))
        }
    }

    @Test func neverPrintsAKey() throws {
        let gemini = try Gemini(key: "top-secret", model: "m", upstream: Upstream())
        var dumped = ""
        dump(gemini, to: &dumped)
        #expect(!dumped.contains("top-secret"))
        #expect(!String(reflecting: gemini).contains("top-secret"))
    }
}
