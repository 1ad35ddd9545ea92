import Chat
import FastCGI
import StrictJSON

/// POST /chat: JSON in; JSON or server-sent events out.
extension ChatService {
    func chat(_ principal: Principal, _ context: inout RequestContext) async throws {
        let form = try ChatForm(context.request, from: principal)
        if form.isStreamed { return try await stream(form, for: principal, &context) }
        let exchange = try await pipeline.answer(form.question, for: principal, trace: &context.trace, onDelta: nil)
        try await context.send(200, form.dialect.reply(exchange))
    }

    private func stream(_ form: ChatForm, for principal: Principal, _ context: inout RequestContext) async throws {
        let stream = EventStream(context.writer, headers: context.headers(EventStream.contentType))
        context.stream = stream
        context.status = 200
        let exchange = try await pipeline.answer(form.question, for: principal, trace: &context.trace) { text in
            try await stream.send(event: "delta", data: JSONWriter.object { $0.member("text", text) })
        }
        try await stream.send(event: "done", data: form.dialect.reply(exchange))
    }
}

/// The two published shapes of a chat request; the reply speaks the same one.
enum ChatDialect: String {
    case content, message

    func reply(_ exchange: Exchange) -> [UInt8] {
        let answer = exchange.answer
        return JSONWriter.object(capacity: 512 + answer.text.utf8.count) { json in
            switch self {
            case .content:
                json.member("id", exchange.id.text)
                json.member("content", answer.text)
            case .message:
                json.member("success", true)
                json.member("message_id", exchange.id.text)
                json.member("response", answer.text)
            }
            json.describe(exchange)
        }
    }
}

extension JSONWriter.Members {
    /// What every shape of an exchange has.
    mutating func describe(_ exchange: Exchange) {
        let answer = exchange.answer
        if let model = answer.model { member("model", model) } else { member("model", JSON.null) }
        member("timestamp", exchange.created.iso8601)
        member("cached", answer.isCached)
        member("stale", answer.isStale)
        member("blocked", answer.isHeld)
        member("finish_reason", answer.finishReason.rawValue)
        member("conversation_id", exchange.conversation.text)
        object("usage") { json in
            json.member("prompt_tokens", answer.usage.prompt)
            json.member("completion_tokens", answer.usage.completion)
            json.member("total_tokens", answer.usage.total)
        }
    }
}

/// What POST /chat takes.
struct ChatForm {
    let question: ChatRequest
    let dialect: ChatDialect
    let isStreamed: Bool

    /// - Throws: ``ChatError``: what `jsonObject()` throws, 422 for a field, 403 for another's user id, 404 for an
    ///   identifier that names no conversation.
    init(_ request: Request, from principal: Principal) throws(ChatError) {
        let json = try request.jsonObject()
        let (dialect, text) = try Self.text(of: json)
        if let user = try json.text("user_id") {
            guard !user.isEmpty else {
                throw ChatError(
                    .invalidField, "User ID cannot be empty", details: ["user_id: must not be empty"])
            }
            guard user == principal.user.rawValue else {
                throw ChatError(.forbidden, "user_id is not the token's own; leave it out or log in as that user")
            }
        }
        var conversation: ConversationID?
        if let name = try json.text("conversation_id") {
            guard let known = ConversationID(name) else { throw ChatError.noSuchConversation }
            conversation = known
        }
        self.dialect = dialect
        question = try ChatRequest(question: text, field: dialect.rawValue, conversation: conversation)
        isStreamed = try json.flag("stream") ?? request.prefersEvents
    }

    private static func text(of json: JSON) throws(ChatError) -> (ChatDialect, String) {
        switch (try json.text("content"), try json.text("message")) {
        case (let content?, nil): return (.content, content)
        case (nil, let message?): return (.message, message)
        case (nil, nil):
            throw ChatError(
                .invalidField, "Send the text as \"message\" or as \"content\"",
                details: ["message: is required", "content: or this one instead"])
        case (_?, _?):
            throw ChatError(
                .invalidField, "Send \"message\" or \"content\", not both",
                details: ["message: must not stand beside content"])
        }
    }
}
