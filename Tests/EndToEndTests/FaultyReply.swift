import Foundation

/// The two wire formats, by the setting name of the provider that speaks them.
enum Wire: String, CaseIterable, Sendable {
    case gemini, openai

    /// The last text that the model was given.
    func question(in body: Data) -> String {
        let json = try? JSONSerialization.jsonObject(with: body) as? [String: Any]
        switch self {
        case .gemini:
            let last = (json?["contents"] as? [[String: Any]])?.last
            return (last?["parts"] as? [[String: Any]])?.first?["text"] as? String ?? ""
        case .openai:
            return (json?["messages"] as? [[String: Any]])?.last?["content"] as? String ?? ""
        }
    }

    func reply(_ voice: String, to question: String) -> FaultyReply {
        FaultyReply(wire: self, voice: voice, question: question)
    }
}

/// What one provider says to one question, in its format. Questions are plain words: nothing in them is escaped.
struct FaultyReply {
    let wire: Wire
    let voice: String
    let question: String

    /// The first names the question, the others their place; each has the space before it.
    var words: [String] {
        let first = voice + ":" + question.split(separator: " ").joined(separator: "-")
        return [first] + (2...FaultyProvider.words).map { " \(voice)-\($0)" }
    }

    var usage: (prompt: Int, completion: Int, total: Int) {
        (voice.count, FaultyProvider.words, voice.count + FaultyProvider.words)
    }

    /// The first words, each in an event of its own, and no word of an end.
    func beginning(_ count: Int) -> [String] { words.prefix(count).map { event($0) } }

    /// Everything up to the finish reason and the usage.
    var whole: [String] {
        switch wire {
        case .gemini: beginning(FaultyProvider.words - 1) + [event(words.last!, finish: "STOP")]
        case .openai: beginning(FaultyProvider.words) + [event("", finish: "stop"), usageEvent]
        }
    }

    var thought: String {
        switch wire {
        case .gemini: #"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]},"index":0}]}"#
        case .openai: #"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}]}"#
        }
    }

    /// - Parameter finish: OpenAI's name for it.
    func empty(_ finish: String) -> [String] {
        switch wire {
        case .gemini: [event("", finish: finish == "length" ? "MAX_TOKENS" : "STOP")]
        case .openai: [event("", finish: finish), usageEvent]
        }
    }

    /// OpenAI's; Gemini has none.
    var endMark: [String] { wire == .openai ? ["[DONE]"] : [] }

    func stoppedByFilter(after count: Int) -> [String] {
        beginning(count) + [event("", finish: wire == .gemini ? "SAFETY" : "content_filter")]
    }

    /// One server-sent event as it is sent: Gemini ends lines with CRLF.
    func framed(_ event: String) -> String {
        let end = wire == .gemini ? "\r\n\r\n" : "\n\n"
        return "data: \(event)\(end)"
    }

    private func event(_ text: String, finish: String? = nil) -> String {
        switch wire {
        case .gemini:
            let end = finish.map { #","finishReason":"\#($0)""# } ?? ""
            return """
                {"candidates":[{"content":{"parts":[{"text":"\(text)"}],"role":"model"}\(end),"index":0}],\
                "usageMetadata":{"promptTokenCount":\(usage.prompt),"candidatesTokenCount":\(usage.completion),\
                "totalTokenCount":\(usage.total)},"modelVersion":"\(voice)-model"}
                """
        case .openai:
            let delta = text.isEmpty ? "{}" : #"{"content":"\#(text)"}"#
            let end = finish.map { "\"\($0)\"" } ?? "null"
            return """
                {"id":"x","object":"chat.completion.chunk","model":"\(voice)-model",\
                "choices":[{"index":0,"delta":\(delta),"finish_reason":\(end)}]}
                """
        }
    }

    private var usageEvent: String {
        """
        {"id":"x","object":"chat.completion.chunk","model":"\(voice)-model","choices":[],\
        "usage":{"prompt_tokens":\(usage.prompt),"completion_tokens":\(usage.completion),"total_tokens":\(usage.total)}}
        """
    }

    func error(_ status: Int) -> String {
        let words = "secret detail of \(voice)"
        return switch wire {
        case .gemini: #"{"error":{"code":\#(status),"message":"\#(words)","status":"\#(Self.grpcStatus(status))"}}"#
        case .openai: #"{"error":{"message":"\#(words)","type":"scripted","param":null,"code":null}}"#
        }
    }

    var flatError: String { #"{"object":"error","message":"secret detail of \#(voice)","code":50001}"# }

    var tooLong: String {
        switch wire {
        case .gemini:
            """
            {"error":{"code":400,"message":"The input token count (9000) exceeds the maximum number of tokens allowed \
            (8192).","status":"INVALID_ARGUMENT"}}
            """
        case .openai:
            """
            {"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted \
            in 9000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}
            """
        }
    }

    /// Azure refuses with a 400; Gemini streams its verdict.
    var promptBlocked: (status: Int, text: String) {
        switch wire {
        case .gemini:
            (200, #"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#)
        case .openai:
            (
                400,
                """
                {"error":{"message":"The response was filtered due to the prompt triggering the content policy.",\
                "type":null,"param":"prompt","code":"content_filter","status":400,\
                "innererror":{"code":"ResponsibleAIPolicyViolation"}}}
                """
            )
        }
    }

    private static func grpcStatus(_ status: Int) -> String {
        switch status {
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 429: "RESOURCE_EXHAUSTED"
        case 503: "UNAVAILABLE"
        default: "INTERNAL"
        }
    }
}
