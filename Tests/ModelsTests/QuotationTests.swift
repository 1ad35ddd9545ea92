import Chat
import Testing

@testable import Models

/// What goes into the log of a provider's error.
@Suite(.timeLimit(.minutes(1))) struct QuotationTests {
    private func rest(_ words: String, of texts: String...) -> String {
        Quotation.removed(
            from: words, of: [ChatMessage(role: .system, text: "Answer in one sentence.")] + texts.map { .user($0) })
    }

    @Test func whatItQuotesIsNotSaid() {
        let secret = "my password is hunter2, and the other one is 1234"
        #expect(rest("HTTP 400: bad input: \(secret).", of: "hello", secret) == "HTTP 400: bad input: ….")
        #expect(rest(secret, of: "Now: \(secret)") == "…")
        // The end of a quotation that was cut, and two of them.
        #expect(rest("“\(secret.prefix(20))… and \(secret.suffix(18))", of: secret) == "“…… and …")
        #expect(
            rest("HTTP 400: Schlüssel „grün und blau – beides“", of: "grün und blau – beides")
                == "HTTP 400: Schlüssel „…“")
    }

    @Test func theProvidersOwnWordsStay() {
        for words in [
            "", "short", "HTTP 503: The model is overloaded. Please try again later.", "Answer in one sentence.",
        ] {
            #expect(rest(words, of: "What is an overloaded model?", "again") == words)
        }
    }

    @Test func resultsAndCallsOfToolsAreOfTheConversation() {
        let messages = [
            ChatMessage(role: .assistant, text: "", toolCalls: #"[{"arguments":"{\"city\":\"Reykjavik\"}"}]"#),
            ChatMessage(role: .tool, text: "rain in the whole of the country"),
        ]
        let words = #"HTTP 400: "{\"city\":\"Reykjavik\"}" and rain in the whole of the country"#
        let rest = Quotation.removed(from: words, of: messages)
        #expect(!rest.contains("Reykjavik") && !rest.contains("rain") && rest.hasPrefix("HTTP 400: "), "\(rest)")
    }

    /// Each run of the words is found once, however often a conversation has it.
    @Test func aLongConversationOfOneLetterTakesNoTime() {
        let start = ContinuousClock.now
        #expect(
            rest("HTTP 400: " + String(repeating: "a", count: 310), of: String(repeating: "a", count: 4 << 20))
                == "HTTP 400: …")
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
