import Chat
import Testing

@testable import Sessions

@Suite(.timeLimit(.minutes(1))) struct APIKeyTokenTests {
    /// Made with Python's zlib.crc32 and hmac; the secret is 0123456789abcdef, twice.
    static let known = [
        (
            "prl_0000000000000000000000000000002C8GjS",
            "960d97075b43282e87ef559c63e186bb05284ec08bdf593f2390fba28a1db31f"
        ),
        (
            "prl_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz4IlJEz",
            "aee741ca8eb1ab821ca5b3bf8517131c3920063b7fb62f3b921ed8ec20875e9f"
        ),
        (
            "prl_0123456789ABCDEFGHIJKLMNOPQRST4PMbyp",
            "f44085d451b2df8c59e336318d25988942353d213a4df090b788cc669781e4fe"
        ),
        (
            "prl_parleyParley0parleyParley0parl0EgD9B",
            "282434f09f50c57ec766ea4bf6e17f2476a4afd4127a22fd95f90fe415d6e1b4"
        ),
    ]

    @Test(arguments: known)
    func agreesWithAnotherImplementation(_ text: String, _ hash: String) throws {
        let secret = try KeySecret("0123456789abcdef0123456789abcdef")
        let token = try #require(APIKeyToken(text))
        #expect(token.text == text)
        #expect(token.hash(secret).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == hash)
    }

    @Test func aChecksumMayBeginWithZeros() {
        #expect(APIKeyToken("prl_drrYjTdd6emrCGjTGYv3HF2s7u0rih00gEpD") != nil)
    }

    @Test func makesKeysThatItTakesAndNoTwoAlike() {
        let tokens = (0..<1_000).map { _ in APIKeyToken.random() }
        #expect(tokens.allSatisfy { APIKeyToken($0.text) == $0 && $0.text.utf8.count == 40 })
        #expect(Set(tokens).count == 1_000)
    }

    @Test func refusesEveryTextThatDiffersInOneCharacter() {
        let text = Array(Self.known[3].0)
        for place in text.indices {
            for other in "09AZaz_-é" where other != text[place] {
                var changed = text
                changed[place] = other
                #expect(APIKeyToken(String(changed)) == nil, "\(String(changed))")
            }
        }
    }

    @Test(arguments: [
        "", "prl_", "prl", "sk-0123456789ABCDEFGHIJKLMNOPQRST4PMbyp", "PRL_0123456789ABCDEFGHIJKLMNOPQRST4PMbyp",
        "prl_0123456789ABCDEFGHIJKLMNOPQRST4PMby", "prl_0123456789ABCDEFGHIJKLMNOPQRST4PMbyp0",
        " prl_0123456789ABCDEFGHIJKLMNOPQRST4PMbyp", "prl_0123456789ABCDEFGHIJKLMNOPQRST4PMbyp\n",
    ])
    func refuses(_ text: String) {
        #expect(APIKeyToken(text) == nil)
    }

    @Test func showsItsBeginningOnly() throws {
        let token = try #require(APIKeyToken(Self.known[2].0))
        #expect(token.prefix == "prl_01234567")
        #expect("\(token)" == "prl_01234567…")
        var dump = ""
        Swift.dump(token, to: &dump)
        #expect(!dump.contains("89ABC") && !String(reflecting: token).contains("89ABC"))
    }

    @Test func aSecretHas32BytesOrMore() {
        #expect(throws: ChatError.self) { try KeySecret(String(repeating: "x", count: 31)) }
        #expect(throws: Never.self) { try KeySecret(String(repeating: "x", count: 32)) }
    }
}
