public import FoundationEssentials

/// Names an exchange: positive, growing with the time of the question (``ExchangeIDGenerator``). `msg_` and 16 hexadecimal
/// digits on the wire.
public struct ExchangeID: Sendable, Hashable {
    public let number: Int64
    public var text: String { tagged("msg_", number) }

    public init(number: Int64) { self.number = number }
    public init?(_ text: some StringProtocol) {
        guard let number = untagged("msg_", text) else { return nil }
        self.number = number
    }
}

/// Names a conversation by its first exchange. `conv_` and 16 hexadecimal digits on the wire.
public struct ConversationID: Sendable, Hashable {
    public let first: ExchangeID
    public var text: String { tagged("conv_", first.number) }

    public init(first: ExchangeID) { self.first = first }
    public init?(_ text: some StringProtocol) {
        guard let number = untagged("conv_", text) else { return nil }
        first = ExchangeID(number: number)
    }
}

private func tagged(_ tag: StaticString, _ number: Int64) -> String {
    let start = tag.utf8CodeUnitCount
    return String(unsafeUninitializedCapacity: start + 16) { text in
        tag.withUTF8Buffer { _ = text.update(fromContentsOf: $0) }
        for place in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: number >> (60 - 4 * place)) & 0xF
            text[start + place] = digit < 10 ? 0x30 + digit : 0x57 + digit
        }
        return start + 16
    }
}

private func untagged(_ tag: String, _ text: some StringProtocol) -> Int64? {
    guard text.hasPrefix(tag), text.utf8.count == tag.utf8.count + 16 else { return nil }
    let digits = text.dropFirst(tag.count)
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
    return Int64(digits, radix: 16)
}

/// An answer, whoever gave it: all that was said.
public struct Answer: Sendable, Equatable {
    public enum Origin: Sendable, Equatable {
        case model(name: String, provider: String)
        case cache(name: String, provider: String)
        /// A dangerous message that no model saw.
        case blocked
    }

    public let text: String
    /// What the caller is asked to call, in order.
    public let toolCalls: [ToolCall]
    public let origin: Origin
    /// An expired answer from the cache, given because no model answered.
    public let isStale: Bool
    /// What this answer cost when it was made.
    public let usage: TokenUsage
    public let finishReason: FinishReason
    /// What it costs whoever asked; nil when nobody knows.
    public let cost: Money?
    /// What it would have cost, had it not been there already; nil when nobody knows.
    public let saved: Money?

    /// - Parameter price: of a fresh answer what it cost, of one from the cache what it saved; nil when nobody knows.
    public init(
        text: String, toolCalls: [ToolCall] = [], origin: Origin, isStale: Bool = false,
        usage: TokenUsage = TokenUsage(prompt: 0, completion: 0), finishReason: FinishReason = .stop,
        price: Money? = nil
    ) {
        self.text = text
        self.toolCalls = toolCalls
        self.origin = origin
        self.isStale = isStale
        self.usage = usage
        self.finishReason = origin == .blocked ? .blocked : finishReason
        switch origin {
        case .model: (cost, saved) = (price, .zero)
        case .cache: (cost, saved) = (.zero, price)
        case .blocked: (cost, saved) = (.zero, .zero)
        }
    }

    init(_ answer: ModelAnswer, prices: PriceList) {
        self.init(
            text: answer.text, toolCalls: answer.toolCalls,
            origin: .model(name: answer.model, provider: answer.provider), usage: answer.usage,
            finishReason: answer.finishReason, price: prices.cost(of: answer.usage, from: answer.provider))
    }

    init(_ call: AbandonedCall, prices: PriceList) {
        self.init(
            text: call.text, origin: .model(name: call.model, provider: call.provider), usage: call.usage,
            price: prices.cost(of: call.usage, from: call.provider))
    }

    init(_ hit: CachedAnswer, isStale: Bool = false, prices: PriceList) {
        self.init(
            text: hit.text, toolCalls: hit.toolCalls, origin: .cache(name: hit.model, provider: hit.provider),
            isStale: isStale, usage: hit.usage, finishReason: hit.finishReason,
            price: prices.cost(of: hit.usage, from: hit.provider))
    }

    public var model: String? {
        switch origin {
        case .model(let name, _), .cache(let name, _): name
        case .blocked: nil
        }
    }
    public var provider: String? {
        switch origin {
        case .model(_, let provider), .cache(_, let provider): provider
        case .blocked: nil
        }
    }
    public var isCached: Bool { if case .cache = origin { true } else { false } }
    public var isBlocked: Bool { origin == .blocked }

    /// Text and calls in one, as it is stored and as history shows it.
    public var storedText: String { StoredAnswer(text: text, toolCalls: toolCalls).stored(finishReason) }
}

/// A question and its answer, together: what is recorded, and what history shows.
public struct Exchange: Sendable {
    public let id: ExchangeID
    public let conversation: ConversationID
    /// The exchange that it follows in its conversation; nil for a beginning.
    public let parent: ExchangeID?
    public let question: String
    public let answer: Answer
    /// The category of the attack that the question looks like.
    public let danger: String?
    /// When it was asked.
    public let created: Date
    /// A message was reserved for it, whatever became of that: it counts as a request of its key already.
    public var wasReserved = false
    /// The answer in the cache that it has given or was given (``CacheKey/prefix``); nil for none.
    public var cachedAnswer: UInt64?
    /// Its conversation was deleted while it was asked: nothing of its texts is kept, here or elsewhere.
    public var isForgotten = false
    /// Its caller has stopped it, and others wait for the answer: nothing of its texts is kept for him.
    public var isUnwanted = false
    /// How the rates of the key stand now that it is recorded, unless it was reserved before; nil for a session.
    public var rates: RateReport?

    public init(
        id: ExchangeID, conversation: ConversationID, parent: ExchangeID? = nil, question: String, answer: Answer,
        danger: String?, created: Date
    ) {
        self.id = id
        self.conversation = conversation
        self.parent = parent
        self.question = question
        self.answer = answer
        self.danger = danger
        self.created = created
    }

    /// Without the pattern that older programs stored behind it.
    public var dangerCategory: String? { danger.map { String($0.prefix { $0 != ":" }) } }
}
