import Chat
import Testing

@testable import Models

private func table(_ json: String) throws -> PriceTable { try PriceTable(json: Array(json.utf8)) }

/// Dollars a million tokens.
private func rates(_ input: String, _ output: String, _ cached: String) -> ModelPrice.Rates {
    ModelPrice.Rates(
        input: Money(dollarsPerMillionTokens: input)!, output: Money(dollarsPerMillionTokens: output)!,
        cachedInput: Money(dollarsPerMillionTokens: cached)!)
}

@Suite(.timeLimit(.minutes(1))) struct PriceTableTests {
    @Test func knowsTheDefaultModels() {
        let table = PriceTable.builtIn
        #expect(table.price(of: "gemini-2.5-flash-lite") == ModelPrice(rates("0.1", "0.4", "0.01")))
        #expect(table.price(of: "openai/gpt-4o-mini") == ModelPrice(rates("0.15", "0.6", "0.075")))
        #expect(table.price(of: "echo-1") == .free)
        // Writing into its cache costs more: 600 × 4,000,000 + 300 × 400,000 + 100 × 5,000,000 + 10 × 20,000,000.
        let usage = TokenUsage(prompt: 1_000, cachedPrompt: 300, writtenPrompt: 100, completion: 10)
        #expect(table.price(of: "gpt-5.6")?.cost(of: usage) == Money(picodollars: 3_220_000_000))
        #expect(table.price(of: "gpt-5.6")?.worstCase(prompt: 100, completion: 1) == Money(picodollars: 520_000_000))
        #expect(
            table.price(of: "gemini-2.5-pro")
                == ModelPrice(
                    rates("1.25", "10", "0.125"), above: .init(tokens: 200_000, rates: rates("2.5", "15", "0.25"))))
    }

    /// Each is read when it is asked for only.
    @Test func everyBuiltInPriceCanBeRead() {
        for model in builtInPrices.keys { #expect(PriceTable.builtIn.price(of: model) != nil, "\(model)") }
    }

    @Test(arguments: ["llama3.2", "gpt-4o-mini-2099-01-01", "another/gpt-4o-mini", "", "/", "openai/", "GPT-4o-mini"])
    func whatIsNotInItIsUnknown(_ model: String) {
        #expect(PriceTable.builtIn.price(of: model) == nil)
    }

    @Test func theOperatorsPricesComeFirst() throws {
        let table = try table(
            #"{"gpt-4o-mini": {"input": 0.2, "output": 1e-6, "cached_input": 0.000001}, "llama3.2": {"input": 0, "output": 0}}"#
        )
        #expect(table.price(of: "gpt-4o-mini") == ModelPrice(rates("0.2", "0.000001", "0.000001")))
        #expect(table.price(of: "openai/gpt-4o-mini") == table.price(of: "gpt-4o-mini"))
        #expect(table.price(of: "llama3.2") == .free)
        #expect(table.price(of: "gpt-4o") != nil)
    }

    @Test func aNameWithItsMakerIsMoreExact() throws {
        let table = try table(#"{"openai/gpt-4o": {"input": 9, "output": 9}}"#)
        #expect(table.price(of: "openai/gpt-4o") == ModelPrice(rates("9", "9", "9")))
        #expect(table.price(of: "gpt-4o") == PriceTable.builtIn.price(of: "gpt-4o"))
    }

    @Test func readsEveryDecimalExactly() throws {
        for microdollars in stride(from: 1, to: 3_000_000, by: 7_919) {
            let digits = String(microdollars + 10_000_000).dropFirst()
            let text = "\(digits.first!).\(digits.dropFirst())"
            let price = try table(#"{"m": {"input": \#(text), "output": 0}}"#).price(of: "m")
            #expect(price?.rates.input.picodollars == Int64(microdollars), "\(text)")
        }
    }

    @Test func aTierThatSaysLessCostsAsMuch() throws {
        func price(_ above: String) throws -> ModelPrice? {
            try table(#"{"m": {"input": 1, "output": 4, "cached_input": 0.1, "above": {"tokens": 9, \#(above)}}}"#)
                .price(of: "m")
        }
        #expect(try price(#""input": 2"#)?.above == .init(tokens: 9, rates: rates("2", "4", "2")))
        #expect(try price(#""cache_write": 3"#)?.above?.rates.cacheWrite == Money(dollarsPerMillionTokens: "3"))
        #expect(try price(#""output": 8"#)?.above == .init(tokens: 9, rates: rates("1", "8", "0.1")))
        #expect(
            try price(#""input": 2, "cached_input": 0.2"#)?.above == .init(tokens: 9, rates: rates("2", "4", "0.2")))
    }

    @Test(arguments: [
        ("[]", "must be an object of models by their names"), ("{", "is not JSON"),
        (#"{"m": {"input": 1, "output": 1,}}"#, "is not JSON"),
        (#"{"m": {"input": 1, "output": 1}, "m": {"input": 2, "output": 2}}"#, "is not JSON: duplicate member"),
        (#"{"m": 1}"#, "m: must be an object"), (#"{"": {"input": 1, "output": 1}}"#, "has a model without a name"),
        (#"{"m": {}}"#, "m: input and output are both needed"),
        (#"{"m": {"input": 1}}"#, "m: input and output are both needed"),
        (#"{"m": {"inptu": 1, "output": 1}}"#, "m: “inptu” is none of input, output, cached_input, cache_write, above"),
        (#"{"m": {"input": "1", "output": 1}}"#, "m: input must be a number of dollars a million tokens"),
        (#"{"m": {"input": null, "output": 1}}"#, "m: input must be a number of dollars a million tokens"),
        (#"{"m": {"input": 1, "output": -0.5}}"#, "m: output must be from 0 to 1000000 dollars"),
        (#"{"m": {"input": 0.0000001, "output": 1}}"#, "m: input must be from 0 to 1000000 dollars"),
        (#"{"m": {"input": 1000001, "output": 1}}"#, "m: input must be from 0 to 1000000 dollars"),
        (#"{"m": {"input": 1e400, "output": 1}}"#, "is not JSON: number out of range"),
        (#"{"m": {"input": 1, "output": 1, "above": []}}"#, "m: above: must be an object"),
        (
            #"{"m": {"input": 1, "output": 1, "above": {"input": 2}}}"#,
            "m: above: tokens must be a whole number above 0"
        ),
        (
            #"{"m": {"input": 1, "output": 1, "above": {"tokens": 1.5}}}"#,
            "m: above: tokens must be a whole number above 0"
        ),
        (
            #"{"m": {"input": 1, "output": 1, "above": {"tokens": 1, "above": {}}}}"#,
            "m: above: “above” is none of input, output, cached_input, cache_write, tokens"
        ),
    ])
    func refusesAndSaysWhy(_ json: String, _ reason: String) {
        let error = #expect(throws: InvalidPrice.self) { try table(json) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
}
