public import Chat
internal import Curl
internal import StrictJSON

/// Google's Gemini through its REST API, streamGenerateContent.
public struct Gemini: LanguageModel {
    public static let defaultBaseURL = "https://generativelanguage.googleapis.com"

    let call: StreamedCall
    private let url: HTTPURL
    /// What the provider tells about the model itself.
    let modelURL: HTTPURL
    let key: ProviderKey
    private let model: String

    /// - Throws: ``InvalidProviderSetting``.
    public init(
        key: String, model: String, baseURL: String = defaultBaseURL, timeouts: Timeouts = .standard,
        upstream: Upstream
    ) throws {
        let base = try BaseURL(baseURL)
        let name = try ModelName(model.hasPrefix("models/") ? String(model.dropFirst(7)) : model)
        self.key = try ProviderKey(key)
        self.model = name.text
        modelURL = try base.appending("/v1beta/models/\(name.text)")
        url = try base.appending("/v1beta/models/\(name.text):streamGenerateContent?alt=sse")
        call = StreamedCall(upstream: upstream, provider: "gemini", timeouts: timeouts, secret: self.key)
    }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        // In a header, never in the URL: URLs are logged along the way.
        var headers = [("Content-Type", "application/json"), ("x-goog-api-key", key.text)]
        if let trace = request.trace { headers.append(("traceparent", trace.traceparent)) }
        let post = try HTTPRequest(
            method: .post, url: url, headers: headers, body: Self.body(request, needsSignature: !isOld))
        let format = GeminiReply(model: model, tools: request.tools)
        return try await call.run(post, of: request, reading: format, by: deadline, onDelta: onDelta)
    }

    /// Before the third generation.
    private var isOld: Bool { model.hasPrefix("gemini-1") || model.hasPrefix("gemini-2") }

    /// The older ones refuse tools together with a form of the answer.
    public func supports(_ request: ModelRequest) -> Bool {
        !(isOld && request.tools != nil && request.sampling.format != nil)
    }

    /// - Parameter needsSignature: the model refuses calls without its mark.
    static func body(_ request: ModelRequest, needsSignature: Bool = false) -> [UInt8] {
        JSONWriter.object(escapes: .plain) { json in
            // Gemini has one place for instructions, wherever they stand in the conversation.
            let instructions = request.messages.filter { $0.role == .system && !$0.text.isEmpty }
            if !instructions.isEmpty {
                json.object("systemInstruction") { json in
                    json.array("parts") { parts in
                        for message in instructions { parts.object { $0.member("text", message.text) } }
                    }
                }
            }
            json.array("contents") { contents in
                // It refuses a part without text, and a request that has nothing but instructions.
                let messages = request.messages.filter { message in
                    message.role != .system
                        && (!message.text.isEmpty || message.toolCalls != nil || message.role == .tool)
                }
                write((messages.isEmpty ? [.user(" ")] : messages)[...], to: &contents, needsSignature: needsSignature)
            }
            if let tools = request.tools { GeminiTools.write(tools, to: &json) }
            json.object("generationConfig") { json in
                if let temperature = request.temperature { json.member("temperature", temperature) }
                json.member("maxOutputTokens", request.maxTokens)
                write(request.sampling, to: &json)
            }
        }
    }

    private static func write(
        _ messages: ArraySlice<ChatMessage>, to contents: inout JSONWriter.Elements, needsSignature: Bool
    ) {
        var (rest, names) = (messages, [String: String]())
        while let message = rest.first {
            // The results of calls that were made together belong together.
            let results = rest.prefix { $0.role == .tool }
            rest = rest.dropFirst(max(1, results.count))
            contents.object { content in
                content.member("role", message.role == .assistant ? "model" : "user")
                content.array("parts") { parts in
                    for result in results {
                        GeminiTools.write(result: result, of: names[result.toolCallID ?? ""] ?? "", to: &parts)
                    }
                    if results.isEmpty, !message.text.isEmpty { parts.object { $0.member("text", message.text) } }
                    if let calls = message.toolCalls {
                        GeminiTools.write(calls: calls, to: &parts, &names, needsSignature: needsSignature)
                    }
                }
            }
        }
    }

    /// How much it thinks is left to the model: its own measure is a number of tokens.
    private static func write(_ sampling: Sampling, to json: inout JSONWriter.Members) {
        if let topP = sampling.topP { json.member("topP", topP) }
        if !sampling.stop.isEmpty {
            json.array("stopSequences") { texts in
                for text in sampling.stop { texts.element(text) }
            }
        }
        // Its seed has 32 bits.
        if let seed = sampling.seed { json.member("seed", Int(Int32(truncatingIfNeeded: seed))) }
        if let penalty = sampling.presencePenalty { json.member("presencePenalty", penalty) }
        if let penalty = sampling.frequencyPenalty { json.member("frequencyPenalty", penalty) }
        if sampling.format != nil { json.member("responseMimeType", "application/json") }
        if case .jsonSchema(let text) = sampling.format, let schema = RawJSON(parsed: text)["schema"],
            schema.text != "null"
        {
            json.member("responseJsonSchema", schema)
        }
    }
}
