public import Chat
internal import Curl
internal import StrictJSON

/// OpenAI's chat completions, as OpenRouter, vLLM, Ollama, llama.cpp and OpenAI itself offer them.
public struct OpenAICompatible: LanguageModel {
    /// Under which name answers and failures are reported, and whose address is the default.
    public enum Service: String, Sendable {
        case openrouter, openai

        public var defaultBaseURL: String {
            switch self {
            case .openrouter: "https://openrouter.ai/api/v1"
            case .openai: "https://api.openai.com/v1"
            }
        }
    }

    private let service: Service
    let call: StreamedCall
    private let url: HTTPURL
    /// The list of the server's models.
    let modelsURL: HTTPURL
    let key: ProviderKey?
    private let model: String

    /// - Parameters:
    ///   - key: nil for a server that wants none.
    ///   - baseURL: the address before `/chat/completions`, such as `http://127.0.0.1:11434/v1`; nil for the service's.
    /// - Throws: ``InvalidProviderSetting``.
    public init(
        _ service: Service, key: String?, model: String, baseURL: String? = nil, timeouts: Timeouts = .standard,
        upstream: Upstream
    ) throws {
        self.service = service
        self.key = try key.map { try ProviderKey($0) }
        self.model = try ModelName(model).text
        let base = try BaseURL(baseURL ?? service.defaultBaseURL)
        modelsURL = try base.appending("/models")
        url = try base.appending("/chat/completions")
        call = StreamedCall(upstream: upstream, provider: service.rawValue, timeouts: timeouts, secret: self.key)
    }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        var headers = [("Content-Type", "application/json")]
        if let key { headers.append(("Authorization", "Bearer \(key.text)")) }
        if let trace = request.trace { headers.append(("traceparent", trace.traceparent)) }
        let post = try HTTPRequest(method: .post, url: url, headers: headers, body: body(request))
        let format = OpenAIReply(provider: service.rawValue, model: model, tools: request.tools)
        return try await call.run(post, of: request, reading: format, by: deadline, onDelta: onDelta)
    }

    func body(_ request: ModelRequest) -> [UInt8] {
        JSONWriter.object(escapes: .plain) { json in
            json.member("model", model)
            json.array("messages") { messages in
                for message in request.messages {
                    messages.object { Self.write(message, to: &$0) }
                }
            }
            if let temperature = request.temperature { json.member("temperature", temperature) }
            // OpenAI's newer models refuse the name that every other server knows.
            json.member(url.host == "api.openai.com" ? "max_completion_tokens" : "max_tokens", request.maxTokens)
            Self.write(request.sampling, to: &json)
            if let tools = request.tools { Self.write(tools, to: &json) }
            json.member("stream", true)
            json.object("stream_options") { $0.member("include_usage", true) }
        }
    }

    private static func write(_ message: ChatMessage, to json: inout JSONWriter.Members) {
        json.member("role", message.role.rawValue)
        json.member("content", message.toolCalls != nil && message.text.isEmpty ? nil : message.text)
        if let name = message.name { json.member("name", name) }
        if let calls = message.toolCalls { json.member("tool_calls", RawJSON(parsed: calls)) }
        if let id = message.toolCallID { json.member("tool_call_id", id) }
    }

    private static func write(_ tools: Tools, to json: inout JSONWriter.Members) {
        json.member("tools", RawJSON(parsed: tools.definitions))
        if let choice = tools.choice { json.member("tool_choice", RawJSON(parsed: choice)) }
        if let parallel = tools.parallelCalls { json.member("parallel_tool_calls", parallel) }
    }

    private static func write(_ sampling: Sampling, to json: inout JSONWriter.Members) {
        if let topP = sampling.topP { json.member("top_p", topP) }
        if !sampling.stop.isEmpty {
            json.array("stop") { texts in
                for text in sampling.stop { texts.element(text) }
            }
        }
        if let seed = sampling.seed { json.member("seed", seed) }
        if let penalty = sampling.presencePenalty { json.member("presence_penalty", penalty) }
        if let penalty = sampling.frequencyPenalty { json.member("frequency_penalty", penalty) }
        if let effort = sampling.reasoningEffort { json.member("reasoning_effort", effort) }
        if let verbosity = sampling.verbosity { json.member("verbosity", verbosity) }
        switch sampling.format {
        case nil: break
        case .jsonObject: json.object("response_format") { $0.member("type", "json_object") }
        case .jsonSchema(let schema):
            json.object("response_format") { json in
                json.member("type", "json_schema")
                json.member("json_schema", RawJSON(parsed: schema))
            }
        }
    }
}
