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
        if answer.isBlocked, let category = exchange.dangerCategory {
            array("details") { $0.element("category: \(category)") }
        }
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

extension ChatDialect {
    /// - Parameter field: what carries the text.
    static func questionSchema(_ field: String) -> Schema {
        .record(
            "A question in the shape of `\(field)`; the answer has the same one. A member that is null counts as "
                + "absent, and one that is not known is ignored.",
            Schema.Members(
                dictionaryLiteral: (
                    field,
                    .text(
                        "The question: 1 to \(ChatRequest.maximumQuestionLength) characters after blanks at its ends "
                            + "are removed. HTML markup is removed from it; code stays.",
                        pattern: #"\S"#, length: 1...ChatRequest.maximumQuestionLength, example: "What is a socket?")
                ),
                (
                    "conversation_id",
                    .conversationID(
                        "Goes on with the conversation of an earlier answer: its last messages go along, 8 at the "
                            + "most. Without it the question stands alone, and asking it again is a cache hit."
                    ).orNull
                ),
                (
                    "stream",
                    .flag(
                        "Whether the answer comes as server-sent events. Where it is absent, `Accept: "
                            + "text/event-stream` asks for them, unless that prefers JSON."
                    ).orNull
                ),
                (
                    "parent",
                    .messageID(
                        "Asks below this message, in its conversation: below an earlier one this makes another "
                            + "branch. Null beside a `conversation_id` begins that conversation anew. Absent, the "
                            + "question goes below the newest message of `conversation_id`."
                    ).orNull
                ), ("resumable", .flag(resumable).orNull),
                ("user_id", .text("Your own `user_id`; any other is a 403.", length: 1 ... .max).orNull)),
            optional: ["conversation_id", "stream", "parent", "resumable", "user_id"])
    }

    private static let resumable =
        "Only with a stream: whether it goes on for a while after its connection is lost, so that "
        + "`GET /chat/stream/{message}` can continue it."

    static let regenerationSchema = Schema.record(
        "Asks a question anew, past the cache, below the same parent; both answers stay. The answer has the shape of "
            + "`content`. None of `content`, `message`, `parent` and `conversation_id` may stand beside it.",
        [
            "regenerate": .messageID("The message whose question is asked anew."),
            "stream": .flag("Whether the answer comes as server-sent events.").orNull,
            "resumable": .flag(resumable).orNull,
            "user_id": .text("Your own `user_id`; any other is a 403.", length: 1 ... .max).orNull,
        ], optional: ["stream", "resumable", "user_id"])

    static let errorSchema = Schema.record(
        "What every error outside `/v1` is.",
        [
            "error": .text("What the status means, for people."), "message": .text("What was wrong, for people."),
            "details": .list("What was wrong with each member, as `member: rule`; may be empty.", of: .text()),
            "status_code": .whole("The reply's status.", 400...599),
            "request_id": .text("The same as in `X-Request-ID`.", pattern: "^[A-Za-z0-9._-]{8,64}$"),
        ])
}

extension JSONWriter.Members {
    /// What ``describe(_:)`` writes.
    static let exchangeMembers: Schema.Members = [
        "model": .text("The model that gave the answer; null when the message was blocked.").orNull,
        "timestamp": .time("When it was asked."),
        "cached": .flag("The answer was made for an equal question, before or at the same time."),
        "stale": .flag("The answer has expired, and is given because no provider answers now."),
        "blocked": .flag("The message looks like an attack: no model saw it."),
        "details": .list("Of a blocked message: the category of the attack, as `category: sql`.", of: .text()),
        "finish_reason": .word(
            "Why the answer ends: `stop`, all was said; `length`, it was cut because it reached the most tokens that "
                + "it may have; `tool_calls`, it asks for calls of tools (only in the history of `/v1`); `blocked`.",
            ["stop", "length", "tool_calls", "blocked"]),
        "conversation_id": .conversationID(),
        "parent": .messageID("The message that it was asked below; null at the beginning.").orNull,
        "usage": .reference(.tokenUsage),
    ]

    static let optionalExchangeMembers = ["details"]

    static let usageSchema = Schema.record(
        "Tokens, as the provider counted them, or an estimate where it did not.",
        [
            "prompt_tokens": .whole("Of the question and what went along."),
            "completion_tokens": .whole("Of the answer."), "total_tokens": .whole("Their sum."),
        ])
}
