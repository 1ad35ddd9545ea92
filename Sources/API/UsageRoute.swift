import Chat
import FastCGI

/// GET /v1/usage: what questions have come to. A management key is shown all, every other key its own, and a session
/// what it has asked itself.
extension ChatService {
    func showUsage(_ principal: Principal, _ context: inout RequestContext) async throws {
        let isManager = principal.key?.isManagement == true
        var grouping = isManager ? UsageGrouping.key : .model
        if let text = try context.request.query("by") {
            guard let named = UsageGrouping(rawValue: text), isManager || named != .key else {
                let rule = isManager ? "must be key, model or day" : "must be model or day"
                throw ChatError.invalid("by", rule)
            }
            grouping = named
        }
        let first = try context.request.query("since").map { text throws(ChatError) in
            try UsageDay(text, field: "since")
        }
        let rows = try await context.trace.time(.record) {
            try await usage.usage(by: grouping, since: first, for: principal)
        }
        try await context.send(200, UsageReply.list(rows, by: grouping))
    }
}
