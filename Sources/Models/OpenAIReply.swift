internal import Chat
internal import StrictJSON

/// OpenAI's chat.completion.chunk, or one chat.completion from a server that does not stream.
struct OpenAIReply: ReplyFormat {
    var draft: ReplyDraft
    let mayGoOn = false

    private let takesCalls: Bool

    /// - Parameter tools: without tools to call a call is no answer.
    init(provider: String, model: String, tools: Tools? = nil) {
        takesCalls = tools != nil
        draft = ReplyDraft(provider: provider, model: model, tools: tools)
    }

    mutating func read(_ document: JSON) throws(ModelFailure) -> String {
        guard document.object != nil else { throw draft.failure(.malformed, "a chunk is no object") }
        if let report = ErrorReport(in: document) { throw report.failure(of: draft.provider) }
        if let model = document["model"]?.string, !model.isEmpty { draft.take(model: model) }
        draft.take(id: document["id"]?.string)
        if let usage = document["usage"], usage.object != nil { draft.usage = self.usage(usage) }
        // The chunk with the usage has no choice.
        guard let choice = document["choices"]?.firstAnswer else { return "" }
        if let report = ErrorReport(in: choice) { throw report.failure(of: draft.provider) }
        let message = choice["delta"] ?? choice["message"]
        let text = Self.text(of: message?["content"])
        if takesCalls { for call in message?["tool_calls"]?.array ?? [] { take(call) } }
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
            // stop, tool_calls, and what other servers call them: the calls themselves say more.
            draft.finishReason = .stop
        }
        return draft.take(text)
    }

    /// A call, or a fragment of one.
    private mutating func take(_ call: JSON) {
        let function = call["function"]
        let arguments = function?["arguments"]
        draft.calls.take(
            at: call["index"]?.int.flatMap { Int(exactly: $0) }, id: call["id"]?.string,
            name: function?["name"]?.string,
            arguments: arguments?.object.map {
                String(decoding: JSONWriter.value(JSON.object($0), escapes: .plain), as: UTF8.self)
            }
                ?? arguments?.string ?? "",
            thoughtSignature: call["extra_content"]?["google"]?["thought_signature"]?.string)
    }

    /// Content is a text or, from Mistral and others, a list of parts, of which thoughts are no answer.
    private static func text(of content: JSON?) -> String {
        guard let parts = content?.array else { return content?.string ?? "" }
        return parts.filter { ($0["type"]?.string ?? "text") == "text" }
            .compactMap { $0.string ?? $0["text"]?.string }
            .joined()
    }

    /// Reasoning is a part of the completion, but for servers (xAI's) that count it beside it, as their total shows.
    private func usage(_ usage: JSON) -> TokenUsage {
        let (prompt, total) = (usage.count("prompt_tokens") ?? 0, usage.count("total_tokens"))
        var completion = usage.count("completion_tokens") ?? 0
        let reasoning = usage["completion_tokens_details"]?.count("reasoning_tokens") ?? 0
        if let total, total &- prompt &- completion == reasoning { completion &+= reasoning }
        let details = usage["prompt_tokens_details"]
        return TokenUsage(
            prompt: prompt, cachedPrompt: details?.count("cached_tokens") ?? 0,
            writtenPrompt: details?.count("cache_write_tokens") ?? 0, completion: completion,
            reasoning: reasoning, total: total, charge: charge(usage))
    }

    /// OpenRouter's `cost`, in dollars (openrouter.ai/docs, Usage Accounting). With a key of one's own at the provider behind
    /// it, that is OpenRouter's fee, and the provider's part stands beside it. Another server's `cost` may mean anything.
    private func charge(_ usage: JSON) -> Money? {
        guard draft.provider == OpenAICompatible.Service.openrouter.rawValue,
            let cost = usage["cost"]?.double.flatMap(Money.init(charged:))
        else { return nil }
        guard usage["is_byok"]?.bool == true else { return cost }
        let upstream = usage["cost_details"]?["upstream_inference_cost"]?.double
        return upstream.flatMap(Money.init(charged:)).map { cost + $0 }
    }
}
