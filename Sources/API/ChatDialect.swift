import Chat
import FastCGI
import StrictJSON

/// POST /chat: one text, alone or in a conversation that the service keeps. JSON in; JSON or server-sent events out.
struct ChatDialect: Dialect {
    let request: ChatRequest
    let isStreamed: Bool
    let isResumable: Bool
    private let shape: ChatShape

    /// - Throws: what `jsonObject()` throws, 422 for a field, 403 for another's user id, 404 for an identifier that names
    ///   nothing.
    init(_ request: Request, from principal: Principal) throws(ChatError) {
        let json = try request.jsonObject()
        (shape, self.request) = try Self.question(json)
        if let user = try json.text("user_id") {
            guard !user.isEmpty else {
                throw ChatError(
                    .invalidField, "User ID cannot be empty", details: ["user_id: must not be empty"])
            }
            guard user == principal.user.rawValue else {
                throw ChatError(.forbidden, "user_id is not the token's own; leave it out or log in as that user")
            }
        }
        isStreamed = try json.flag("stream") ?? request.prefersEvents
        isResumable = try json.flag("resumable") ?? false
        guard isStreamed || !isResumable else { throw .invalid("resumable", "needs a stream") }
    }

    private static func question(_ json: JSON) throws(ChatError) -> (ChatShape, ChatRequest) {
        if let name = try json.text("regenerate") {
            for other in ["content", "message", "parent", "conversation_id"] where json.member(other) != nil {
                throw .invalid(other, "must not stand beside regenerate, which asks a message's own question anew")
            }
            return (.content, ChatRequest(regenerating: try message(name), field: "regenerate"))
        }
        let (shape, text) = try text(of: json)
        return (shape, try ChatRequest(question: text, field: shape.rawValue, at: try position(json)))
    }

    private static func position(_ json: JSON) throws(ChatError) -> Position? {
        var conversation: ConversationID?
        if let name = try json.text("conversation_id") {
            guard let known = ConversationID(name) else { throw ChatError.noSuchConversation }
            conversation = known
        }
        if let parent = try json.text("parent") { return .below(try message(parent), in: conversation) }
        guard let conversation else { return nil }
        return json["parent"] == nil ? .end(of: conversation) : .beginning(of: conversation)
    }

    private static func message(_ name: String) throws(ChatError) -> ExchangeID {
        guard let id = ExchangeID(name) else { throw ChatError.noSuchMessage }
        return id
    }

    private static func text(of json: JSON) throws(ChatError) -> (ChatShape, String) {
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

    func reply(_ exchange: Exchange) -> [UInt8] { shape.whole(exchange) }

    func beginning(_ place: MessagePlace) -> [UInt8] { shape.start(place) }

    func delta(_ text: String, until end: Int) -> [UInt8] { ChatShape.delta(text, until: end) }

    func end(_ exchange: Exchange) -> [UInt8] { shape.done(exchange) }

    static func body(of error: ErrorReply) -> [UInt8] { object(error) }

    static func event(of error: ErrorReply) -> [UInt8] {
        object(error, after: "event: error\nid: end\ndata: ", before: "\n\n")
    }

    private static func object(_ reply: ErrorReply, after prefix: StaticString = "", before suffix: StaticString = "")
        -> [UInt8]
    {
        JSONWriter.object(after: prefix, before: suffix) { json in
            json.member("error", reply.title)
            json.member("message", reply.error.message)
            json.array("details") { details in
                for detail in reply.error.details { details.element(detail) }
            }
            json.member("status_code", reply.status)
            json.member("request_id", reply.requestID)
        }
    }
}

extension JSONWriter.Members {
    /// What every shape of an exchange has.
    mutating func describe(_ exchange: Exchange) {
        let answer = exchange.answer
        member("model", answer.model)
        member("timestamp", exchange.created.iso8601)
        member("cached", answer.isCached)
        member("stale", answer.isStale)
        member("blocked", answer.isBlocked)
        member("finish_reason", answer.finishReason.rawValue)
        member("conversation_id", exchange.conversation.text)
        member("parent", exchange.parent?.text)
        object("usage") { json in
            json.member("prompt_tokens", answer.usage.prompt)
            json.member("completion_tokens", answer.usage.completion)
            json.member("total_tokens", answer.usage.total)
        }
    }
}
