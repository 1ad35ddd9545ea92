import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// POST /v1/chat/completions: OpenAI's chat completions. Stateless: what was said before is in the request.
///
/// Tools are the caller's: they are passed on, and the model's calls are passed back.
///
/// The shapes are those that OpenAI's own client and its users' clients insist on: an error is `{"error": {…}}` wherever
/// it happens, each chunk has `choices`, `finish_reason` is null in all chunks but the last, which has no text, and only
/// a whole answer ends with `[DONE]`.
struct CompletionDialect: Dialect {
    let request: ChatRequest
    let isStreamed: Bool
    private let includesUsage: Bool
    private let id: String
    private let created = Int(Date().timeIntervalSince1970)

    /// - Throws: what `jsonObject()` throws, 422 for a parameter, which this contract turns into a 400.
    init(_ request: Request, from principal: Principal) throws(ChatError) {
        let form = try CompletionForm(try request.jsonObject(), written: request.body)
        self.request = try form.request()
        isStreamed = try form.json.flag("stream") ?? false
        includesUsage = try form.includesUsage()
        id = "chatcmpl-" + request.identifier()
    }

    static func pipeline(of service: ChatService) -> ChatPipeline { service.completions }

    static func bodyLimit(_ settings: ServiceSettings) -> Int { settings.completionBodyLimit }

    static func status(of code: ChatError.Code) -> Int? {
        switch code {
        case .invalidField, .unsupportedField, .contextTooLong, .filtered: 400
        default: nil
        }
    }

    /// Its client tries a 429 again unless it is told that waiting does not help.
    static func headers(of code: ChatError.Code) -> [(name: String, value: String)] {
        switch code {
        case .quotaExceeded, .blocked: [("X-Should-Retry", "false")]
        default: []
        }
    }

    func reply(_ exchange: Exchange) -> [UInt8] {
        let answer = exchange.answer
        return JSONWriter.object(capacity: 512 + answer.text.utf8.count) { json in
            begin(&json, "chat.completion", model: answer.model ?? "")
            json.array("choices") { choices in
                choices.object { choice in
                    choice.member("index", 0)
                    choice.object("message") { message in
                        message.member("role", "assistant")
                        message.member("content", answer.text.isEmpty && !answer.toolCalls.isEmpty ? nil : answer.text)
                        message.member("refusal", JSON.null)
                        if !answer.toolCalls.isEmpty {
                            message.array("tool_calls") { calls in
                                for call in answer.toolCalls { calls.object { Self.describe(call, &$0) } }
                            }
                        }
                    }
                    choice.member("logprobs", JSON.null)
                    choice.member("finish_reason", answer.finishReason.rawValue)
                }
            }
            json.object("usage") { Self.describe(answer.usage, &$0) }
        }
    }

    func beginning(_ place: MessagePlace) -> [UInt8] {
        chunk { delta in
            delta.member("role", "assistant")
            delta.member("content", "")
        }
    }

    func delta(_ text: String, until end: Int) -> [UInt8] {
        chunk(capacity: 320 + text.utf8.count) { $0.member("content", text) }
    }

    func delta(_ call: ToolCallDelta) -> [UInt8] {
        chunk(capacity: 512 + call.arguments.utf8.count) { delta in
            delta.array("tool_calls") { $0.object { Self.describe(call, &$0) } }
        }
    }

    func end(_ exchange: Exchange) -> [UInt8] {
        // Until here nobody knew for certain who would answer.
        let model = exchange.answer.model
        var events = chunk(model: model, finishReason: exchange.answer.finishReason) { _ in }
        if includesUsage {
            events += JSONWriter.object(after: "data: ", before: "\n\n") { json in
                begin(&json, "chat.completion.chunk", model: model ?? request.model ?? "")
                json.array("choices") { _ in }
                json.object("usage") { Self.describe(exchange.answer.usage, &$0) }
            }
        }
        return events + Array("data: [DONE]\n\n".utf8)
    }

    private func chunk(
        capacity: Int = 384, model: String? = nil, finishReason: FinishReason? = nil,
        _ delta: (inout JSONWriter.Members) -> Void
    ) -> [UInt8] {
        JSONWriter.object(after: "data: ", before: "\n\n", capacity: capacity) { json in
            begin(&json, "chat.completion.chunk", model: model ?? request.model ?? "")
            json.array("choices") { choices in
                choices.object { choice in
                    choice.member("index", 0)
                    choice.object("delta", delta)
                    choice.member("logprobs", JSON.null)
                    choice.member("finish_reason", finishReason?.rawValue)
                }
            }
            if includesUsage { json.member("usage", JSON.null) }
        }
    }

    private func begin(_ json: inout JSONWriter.Members, _ object: String, model: String) {
        json.member("id", id)
        json.member("object", object)
        json.member("created", created)
        json.member("model", model)
    }

    private static func describe(_ call: ToolCall, _ json: inout JSONWriter.Members) {
        json.member("id", call.id)
        json.member("type", "function")
        json.object("function") { function in
            function.member("name", call.name)
            function.member("arguments", call.arguments)
        }
        describe(signature: call.thoughtSignature, &json)
    }

    private static func describe(_ call: ToolCallDelta, _ json: inout JSONWriter.Members) {
        json.member("index", call.index)
        if let id = call.id {
            json.member("id", id)
            json.member("type", "function")
        }
        json.object("function") { function in
            if let name = call.name { function.member("name", name) }
            function.member("arguments", call.arguments)
        }
        describe(signature: call.thoughtSignature, &json)
    }

    /// Where Google's own servers put it in this contract.
    private static func describe(signature: String?, _ json: inout JSONWriter.Members) {
        guard let signature else { return }
        json.object("extra_content") { $0.object("google") { $0.member("thought_signature", signature) } }
    }

    private static func describe(_ usage: TokenUsage, _ json: inout JSONWriter.Members) {
        json.member("prompt_tokens", usage.prompt)
        json.member("completion_tokens", usage.completion)
        json.member("total_tokens", usage.total)
    }

    static func body(of error: ErrorReply) -> [UInt8] { object(error) }

    static func event(of error: ErrorReply) -> [UInt8] { object(error, after: "data: ", before: "\n\n") }

    private static func object(_ reply: ErrorReply, after prefix: StaticString = "", before suffix: StaticString = "")
        -> [UInt8]
    {
        let (type, code) = names(of: reply.error.code)
        return JSONWriter.object(after: prefix, before: suffix) { json in
            json.object("error") { json in
                json.member("message", reply.error.message)
                json.member("type", type)
                json.member("param", reply.error.field)
                json.member("code", code)
            }
        }
    }

    /// OpenAI's words for what went wrong, which programs look at.
    private static func names(of code: ChatError.Code) -> (type: String, code: String?) {
        switch code {
        case .badRequest, .methodNotAllowed, .unsupportedMediaType: ("invalid_request_error", nil)
        case .unauthorized: ("invalid_request_error", "invalid_api_key")
        case .forbidden: ("permission_error", nil)
        case .notFound: ("invalid_request_error", "unknown_url")
        case .noSuchModel: ("invalid_request_error", "model_not_found")
        case .tooLarge: ("invalid_request_error", "request_too_large")
        case .invalidField: ("invalid_request_error", "invalid_value")
        case .unsupportedField: ("invalid_request_error", "unsupported_parameter")
        case .contextTooLong: ("invalid_request_error", "context_length_exceeded")
        case .blocked: ("invalid_request_error", "content_policy_violation")
        case .filtered: ("invalid_request_error", "content_filter")
        case .conflict: ("invalid_request_error", "conflict")
        case .notPriced: ("invalid_request_error", "model_not_priced")
        case .quotaExceeded, .budgetSpent, .dailyCallsSpent: ("insufficient_quota", "insufficient_quota")
        case .rateLimited: ("requests", "rate_limit_exceeded")
        case .internalFault: ("server_error", nil)
        case .providerFailed: ("server_error", "provider_failed")
        case .overloaded, .unavailable: ("server_error", "unavailable")
        case .deadlinePassed: ("server_error", "timeout")
        }
    }
}

extension CompletionDialect {
    static let replySchema = Schema.record(
        "OpenAI's answer.",
        head("chat.completion", model: "The model that gave the answer.") + [
            "choices": .list(
                of: .record([
                    "index": .whole("", 0...0),
                    "message": .record(
                        [
                            "role": .word("", ["assistant"]),
                            "content": .text("The answer; null when it has nothing but calls.").orNull,
                            "refusal": null, "tool_calls": .list(of: .reference(.toolCall), 1 ... .max),
                        ], optional: ["tool_calls"]), "logprobs": null, "finish_reason": finishReason,
                ]), 1...1), "usage": .reference(.tokenUsage),
        ])

    static let chunkSchema = Schema.record(
        "A piece of OpenAI's answer.",
        head(
            "chat.completion.chunk",
            model: "The model that was asked for; from the chunk with the `finish_reason` on, the one that answered."
        ) + [
            "choices": .list(
                "None in the chunk that has the usage.",
                of: .record([
                    "index": .whole("", 0...0), "delta": deltaSchema, "logprobs": null,
                    "finish_reason": finishReason.orNull,
                ]), 0...1),
            "usage": Schema([
                "description": "Only with `stream_options.include_usage`: null in all chunks but the last.",
                "anyOf": [Schema.reference(.tokenUsage).json, ["type": "null"]],
            ]),
        ], optional: ["usage"])

    private static let deltaSchema = Schema.record(
        [
            "role": .word("", ["assistant"]), "content": .text(),
            "tool_calls": .list(
                of: .record(
                    [
                        "index": .whole("Which call this is a piece of."), "id": .text(),
                        "type": .word("", ["function"]),
                        "function": .record(["name": .text(), "arguments": .text()], optional: ["name"]),
                        "extra_content": ToolForm.extraContent,
                    ], optional: ["id", "type", "extra_content"]), 1...1),
        ], optional: ["role", "content", "tool_calls"])

    static let eventSchema = Schema.record(
        "A server-sent event without a name: a chunk; an error, which ends an answer that is not whole; or `[DONE]`, "
            + "which ends a whole one.",
        [
            "data": Schema([
                "anyOf": [
                    ["const": "[DONE]"], Schema.encoded(.reference(.completionChunk)).json,
                    Schema.encoded(.reference(.openAIError)).json,
                ]
            ])
        ])

    static let errorSchema = Schema.record(
        "What every error below `/v1` is.",
        [
            "error": .record([
                "message": .text("What was wrong, for people."), "type": .text("OpenAI's word for the kind of error."),
                "param": .text("The member of the request that was wrong.").orNull,
                "code": .text("A word for programs.", example: "model_not_found").orNull,
            ])
        ])

    private static func head(_ object: String, model: String) -> Schema.Members {
        [
            "id": .text("The request's id after `chatcmpl-`.", pattern: "^chatcmpl-"), "object": .word("", [object]),
            "created": .whole("Seconds since 1970."), "model": .text(model),
        ]
    }

    private static let null = Schema(["type": "null"])
    private static let finishReason = Schema.word(
        "`length`: it was cut because it reached the most tokens that it may have.", ["stop", "length", "tool_calls"])
}
