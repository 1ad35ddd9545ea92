public import Chat
internal import StrictJSON

/// What models cost: the operator's own prices before the ones that are built in.
///
/// A price is found under the model's name as it is configured. OpenRouter's names of OpenAI's and Google's models are found
/// without the maker's name too, because it charges what they do (openrouter.ai/docs/faq).
public struct PriceTable: Sendable {
    /// The operator's own.
    private let prices: [String: ModelPrice]

    /// Only the prices that are built in.
    public static let builtIn = PriceTable(prices: [:])

    private init(prices: [String: ModelPrice]) { self.prices = prices }

    /// - Parameter json: a JSON object of models by their names, each with `input` and `output` and, where they differ,
    ///   `cached_input`, `cache_write` and `above`, in dollars a million tokens with at most six digits after the
    ///   point.
    /// - Throws: ``InvalidPrice`` for anything else: a name that is misspelt must not make something free.
    public init(json: [UInt8]) throws(InvalidPrice) {
        self.init(prices: try Self.read(json))
    }

    /// - Returns: nil when nobody has said what it costs.
    public func price(of model: String) -> ModelPrice? {
        if let price = prices[model] ?? Self.builtIn(model) { return price }
        let parts = model.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, ["openai", "google", "models"].contains(parts[0]) else { return nil }
        let name = String(parts[1])
        return prices[name] ?? Self.builtIn(name)
    }

    private static func price(of model: String, _ json: JSON) throws(InvalidPrice) -> ModelPrice {
        try Entry(json, of: model, members: Entry.rates + ["above"]).price()
    }

    private static func read(_ json: [UInt8]) throws(InvalidPrice) -> [String: ModelPrice] {
        let document: JSON
        do { document = try JSON(parsing: json) } catch { throw InvalidPrice("is not JSON: \(error.message)") }
        guard let models = document.object else { throw InvalidPrice("must be an object of models by their names") }
        var prices: [String: ModelPrice] = [:]
        for (model, price) in models.sorted(by: { $0.key < $1.key }) {
            guard !model.isEmpty else { throw InvalidPrice("has a model without a name") }
            prices[model] = try Self.price(of: model, price)
        }
        return prices
    }

    /// Only this one is read: no process asks for more than a few.
    private static func builtIn(_ model: String) -> ModelPrice? {
        guard let text = builtInPrices[model] else { return nil }
        do { return try price(of: model, JSON(parsing: Array(text.utf8))) } catch {
            preconditionFailure("built-in price of \(model): \(error)")
        }
    }
}

/// Why prices cannot be used, in words for the operator.
public struct InvalidPrice: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// One model's object, or the `above` in it.
private struct Entry {
    static let rates = ["input", "output", "cached_input", "cache_write"]

    private let name: String
    private let object: [String: JSON]

    init(_ json: JSON, of name: String, members: [String]) throws(InvalidPrice) {
        guard let object = json.object else { throw InvalidPrice("\(name): must be an object") }
        if let unknown = object.keys.sorted().first(where: { !members.contains($0) }) {
            throw InvalidPrice("\(name): “\(unknown)” is none of \(members.joined(separator: ", "))")
        }
        self.name = name
        self.object = object
    }

    func price() throws(InvalidPrice) -> ModelPrice {
        guard let input = try rate("input"), let output = try rate("output") else {
            throw InvalidPrice("\(name): input and output are both needed")
        }
        let rates = ModelPrice.Rates(
            input: input, output: output, cachedInput: try rate("cached_input"), cacheWrite: try rate("cache_write"))
        guard let above = object["above"] else { return ModelPrice(rates) }
        let tier = try Entry(
            above, of: "\(name): above", members: Self.rates + ["tokens"])
        return ModelPrice(rates, above: try tier.tier(over: rates))
    }

    /// What a tier does not say is as below it, but what is read from a cache or written to one as all of its input.
    private func tier(over rates: ModelPrice.Rates) throws(InvalidPrice) -> ModelPrice.Tier {
        guard let tokens = object["tokens"]?.int.flatMap({ Int(exactly: $0) }), tokens > 0 else {
            throw InvalidPrice("\(name): tokens must be a whole number above 0")
        }
        let input = try rate("input")
        let cached = try rate("cached_input") ?? input ?? rates.cachedInput
        let written = try rate("cache_write") ?? input ?? rates.cacheWrite
        return ModelPrice.Tier(
            tokens: tokens,
            rates: ModelPrice.Rates(
                input: input ?? rates.input, output: try rate("output") ?? rates.output, cachedInput: cached,
                cacheWrite: written))
    }

    private func rate(_ member: String) throws(InvalidPrice) -> Money? {
        let text: String
        switch object[member] {
        case nil: return nil
        case .int(let number): text = String(number)
        // The shortest decimal that reads back as the same number: the one that was written, up to 15 digits.
        case .double(let number): text = number.description
        default: throw InvalidPrice("\(name): \(member) must be a number of dollars a million tokens")
        }
        guard let rate = Money(dollarsPerMillionTokens: text) else {
            throw InvalidPrice(
                "\(name): \(member) must be from 0 to 1000000 dollars a million tokens, with at most 6 digits after the "
                    + "point; is \(text)")
        }
        return rate
    }
}
