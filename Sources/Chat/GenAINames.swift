/// OpenTelemetry's names for what concerns models, all in one place: the conventions are in development, and rename.
///
/// Source: open-telemetry/semantic-conventions-genai, docs/gen-ai (gen-ai-metrics.md, gen-ai-spans.md), August 2026.
public enum GenAINames {
    public static let operationDuration = "gen_ai.client.operation.duration"
    public static let tokenUsage = "gen_ai.client.token.usage"

    public static let operationName = "gen_ai.operation.name"
    /// The one operation that there is here.
    public static let chat = "chat"
    public static let providerName = "gen_ai.provider.name"
    public static let requestModel = "gen_ai.request.model"
    public static let requestTemperature = "gen_ai.request.temperature"
    public static let requestMaxTokens = "gen_ai.request.max_tokens"
    public static let requestTopP = "gen_ai.request.top_p"
    public static let requestStopSequences = "gen_ai.request.stop_sequences"
    public static let requestStream = "gen_ai.request.stream"
    public static let responseID = "gen_ai.response.id"
    public static let responseModel = "gen_ai.response.model"
    public static let responseFinishReasons = "gen_ai.response.finish_reasons"
    public static let responseTimeToFirstChunk = "gen_ai.response.time_to_first_chunk"
    public static let inputTokens = "gen_ai.usage.input_tokens"
    public static let outputTokens = "gen_ai.usage.output_tokens"
    public static let cachedInputTokens = "gen_ai.usage.cache_read.input_tokens"
    public static let reasoningTokens = "gen_ai.usage.reasoning.output_tokens"
    public static let conversationID = "gen_ai.conversation.id"
    public static let inputMessages = "gen_ai.input.messages"
    public static let outputMessages = "gen_ai.output.messages"
    public static let tokenType = "gen_ai.token.type"
    public static let errorType = "error.type"
    public static let serverAddress = "server.address"
    public static let serverPort = "server.port"

    /// Seconds: 0.01 × 2ⁿ.
    public static let durationBuckets = (0..<14).map { 0.01 * Double(1 << $0) }
    /// Tokens: 4ⁿ.
    public static let tokenBuckets = (0..<14).map { 1 << (2 * $0) }

    /// What the conventions call a provider of ours; OpenRouter has no name of theirs.
    public static func provider(_ name: String) -> String { name == "gemini" ? "gcp.gemini" : name }
}
