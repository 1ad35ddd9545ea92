internal import Chat
internal import StrictJSON

/// What the JSON documents of one provider's reply mean. One value reads one reply.
protocol ReplyFormat: Sendable {
    var draft: ReplyDraft { get set }

    /// Whether text may follow a finish reason all the same, so that it is worth waiting for.
    var mayGoOn: Bool { get }

    /// Takes the next document.
    ///
    /// - Returns: the text that it adds to the answer; empty for none.
    mutating func read(_ document: JSON) throws(ModelFailure) -> String
}

/// An answer while it is being read.
struct ReplyDraft: Sendable {
    let provider: String
    private(set) var model: String
    private var id: String?
    private var text = ""
    var calls: ToolCallDraft
    /// The last that the provider said; nil for nothing.
    var usage: TokenUsage?
    /// Why the provider said that the answer ends here; nil as long as it did not.
    var finishReason: FinishReason?

    init(provider: String, model: String, tools: Tools?) {
        self.provider = provider
        self.model = model
        calls = ToolCallDraft(tools)
    }

    /// Adds to the answer. Control characters other than tab and newline go: U+0000 would end the text in the database,
    /// and the cached answer would be another one than the first.
    ///
    /// - Returns: what was added.
    mutating func take(_ more: String) -> String {
        let clean = Self.clean(more)
        text += clean
        return clean
    }

    mutating func take(model name: String) { model = Self.clean(name) }

    /// - Parameter name: the provider's own for this answer, the same in each chunk.
    mutating func take(id name: String?) {
        if id == nil, let name, !name.isEmpty { id = String(Self.clean(name).prefix(Self.longestID)) }
    }

    /// Characters of an answer's id.
    private static let longestID = 256

    private static func clean(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Prompt.isForbidden) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { !Prompt.isForbidden($0) }))
    }

    func failure(_ reason: ModelFailure.Reason, _ detail: String) -> ModelFailure {
        ModelFailure(provider: provider, reason: reason, detail: detail)
    }

    /// What came of it until nobody waited for it any more.
    func abandoned(_ request: ModelRequest) -> AbandonedCall {
        AbandonedCall(
            text: text, model: model, provider: provider, usage: usage ?? .estimate(of: request, answer: said))
    }

    /// Text and calls, for an estimate.
    private var said: String { text + calls.said.map { $0.name + $0.arguments }.joined() }

    /// - Parameters:
    ///   - request: what is answered, for an estimate where the provider did not count.
    ///   - isWhole: the form of the reply proves that nothing is missing.
    func answer(to request: ModelRequest, isWhole: Bool) throws(ModelFailure) -> ModelAnswer {
        guard finishReason != nil || isWhole else {
            throw failure(
                text.isEmpty && calls.calls.isEmpty ? .unreachable : .truncated,
                "the reply ended before the answer was finished")
        }
        guard calls.calls.allSatisfy({ !$0.name.isEmpty }) else { throw failure(.malformed, "a tool call has no name") }
        guard !calls.calls.isEmpty || text.contains(where: { !$0.isWhitespace }) else {
            throw finishReason == .length
                ? failure(
                    .outOfTokens, "all tokens were used up before any text; CHAT_MAX_TOKENS is too low for this model")
                : failure(.empty, "the reply has no text")
        }
        let isForTools = !calls.calls.isEmpty && finishReason != .length
        return ModelAnswer(
            text: text, toolCalls: calls.calls, model: model, provider: provider,
            usage: usage ?? .estimate(of: request, answer: said),
            finishReason: isForTools ? .toolCalls : finishReason ?? .stop, responseID: id)
    }
}

extension JSON {
    /// A member that is a whole number.
    func count(_ name: String) -> Int? { self[name]?.int.flatMap { Int(exactly: $0) } }

    /// Of the choices or candidates in a chunk the first one, in whatever order they come; the others are answers that
    /// nobody asked for. Without an index it is the first one: Google leaves zeros out.
    var firstAnswer: JSON? {
        array?.first { ($0["index"]?.int ?? 0) == 0 }
    }
}
