internal import Chat
internal import StrictJSON

/// Google's GenerateContentResponse: one a chunk, or an array of them, or one for all (ai.google.dev/api/generate-content).
///
/// Parts that are thoughts are no answer. Older models say STOP in each chunk and take it back with the text of the next;
/// one that has sent text without a finish reason is none of these.
struct GeminiReply: ReplyFormat {
    var draft: ReplyDraft
    private(set) var mayGoOn = true

    private let takesCalls: Bool

    /// - Parameter tools: without tools to call a call is no answer.
    init(model: String, tools: Tools? = nil) {
        takesCalls = tools != nil
        draft = ReplyDraft(provider: "gemini", model: model, tools: tools)
    }

    mutating func read(_ document: JSON) throws(ModelFailure) -> String {
        if let documents = document.array {
            var text = ""
            for document in documents { text += try read(document) }
            return text
        }
        guard document.object != nil else { throw draft.failure(.malformed, "a chunk is no object") }
        if let report = ErrorReport(in: document) { throw report.failure(of: draft.provider) }
        if let version = document["modelVersion"]?.string, !version.isEmpty { draft.take(model: version) }
        draft.take(id: document["responseId"]?.string)
        if let usage = document["usageMetadata"], usage.object != nil { draft.usage = Self.usage(usage) }
        if let reason = document["promptFeedback"]?["blockReason"]?.string {
            throw draft.failure(.filtered(reason: reason), "the prompt was blocked")
        }
        guard let candidate = document["candidates"]?.firstAnswer else { return "" }
        let parts = (candidate["content"]?["parts"]?.array ?? []).filter { $0["thought"]?.bool != true }
        let text = parts.compactMap { $0["text"]?.string }.joined()
        let calls = takesCalls ? parts.filter { $0["functionCall"]?["name"] != nil } : []
        for part in calls { take(part) }
        if let reason = candidate["finishReason"]?.string {
            try finish(reason)
        } else if !text.isEmpty || !calls.isEmpty {
            draft.finishReason = nil
            mayGoOn = false
        }
        return draft.take(text)
    }

    /// A call, which is always whole.
    private mutating func take(_ part: JSON) {
        guard let call = part["functionCall"], let name = call["name"]?.string else { return }
        draft.calls.take(
            id: call["id"]?.string ?? "", name: name,
            arguments: String(decoding: JSONWriter.value(call["args"] ?? .object([:]), escapes: .plain), as: UTF8.self),
            thoughtSignature: part["thoughtSignature"]?.string)
    }

    private mutating func finish(_ reason: String) throws(ModelFailure) {
        if Self.filterWords.contains(where: reason.contains) {
            throw draft.failure(.filtered(reason: reason), "the answer was stopped")
        }
        switch reason {
        case "FINISH_REASON_UNSPECIFIED":
            break
        case "LANGUAGE", "OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS":
            throw draft.failure(.malformed, "the model broke off: \(reason)")
        case "MAX_TOKENS":
            draft.finishReason = .length
        default:
            // STOP, and names to come: what had to be said was said.
            draft.finishReason = .stop
        }
    }

    /// Parts of names, because each has variants: IMAGE_SAFETY, IMAGE_PROHIBITED_CONTENT.
    private static let filterWords = ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"]

    /// Thinking is billed as output, and comes in a count of its own; so do the results of tools, billed as input. What
    /// was cached is in the prompt's count.
    private static func usage(_ usage: JSON) -> TokenUsage {
        func count(_ name: String) -> Int { usage.count(name) ?? 0 }
        return TokenUsage(
            prompt: count("promptTokenCount") &+ count("toolUsePromptTokenCount"),
            cachedPrompt: count("cachedContentTokenCount"),
            completion: count("candidatesTokenCount") &+ count("thoughtsTokenCount"),
            reasoning: count("thoughtsTokenCount"), total: usage.count("totalTokenCount"))
    }
}
