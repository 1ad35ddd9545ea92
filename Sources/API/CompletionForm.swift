import Chat
import FastCGI
import StrictJSON

/// What a program sends to POST /v1/chat/completions. A member that is null is as good as not there.
///
/// What decides the answer is kept, or refused by name where it cannot be kept; what does not (`user`, `metadata`,
/// `prompt_cache_key` and names that nobody has heard of yet) is let pass.
struct CompletionForm {
    let json: JSON
    /// The same as it was written.
    let written: RawJSON

    init(_ json: JSON, written body: Request.Body) throws(ChatError) {
        self.json = json
        if case .complete(let bytes) = body {
            written = RawJSON(parsed: bytes)
        } else {
            written = RawJSON(parsed: "{}")
        }
        try refuseUnsupported()
    }

    func request() throws(ChatError) -> ChatRequest {
        guard let model = try json.text("model"), !model.isEmpty else { throw .invalid("model", "is required") }
        let messages = try messages()
        try ToolForm.checkCalls(in: messages, of: json.member("messages")?.array ?? [])
        return try ChatRequest(
            messages: messages, field: "messages[\(messages.count - 1)].content", model: model,
            parameters: try parameters())
    }

    private func parameters() throws(ChatError) -> ChatRequest.Parameters {
        var sampling = Sampling()
        sampling.topP = try json.number("top_p", in: 0...1)
        sampling.stop = try stop()
        sampling.seed = try json.whole("seed", in: .min ... .max)
        sampling.presencePenalty = try json.number("presence_penalty", in: -2...2).flatMap { $0 == 0 ? nil : $0 }
        sampling.frequencyPenalty = try json.number("frequency_penalty", in: -2...2).flatMap { $0 == 0 ? nil : $0 }
        sampling.reasoningEffort = try json.text("reasoning_effort")
        sampling.verbosity = try json.text("verbosity")
        sampling.format = try format()
        let limit = 1...1_000_000
        let newer = try json.whole("max_completion_tokens", in: limit)
        let older = try json.whole("max_tokens", in: limit)
        return ChatRequest.Parameters(
            temperature: try json.number("temperature", in: 0...2),
            maxTokens: newer ?? older,
            sampling: sampling, tools: try ToolForm(json, written: written).tools())
    }

    func includesUsage() throws(ChatError) -> Bool {
        guard let options = json.member("stream_options") else { return false }
        guard options.object != nil else { throw .invalid("stream_options", "must be an object") }
        let isWanted = options.member("include_usage")
        guard isWanted == nil || isWanted?.bool != nil else {
            throw .invalid("stream_options.include_usage", "must be true or false")
        }
        return isWanted?.bool ?? false
    }

    private func stop() throws(ChatError) -> [String] {
        guard let stop = json.member("stop") else { return [] }
        if let text = stop.string { return text.isEmpty ? [] : [text] }
        guard let texts = stop.array, texts.count <= 4 else {
            throw .invalid("stop", "must be a string or an array of at most four")
        }
        var stops: [String] = []
        for text in texts {
            guard let text = text.string, !text.isEmpty else {
                throw .invalid("stop", "must have strings that are not empty")
            }
            stops.append(text)
        }
        return stops
    }

    private func format() throws(ChatError) -> Sampling.Format? {
        guard let format = json.member("response_format") else { return nil }
        switch format["type"]?.string {
        case "text": return nil
        case "json_object": return .jsonObject
        case "json_schema":
            guard format["json_schema"]?["name"]?.string?.isEmpty == false,
                let schema = written["response_format"]?["json_schema"]
            else { throw .invalid("response_format.json_schema", "must be an object with a name") }
            guard format["json_schema"]?.member("schema").map({ $0.object != nil }) ?? true else {
                throw .invalid("response_format.json_schema.schema", "must be a JSON schema")
            }
            return .jsonSchema(schema.text)
        default: throw .invalid("response_format.type", "must be text, json_object or json_schema")
        }
    }

    private func messages() throws(ChatError) -> [ChatMessage] {
        guard let list = json.member("messages")?.array else { throw .invalid("messages", "must be an array") }
        guard !list.isEmpty else { throw .invalid("messages", "must have at least one message") }
        var messages: [ChatMessage] = []
        messages.reserveCapacity(list.count)
        // Read once more as it was written only where calls must pass as they are.
        let hasCalls = list.contains { $0.member("tool_calls") != nil }
        let written = hasCalls ? written["messages"]?.elements ?? [] : []
        for (index, message) in list.enumerated() {
            messages.append(
                try Self.message(
                    message, "messages[\(index)]", calls: hasCalls ? written[index]["tool_calls"]?.text : nil))
        }
        return messages
    }

    /// - Parameter calls: `tool_calls` as it was written.
    private static func message(_ message: JSON, _ field: String, calls written: String?) throws(ChatError)
        -> ChatMessage
    {
        let role: ChatMessage.Role
        var calls: String?
        var id: String?
        switch message["role"]?.string {
        case "system", "developer": role = .system
        case "user": role = .user
        case "assistant":
            role = .assistant
            calls = try ToolForm.hasCalls(message.member("tool_calls"), "\(field).tool_calls") ? written : nil
        case "tool":
            role = .tool
            guard let text = message["tool_call_id"]?.string, !text.isEmpty else {
                throw .invalid("\(field).tool_call_id", "is required")
            }
            id = text
        case "function": throw .unsupported("\(field).role", "must be tool in place of function")
        default: throw .invalid("\(field).role", "must be system, developer, user, assistant or tool")
        }
        for name in ["function_call", "audio"] where message.member(name) != nil {
            throw .unsupported("\(field).\(name)", "is not supported")
        }
        let name = message.member("name")
        if let name, name.string == nil { throw .invalid("\(field).name", "must be a string") }
        // What a model refused to say is in the place of what it said.
        let refusal = role == .assistant ? message.member("refusal") : nil
        guard let content = message.member("content") ?? refusal ?? (role == .assistant ? .string("") : nil) else {
            throw .invalid("\(field).content", "is required")
        }
        return ChatMessage(
            role: role, name: name?.string, text: try text(of: content, "\(field).content"), toolCalls: calls,
            toolCallID: id)
    }

    /// A text, or an array of parts, one below the other.
    private static func text(of content: JSON, _ field: String) throws(ChatError) -> String {
        if let text = content.string { return text }
        guard let parts = content.array else { throw .invalid(field, "must be a string or an array of parts") }
        var texts: [String] = []
        for (index, part) in parts.enumerated() {
            switch part["type"]?.string {
            case "text", "refusal":
                guard let text = (part["text"] ?? part["refusal"])?.string else {
                    throw .invalid("\(field)[\(index)].text", "must be a string")
                }
                texts.append(text)
            case let type?:
                throw .unsupported("\(field)[\(index)].type", "must be text: \(type.prefix(40)) cannot be taken yet")
            case nil: throw .invalid("\(field)[\(index)].type", "is required")
            }
        }
        return texts.joined(separator: "\n")
    }

    private func refuseUnsupported() throws(ChatError) {
        if let count = json.member("n"), count.int != 1 { throw .unsupported("n", "must be 1") }
        for name in ["logprobs", "store"] where try json.flag(name) == true {
            throw .unsupported(name, "must be false")
        }
        if let functions = json.member("functions"), functions != .array([]) {
            throw .unsupported("functions", "must be tools in place of functions")
        }
        if let choice = json.member("function_call"), !["none", "auto"].contains(choice.string) {
            throw .unsupported("function_call", "must be tool_choice in place of function_call")
        }
        if let bias = json.member("logit_bias"), bias.object?.isEmpty != true {
            throw .unsupported("logit_bias", "must be empty")
        }
        if let kinds = json.member("modalities"), kinds != .array([.string("text")]) {
            throw .unsupported("modalities", "must be [\"text\"]")
        }
        if let count = json.member("top_logprobs"), count.int != 0 { throw .unsupported("top_logprobs", "must be 0") }
        for name in ["audio", "web_search_options"] where json.member(name) != nil {
            throw .unsupported(name, "is not supported")
        }
        if let tier = json.member("service_tier"), !["auto", "default"].contains(tier.string) {
            throw .unsupported("service_tier", "must be auto or default")
        }
    }
}

extension JSON {
    fileprivate func number(_ name: String, in range: ClosedRange<Double>) throws(ChatError) -> Double? {
        guard let value = member(name) else { return nil }
        guard let number = value.double, range.contains(number) else {
            throw .invalid(name, "must be a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
        }
        return number
    }

    fileprivate func whole(_ name: String, in range: ClosedRange<Int>) throws(ChatError) -> Int? {
        guard let value = member(name) else { return nil }
        guard let number = value.int.flatMap({ Int(exactly: $0) }) ?? value.double.flatMap({ Int(exactly: $0) }),
            range.contains(number)
        else {
            throw .invalid(
                name,
                range.lowerBound == .min
                    ? "must be a whole number"
                    : "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
