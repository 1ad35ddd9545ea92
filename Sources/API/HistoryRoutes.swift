import Chat
import FastCGI
import StrictJSON

/// The session's exchanges, in both published shapes. A user id is no more than an unproved email address, so either
/// shape shows only what the session itself asked.
extension ChatService {
    func showHistory(_ principal: Principal, _ context: inout RequestContext) async throws {
        let limit = try context.request.pageLimit()
        let before = try context.request.message("before")
        let found = try await exchanges(of: principal, limit: limit + 1, before: before, &context)
        let page = found.suffix(limit)
        let body = JSONWriter.object(capacity: 1_024 * page.count) { json in
            json.array("messages") { messages in
                for exchange in page { messages.object { $0.describe(message: exchange) } }
            }
            json.member("count", page.count)
            json.member("has_more", found.count > limit)
            json.member("session_id", principal.session.rawValue)
        }
        try await context.send(200, body)
    }

    func showUserHistory(_ principal: Principal, _ context: inout RequestContext) async throws {
        guard context.pathValue("user_id") == principal.user.rawValue else {
            throw ChatError(.forbidden, "Only your own history can be read; your user_id is in GET /auth/session")
        }
        let page = try await exchanges(of: principal, limit: try context.request.pageLimit(), before: nil, &context)
        let body = JSONWriter.array(capacity: 1_024 * page.count) { messages in
            for exchange in page {
                messages.object { json in
                    json.member("id", exchange.id.text)
                    json.member("user_id", principal.user.rawValue)
                    json.member("content", exchange.question)
                    json.member("response", exchange.answer.storedText)
                    json.describe(exchange)
                }
            }
        }
        try await context.send(200, body)
    }

    private func exchanges(
        of principal: Principal, limit: Int, before: ExchangeID?, _ context: inout RequestContext
    ) async throws -> [Exchange] {
        try await context.trace.time(.record) {
            try await ledger.history(of: principal, limit: limit, before: before)
        }.admitted()
    }
}

extension ChatService {
    static let messageSchema = Schema.record(
        "A question and its answer.",
        ["id": .messageID(), "message": .text("The question."), "response": responseSchema]
            + JSONWriter.Members.exchangeMembers,
        optional: JSONWriter.Members.optionalExchangeMembers)

    static let userMessageSchema = Schema.record(
        "A question and its answer, with the question in `content`.",
        [
            "id": .messageID(), "user_id": .userID, "content": .text("The question."), "response": responseSchema,
        ] + JSONWriter.Members.exchangeMembers,
        optional: JSONWriter.Members.optionalExchangeMembers)

    static let historySchema = Schema.record(
        "A page of the session's messages.",
        [
            "messages": .list("The newest last.", of: .reference(.message), 0...100),
            "count": .whole("How many there are on this page.", 0...100),
            "has_more": .flag("Whether there are older ones: ask with the first one's `id` as `before`."),
            "session_id": .sessionID,
        ])

    private static let responseSchema = Schema.text(
        "The answer. One that calls tools is the JSON text `{\"content\":…,\"tool_calls\":[…]}`.")
}
