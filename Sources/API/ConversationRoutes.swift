import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// The conversations of a session or key: listed, read, renamed, deleted.
extension ChatService {
    func listConversations(_ principal: Principal, _ context: inout RequestContext) async throws {
        let limit = try context.request.pageLimit()
        let before = try await cursor(principal, &context)
        let found = try await context.trace.time(.record) {
            try await conversations.conversations(of: principal, limit: limit + 1, before: before)
        }.admitted()
        let page = found.prefix(limit)
        let next = found.count > limit ? page.last?.last : nil
        let body = JSONWriter.object(capacity: 256 * page.count + 128) { json in
            json.array("conversations") { list in
                for conversation in page { list.object { $0.describe(conversation, pipeline) } }
            }
            json.member("count", page.count)
            json.member("has_more", next != nil)
            json.member("next", next?.text)
        }
        try await context.send(200, body)
    }

    /// - Returns: the newest exchange of the conversation that the page before ended with.
    private func cursor(_ principal: Principal, _ context: inout RequestContext) async throws -> ExchangeID? {
        guard let text = try context.request.query("before") else { return nil }
        if let id = ExchangeID(text) { return id }
        guard let id = ConversationID(text) else {
            throw ChatError.invalid("before", "must be next of the page before, or the id of a conversation")
        }
        let known = try await context.trace.time(.record) {
            try await conversations.conversation(id, of: principal)
        }.admitted()
        guard let known else { throw ChatError.noSuchConversation }
        return known.last
    }

    func showConversation(_ principal: Principal, _ context: inout RequestContext) async throws {
        let limit = try context.request.pageLimit()
        let page = ConversationPage(
            try context.request.view(), before: try context.request.message("before"), limit: limit + 1)
        let id = try Self.conversation(context)
        let found = try await context.trace.time(.record) {
            try await conversations.conversation(id, of: principal, page)
        }.admitted()
        guard let found else { throw ChatError.noSuchConversation }
        guard let exchanges = found.exchanges else { throw ChatError.noSuchMessage }
        let shown = exchanges.suffix(limit)
        let body = JSONWriter.object(capacity: 1_024 * shown.count + 256) { json in
            json.describe(found.conversation, pipeline)
            json.array("messages") { messages in
                for exchange in shown { messages.object { $0.describe(message: exchange) } }
            }
            json.member("has_more", exchanges.count > limit)
        }
        try await context.send(200, body)
    }

    func renameConversation(_ principal: Principal, _ context: inout RequestContext) async throws {
        let id = try Self.conversation(context)
        let json = try context.request.jsonObject()
        guard json["title"] != nil else {
            throw ChatError.invalid("title", "is required; null for the first question's")
        }
        let title = try json.text("title").map { text throws(ChatError) in try pipeline.title(named: text) }
        let renamed = try await context.trace.time(.record) {
            try await conversations.rename(id, to: title, for: principal)
        }.admitted()
        guard let renamed else { throw ChatError.noSuchConversation }
        try await context.send(200, JSONWriter.object { $0.describe(renamed, pipeline) })
    }

    func deleteConversation(_ principal: Principal, _ context: inout RequestContext) async throws {
        let id = try Self.conversation(context)
        try await delete(.conversation(id), .conversationDeleted, of: [id.text], principal, &context)
    }

    func deleteHistory(_ principal: Principal, _ context: inout RequestContext) async throws {
        try await delete(.everything, .historyDeleted, principal, &context)
    }

    /// Anybody can type an address. With the texts of a user who is proved the sessions go too; a key stays.
    func deleteAccount(_ principal: Principal, _ context: inout RequestContext) async throws {
        let session = try await context.trace.time(.session) { try await authenticator.session(of: principal) }
        guard session.isProved else {
            throw ChatError(
                .forbidden,
                "The email address of this session is not proved: delete the texts of each session, DELETE /chat/history"
            )
        }
        try await delete(.everything, .accountDeleted, principal, &context) {
            if principal.key == nil { _ = try await self.authenticator.endAll(principal) }
        }
    }

    /// - Parameter finish: what follows when the texts are gone.
    private func delete(
        _ deletion: Deletion, _ action: AuditEvent.Action, of objects: [String] = [], _ principal: Principal,
        _ context: inout RequestContext,
        finish: () async throws -> Void = {}
    ) async throws {
        let count = try await context.trace.time(.record) {
            try await conversations.delete(deletion, for: principal)
        }.admitted()
        guard let count else { throw ChatError.noSuchConversation }
        note(action, by: principal, of: objects, count: count, context)
        try await finish()
        let body = JSONWriter.object { json in
            json.member("success", true)
            json.member("deleted", count)
        }
        try await context.send(200, body)
    }

    private static func conversation(_ context: RequestContext) throws(ChatError) -> ConversationID {
        guard let id = ConversationID(context.pathValue("id") ?? "") else { throw ChatError.noSuchConversation }
        return id
    }
}

extension Request {
    /// How many of a list are asked for.
    func pageLimit() throws(ChatError) -> Int {
        guard let text = try query("limit") else { return 50 }
        guard let limit = Int(text), (1...100).contains(limit) else {
            throw .invalid("limit", "must be a whole number from 1 to 100")
        }
        return limit
    }

    /// The message that a parameter of the query names.
    func message(_ name: String) throws(ChatError) -> ExchangeID? {
        guard let text = try query(name) else { return nil }
        guard let id = ExchangeID(text) else {
            throw .invalid(name, "must be the id of a message, such as msg_0123456789abcdef")
        }
        return id
    }

    fileprivate func view() throws(ChatError) -> ConversationPage.View {
        let end = try message("branch")
        switch try query("all") {
        case nil, "false": return .branch(end)
        case "true":
            guard end == nil else { throw .invalid("branch", "must not stand beside all") }
            return .all
        default: throw .invalid("all", "must be true or false")
        }
    }
}

extension JSONWriter.Members {
    fileprivate mutating func describe(_ conversation: Conversation, _ pipeline: ChatPipeline) {
        member("id", conversation.id.text)
        member("title", pipeline.shown(title: conversation.title))
        member("count", conversation.count)
        member("created_at", conversation.created.iso8601)
        member("last_activity", conversation.last.created.iso8601)
    }

    /// As histories show it.
    mutating func describe(message exchange: Exchange) {
        member("id", exchange.id.text)
        member("message", exchange.question)
        member("response", exchange.answer.storedText)
        describe(exchange)
    }
}

extension ChatService {
    static let conversationSchema = Schema.record(
        "Messages that belong together.", conversationMembers)

    static let conversationListSchema = Schema.record([
        "conversations": .list(
            "The one with the newest message first.", of: .reference(.conversation), 0...100),
        "count": .whole("How many there are on this page.", 0...100),
        "has_more": .flag("Whether there are others on a page after this one."),
        "next": .messageID("What to send as `before` for that page; null when there is none.").orNull,
    ])

    static let conversationPageSchema = Schema.record(
        "A conversation with a page of its messages.",
        conversationMembers + [
            "messages": .list("The newest last.", of: .reference(.message), 0...100),
            "has_more": .flag("Whether there are older ones: ask with the first one's `id` as `before`."),
        ])

    static let conversationTitleSchema = Schema.record([
        "title": .text(
            "1 to 200 characters after blanks at its ends are removed, no control characters; null for the first "
                + "question's first line.",
            pattern: #"\S"#, length: 1...200
        ).orNull
    ])

    static let deletionSchema = Schema.record([
        "success": .flag("Always true.").with("const", true),
        "deleted": .whole("How many messages are gone."),
    ])

    private static let conversationMembers: Schema.Members = [
        "id": .conversationID("The conversation's id."),
        "title": .text(
            "The first line of its first question, 60 characters at the most, until it is changed."),
        "count": .whole("How many messages it has, of all branches.", 1 ... .max),
        "created_at": .time("When its first question was asked."),
        "last_activity": .time("When its newest question was asked."),
    ]
}
