import Chat
import Testing

@Suite(.timeLimit(.minutes(1))) struct PromptTests {
    @Test func trimsAndCountsUnicodeScalars() throws {
        #expect(try Prompt("  hi \n").text == "hi")
        func question(_ count: Int) throws {
            _ = try ChatRequest(
                question: String(repeating: "é", count: count) + "\n", field: "message")
        }
        #expect(throws: Never.self) { try question(10_000) }
        #expect(throws: ChatError.self) { try question(10_001) }
    }

    @Test(arguments: ["", "   ", "\n\t", "\u{00A0}", "a\u{0}b", "a\u{1B}[2J", "a\u{85}b"])
    func refuses(_ text: String) {
        #expect(throws: ChatError.self) { try Prompt(text) }
    }
}

@Suite(.timeLimit(.minutes(1))) struct TokenUsageTests {
    @Test func noCountOverflows() {
        let usage = TokenUsage(prompt: .max, completion: 1)
        #expect(usage.total == 1_000_000_000 && usage.prompt == 1_000_000_000)
        #expect(TokenUsage(prompt: -5, completion: .min, total: -1) == TokenUsage(prompt: 0, completion: 0))
    }
}

@Suite(.timeLimit(.minutes(1))) struct EmailTests {
    @Test(arguments: [
        "a@example.com", "first.last+tag@sub.example.co.uk", "o'neil@example.com", "x_y-z@a-b.example", "用户@例子.公司",
        "a@bücher.example", "ЮЛИЯ@Пример.рф", "a@例え.jp", "a@xn--strae-oqa.example", "jürgen@example.com",
        "weiß@straße.example",
        "  padded@example.com ",
    ])
    func accepts(_ address: String) throws {
        _ = try Email(address)
    }

    @Test(arguments: [
        "", "a", "@example.com", "a@", "a@b", "a b@example.com", "a@exa mple.com", "a@@example.com", "a@-b.com",
        "a@b-.com", ".a@example.com", "a.@example.com", "a..b@example.com", "a@example..com", "<a@example.com>",
        "a@example.com\nBcc: b@example.com", "a\u{0}@example.com", "a@example.com,b@example.com",
        String(repeating: "a", count: 65) + "@example.com", "a@" + String(repeating: "b.", count: 130) + "com",
    ])
    func refuses(_ address: String) {
        #expect(throws: ChatError.self) { try Email(address) }
    }

    @Test func isOneUserWhateverTheCase() throws {
        #expect(try Email("Ann@Example.COM") == Email("ann@example.com"))
        #expect(try Email("kim@example.com") == Email("\u{212A}IM@example.com"))
    }

    /// Full-width letters and digits, others' likenesses, a ligature, a long s, and what cannot be seen.
    @Test(arguments: [
        "a@\u{FF45}xample.com", "a@\u{FF25}XAMPLE.com", "a@b\u{FF11}.com", "a@\u{1D41E}xample.com",
        "a@e\u{24E7}ample.com", "a@o\u{FB03}ce.com", "a@\u{17F}ample.com",
        "\u{FF41}nn@example.com", "an\u{AD}n@example.com", "an\u{200B}n@example.com", "ann\u{202E}@example.com",
    ])
    func refusesAnotherSpellingOfTheSameMailbox(_ address: String) throws {
        let error = try #require(throws: ChatError.self) { try Email(address) }
        #expect(error.details.first?.hasPrefix("email: must ") == true)
    }
}

@Suite(.timeLimit(.minutes(1))) struct IdentifierTests {
    @Test func exchangeAndConversationReadTheirOwnText() throws {
        let id = ExchangeID(number: 0x0198_c2f4_a1b2_c3d4)
        #expect(id.text == "msg_0198c2f4a1b2c3d4")
        #expect(ExchangeID(id.text) == id)
        let conversation = ConversationID(first: id)
        #expect(ConversationID(conversation.text) == conversation)
        #expect(ConversationID(id.text) == nil)
    }

    @Test(arguments: ["", "msg_", "msg_1", "msg_0198C2F4A1B2C3D4", "msg_ffffffffffffffff", "msg_+198c2f4a1b2c3d4"])
    func refusesWhatIsNoExchange(_ text: String) {
        #expect(ExchangeID(text) == nil)
    }

    @Test func sessionNeeds32CharactersOfBase64URL() {
        #expect(SessionID(String(repeating: "A", count: 32)) != nil)
        #expect(SessionID(String(repeating: "A", count: 31)) == nil)
        #expect(SessionID(String(repeating: "A", count: 31) + "+") == nil)
    }

    @Test func userNeeds32HexadecimalDigits() {
        #expect(UserID("user_" + String(repeating: "a", count: 32)) != nil)
        #expect(UserID("user_" + String(repeating: "g", count: 32)) == nil)
        #expect(UserID("user_") == nil)
    }
}
