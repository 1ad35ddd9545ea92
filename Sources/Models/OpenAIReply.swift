internal import Chat
internal import StrictJSON

/// OpenAI's chat.completion.chunk, or one chat.completion from a server that does not stream.
struct OpenAIReply: ReplyFormat {
    private(set) var draft: ReplyDraft
    let mayGoOn = false

    init(provider: String, model: String) {
        draft = ReplyDraft(provider: provider, model: model)
    }

    mutating func read(_ document: JSON) throws(ModelFailure) -> String {
        guard document.object != nil else { throw draft.failure(.malformed, "a chunk is no object") }
        if let report = ErrorReport(in: document) { throw report.failure(of: draft.provider) }
        if let model = document["model"]?.string, !model.isEmpty { draft.take(model: model) }
        if let usage = document["usage"], usage.object != nil { draft.usage = Self.usage(usage) }
        // The chunk with the usage has no choice.
        guard let choice = document["choices"]?.firstAnswer else { return "" }
        if let report = ErrorReport(in: choice) { throw report.failure(of: draft.provider) }
        let text = Self.text(of: (choice["delta"] ?? choice["message"])?["content"])
        switch choice["finish_reason"]?.string {
        case nil, "":
            break
        case "content_filter":
            throw draft.failure(.filtered(reason: "content_filter"), "the answer was stopped")
        case "error", "abort":
            throw draft.failure(.serverError(status: 500, retryAfter: nil), "the answer was broken off")
        case "length", "max_tokens", "model_length":
            draft.finishReason = .length
        default:
            // stop, and what other servers call it.
            draft.finishReason = .stop
        }
        return draft.take(text)
    }

    /// Content is a text or, from Mistral and others, a list of parts, of which thoughts are no answer.
    private static func text(of content: JSON?) -> String {
        guard let parts = content?.array else { return content?.string ?? "" }
        return parts.filter { ($0["type"]?.string ?? "text") == "text" }
            .compactMap { $0.string ?? $0["text"]?.string }
            .joined()
    }

    private static func usage(_ usage: JSON) -> TokenUsage {
        func count(_ name: String) -> Int? { usage[name]?.int.flatMap { Int(exactly: $0) } }
        return TokenUsage(
            prompt: count("prompt_tokens") ?? 0, completion: count("completion_tokens") ?? 0,
            total: count("total_tokens"))
    }
}
