public import Chat
internal import StrictJSON

/// Calls of providers, by the conventions for generative AI (``GenAINames``).
extension Tracer: ModelAttemptObserver {
    /// Bytes of the texts of one span: as much as a collector takes without asking.
    private static let longestContent = 32_768

    public func record(_ attempt: ModelAttempt) {
        let request = attempt.request
        guard let context = request.trace, context.isSampled else { return }
        let time = WallClock()
        var span = ExportedSpan(
            "\(GenAINames.chat) \(attempt.model)", .client, context, from: time.nanoseconds(attempt.start),
            until: time.nanoseconds(attempt.end))
        span.add(GenAINames.operationName, GenAINames.chat)
        span.add(GenAINames.providerName, GenAINames.provider(attempt.provider))
        span.add(GenAINames.serverAddress, attempt.server?.host)
        span.add(GenAINames.serverPort, attempt.server?.port)
        span.add(GenAINames.requestModel, attempt.model)
        span.add(GenAINames.requestTemperature, request.temperature)
        span.add(GenAINames.requestMaxTokens, request.maxTokens)
        span.add(GenAINames.requestTopP, request.sampling.topP)
        if !request.sampling.stop.isEmpty, hasContent {
            span.add(GenAINames.requestStopSequences, request.sampling.stop)
        }
        span.add(GenAINames.requestStream, true)
        span.add(GenAINames.responseID, attempt.responseID)
        span.add(GenAINames.responseModel, attempt.answeringModel)
        if let reason = attempt.finishReason { span.add(GenAINames.responseFinishReasons, [reason.rawValue]) }
        span.add(
            GenAINames.responseTimeToFirstChunk, attempt.firstPiece.map { ($0 - attempt.start).milliseconds / 1_000 })
        if let usage = attempt.usage {
            span.add(GenAINames.inputTokens, usage.prompt)
            span.add(GenAINames.outputTokens, usage.completion)
            if usage.cachedPrompt > 0 { span.add(GenAINames.cachedInputTokens, usage.cachedPrompt) }
            if usage.reasoning > 0 { span.add(GenAINames.reasoningTokens, usage.reasoning) }
        }
        if attempt.outcome != .answered {
            span.add(GenAINames.errorType, attempt.outcome.rawValue)
            span.failure = ""
        }
        if hasContent {
            span.add(GenAINames.inputMessages, Self.messages(request.messages.map { ($0.role.rawValue, $0.text) }))
            if let text = attempt.text {
                span.add(GenAINames.outputMessages, Self.messages([("assistant", text)], attempt.finishReason))
            }
        }
        exporter.add(span.json)
    }

    /// The last messages that fit, in the form of the conventions.
    private static func messages(_ messages: [(role: String, text: String)], _ reason: FinishReason? = nil) -> String {
        var left = longestContent
        var kept: [(role: String, text: String)] = []
        for (role, text) in messages.reversed() where left > 0 {
            kept.append((role, text.utf8.count > left ? cut(text, to: left) : text))
            left -= text.utf8.count
        }
        let json = JSONWriter.array { list in
            for (role, text) in kept.reversed() {
                list.object { json in
                    json.member("role", role)
                    json.array("parts") { parts in
                        parts.object { part in
                            part.member("type", "text")
                            part.member("content", text)
                        }
                    }
                    if let reason { json.member("finish_reason", reason.rawValue) }
                }
            }
        }
        return String(decoding: json, as: UTF8.self)
    }

    /// - Returns: its beginning, whole characters, and "…".
    private static func cut(_ text: String, to bytes: Int) -> String {
        var end = text.utf8.index(text.startIndex, offsetBy: bytes)
        while end.samePosition(in: text) == nil { end = text.utf8.index(before: end) }
        return text[..<end] + "…"
    }
}
