/// What a model costs: micro-dollars a million tokens, which are pico-dollars a token.
public struct ModelPrice: Sendable, Hashable {
    public struct Rates: Sendable, Hashable {
        public let input: Money
        public let output: Money
        /// Input that the provider has kept from an earlier request.
        public let cachedInput: Money
        /// Input that the provider writes into its cache for later requests.
        public let cacheWrite: Money

        /// - Parameters:
        ///   - cachedInput: nil when it costs as much as any.
        ///   - cacheWrite: nil when it costs as much as any.
        public init(input: Money, output: Money, cachedInput: Money? = nil, cacheWrite: Money? = nil) {
            self.input = input
            self.output = output
            self.cachedInput = cachedInput ?? input
            self.cacheWrite = cacheWrite ?? input
        }

        /// What a token of the prompt can cost at most.
        fileprivate var dearestInput: Money { max(input, cachedInput, cacheWrite) }

        fileprivate func cost(of usage: TokenUsage) -> Money {
            input * (usage.prompt - usage.cachedPrompt - usage.writtenPrompt) + cachedInput * usage.cachedPrompt
                + cacheWrite * usage.writtenPrompt + output * usage.completion
        }

        /// The dearer of each two.
        fileprivate func or(_ other: Rates) -> Rates {
            Rates(
                input: max(input, other.input), output: max(output, other.output),
                cachedInput: max(cachedInput, other.cachedInput), cacheWrite: max(cacheWrite, other.cacheWrite))
        }
    }

    /// The rates of a request whose prompt has more tokens than that: they hold for the whole of it.
    public struct Tier: Sendable, Hashable {
        public let tokens: Int
        public let rates: Rates

        public init(tokens: Int, rates: Rates) {
            self.tokens = tokens
            self.rates = rates
        }
    }

    public static let free = ModelPrice(Rates(input: .zero, output: .zero))

    public let rates: Rates
    public let above: Tier?

    public init(_ rates: Rates, above: Tier? = nil) {
        self.rates = rates
        self.above = above
    }

    /// What the provider counted, at these rates.
    public func cost(of usage: TokenUsage) -> Money {
        let rates = above.flatMap { usage.prompt > $0.tokens ? $0.rates : nil } ?? rates
        return rates.cost(of: usage)
    }

    /// The most that a request can cost, before anybody has counted its tokens.
    ///
    /// - Parameters:
    ///   - prompt: the most tokens that it can have.
    ///   - completion: the most tokens that its answer may have.
    public func worstCase(prompt: Int, completion: Int) -> Money {
        // The bound may lie above the tier's edge, and the prompt below it.
        let rates = above.flatMap { prompt > $0.tokens ? $0.rates.or(self.rates) : nil } ?? rates
        return rates.dearestInput * prompt + rates.output * completion
    }
}

/// What each provider that can be asked costs.
public struct PriceList: Sendable {
    private let prices: [String: ModelPrice]
    private let all: [String]

    /// - Parameter prices: by the provider's setting name; nil for a price that nobody knows.
    public init(_ prices: [String: ModelPrice?]) {
        self.prices = prices.compactMapValues { $0 }
        all = Array(prices.keys)
    }

    /// The most that a request can cost, whichever provider answers it.
    ///
    /// - Parameter providers: those that may answer; nil for all.
    /// - Returns: nil when one of them has no known price.
    public func worstCase(of request: ModelRequest, among providers: [String]? = nil) -> Money? {
        let prompt = request.promptBound
        var dearest: Money?
        for provider in providers ?? all {
            guard let price = prices[provider] else { return nil }
            dearest = max(dearest ?? .zero, price.worstCase(prompt: prompt, completion: request.maxTokens))
        }
        return dearest
    }

    /// What an answer cost: as the provider itself says, else by its price.
    ///
    /// - Returns: nil when nobody knows, which is not the same as nothing.
    public func cost(of usage: TokenUsage, from provider: String) -> Money? {
        usage.charge ?? prices[provider]?.cost(of: usage)
    }
}

extension ModelRequest {
    /// More tokens than any tokenizer makes of the request: none makes more than one of a byte, and each message has a few
    /// for itself.
    public var promptBound: Int {
        var bound = messages.reduce(16) { $0 + $1.text.utf8.count + ($1.name?.utf8.count ?? 0) + 16 }
        if case .jsonSchema(let schema)? = sampling.format { bound += schema.utf8.count }
        return bound + toolBytes
    }
}
