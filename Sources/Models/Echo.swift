public import Chat

/// The built-in provider for whoever has no key: says the question back, word by word, at once and always the same.
///
/// Its token is a run of characters without white space: in all messages for the prompt, in the answer for the completion. An answer stops after ``ModelRequest/maxTokens`` of them.
public struct Echo: LanguageModel {
    public static let model = "echo-1"

    public init() {}

    /// It calls no tools, and an echo has no form.
    public func supports(_ request: ModelRequest) -> Bool { !request.usesTools && request.sampling.format == nil }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        let all = Self.pieces(of: "You said: \(request.messages.last?.text ?? "")")
        let pieces = all.prefix(max(1, request.maxTokens))
        for piece in pieces {
            try Task.checkCancellation()
            onDelta?.take(.text(piece))
        }
        let prompt = request.messages.reduce(0) { $0 + Self.words(in: $1.text) }
        return ModelAnswer(
            text: pieces.joined(), model: Self.model, provider: "echo",
            usage: TokenUsage(prompt: prompt, completion: pieces.count),
            finishReason: pieces.count < all.count ? .length : .stop)
    }

    private static func words(in text: String) -> Int {
        text.split(whereSeparator: \.isWhitespace).count
    }

    /// Words with the white space before them, so that together they are the text.
    private static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        var hasWord = false
        for character in text {
            if character.isWhitespace, hasWord {
                pieces.append(piece)
                piece = ""
                hasWord = false
            }
            piece.append(character)
            hasWord = hasWord || !character.isWhitespace
        }
        return hasWord ? pieces + [piece] : pieces
    }
}
