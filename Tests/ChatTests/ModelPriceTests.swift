import Testing

@testable import Chat

private func rates(_ input: String, _ output: String, _ cached: String? = nil) -> ModelPrice.Rates {
    ModelPrice.Rates(
        input: Money(dollarsPerMillionTokens: input)!, output: Money(dollarsPerMillionTokens: output)!,
        cachedInput: cached.map { Money(dollarsPerMillionTokens: $0)! })
}

private func request(_ text: String, maxTokens: Int = 100) -> ModelRequest {
    ModelRequest(messages: [ChatMessage(role: .user, text: text)], temperature: 0, maxTokens: maxTokens)
}

@Suite(.timeLimit(.minutes(1))) struct ModelPriceTests {
    private let mini = ModelPrice(rates("0.15", "0.60", "0.075"))
    private let pro = ModelPrice(
        rates("1.25", "10", "0.125"), above: .init(tokens: 200_000, rates: rates("2.5", "15", "0.25")))

    @Test func aPriceIsExactDownToTheToken() {
        #expect(Money(dollarsPerMillionTokens: "0.15") == Money(picodollars: 150_000))
        #expect(Money(dollarsPerMillionTokens: "0.000001") == Money(picodollars: 1))
        #expect(Money(dollarsPerMillionTokens: "0.0000001") == nil)
        #expect(Money(dollarsPerMillionTokens: "1000000.1") == nil)
    }

    /// By hand: 1,000 prompt tokens of which 400 were cached and 200 of completion are
    /// 600 × 150,000 + 400 × 75,000 + 200 × 600,000 = 240,000,000 pico-dollars.
    @Test func costsWhatTheProviderBills() {
        let usage = TokenUsage(prompt: 1_000, cachedPrompt: 400, completion: 200)
        #expect(mini.cost(of: usage) == Money(picodollars: 240_000_000))
        #expect(mini.cost(of: TokenUsage(prompt: 1_000, completion: 0)) == Money(picodollars: 150_000_000))
        #expect(ModelPrice.free.cost(of: usage) == .zero)
        let plain = ModelPrice(rates("0.15", "0.60"))
        #expect(plain.cost(of: usage) == Money(picodollars: 270_000_000), "cached input is not free")
    }

    /// 200,000 × 1,250,000 + 10 × 10,000,000; and 200,001 × 2,500,000 + 10 × 15,000,000.
    @Test func aLongPromptCostsTheHigherRatesForTheWholeOfIt() {
        #expect(
            pro.cost(of: TokenUsage(prompt: 200_000, completion: 10)) == Money(picodollars: 250_100_000_000))
        #expect(
            pro.cost(of: TokenUsage(prompt: 200_001, completion: 10)) == Money(picodollars: 500_152_500_000))
        #expect(
            pro.cost(of: TokenUsage(prompt: 300_000, cachedPrompt: 300_000, completion: 0))
                == Money(picodollars: 75_000_000_000))
    }

    @Test func theWorstCaseIsNeverLessThanTheCost() {
        let cheapWhenLong = ModelPrice(rates("2", "8", "3"), above: .init(tokens: 500, rates: rates("1", "4")))
        for price in [mini, pro, cheapWhenLong] {
            for prompt in [0, 1, 499, 500, 501, 200_000, 200_001] {
                let worst = price.worstCase(prompt: prompt + 200, completion: 50)
                for (cached, completion) in [(0, 0), (0, 50), (prompt, 50), (prompt / 2, 10)] {
                    let usage = TokenUsage(prompt: prompt, cachedPrompt: cached, completion: completion)
                    #expect(price.cost(of: usage) <= worst)
                }
            }
        }
    }

    @Test func noUsageWrapsAround() {
        let dear = ModelPrice(rates("1000000", "1000000"))
        #expect(dear.cost(of: TokenUsage(prompt: .max, completion: .max)) == .maximum)
        #expect(dear.worstCase(prompt: .max, completion: .max) == .maximum)
    }

    @Test func aCountOfCachedTokensIsNeverMoreThanThePrompt() {
        #expect(TokenUsage(prompt: 5, cachedPrompt: 9, completion: 0).cachedPrompt == 5)
    }
}

@Suite(.timeLimit(.minutes(1))) struct PriceListTests {
    private let cheap = ModelPrice(rates("0.10", "0.40"))
    private let dear = ModelPrice(rates("5", "30"))

    @Test func reservesForTheDearestProviderOfTheChain() throws {
        let hello = request("hello", maxTokens: 10)
        let list = PriceList(["gemini": cheap, "openai": dear])
        #expect(list.worstCase(of: hello) == dear.worstCase(prompt: hello.promptBound, completion: 10))
        #expect(hello.promptBound >= 5)
    }

    @Test func onlyWhatMayAnswerCounts() {
        let hello = request("hello", maxTokens: 10)
        let list = PriceList(["gemini": cheap, "openai": dear, "echo": nil])
        #expect(
            list.worstCase(of: hello, among: ["gemini"]) == cheap.worstCase(prompt: hello.promptBound, completion: 10))
        #expect(list.worstCase(of: hello, among: ["gemini", "openai"]) != list.worstCase(of: hello, among: ["gemini"]))
        #expect(list.worstCase(of: hello, among: ["gemini", "echo"]) == nil && list.worstCase(of: hello) == nil)
    }

    @Test func whatNobodyKnowsIsUnknownAndNotFree() throws {
        let list = PriceList(["gemini": cheap, "openai": nil])
        #expect(list.worstCase(of: request("hello")) == nil)
        #expect(list.cost(of: TokenUsage(prompt: 1, completion: 1), from: "openai") == nil)
        #expect(list.cost(of: TokenUsage(prompt: 1, completion: 1), from: "another") == nil)
        #expect(list.cost(of: TokenUsage(prompt: 1, completion: 1), from: "gemini") == Money(picodollars: 500_000))
    }

    @Test func theProvidersOwnFigureComesFirst() {
        let charge = Money(picodollars: 7)
        let usage = TokenUsage(prompt: 1, completion: 1, charge: charge)
        #expect(PriceList(["openrouter": nil]).cost(of: usage, from: "openrouter") == charge)
        #expect(PriceList(["openrouter": dear]).cost(of: usage, from: "openrouter") == charge)
    }

    @Test(arguments: ["a", "€", "👩‍👩‍👧‍👦", "\u{FDFA}", String(repeating: "\u{1F600}", count: 1_000)])
    func boundsAPromptByItsBytes(_ text: String) throws {
        #expect(request(text).promptBound > text.utf8.count)
    }
}
