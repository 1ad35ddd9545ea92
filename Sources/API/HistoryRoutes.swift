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
