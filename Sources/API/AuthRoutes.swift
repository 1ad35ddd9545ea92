import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// Logging in, looking at the session, and logging out.
extension ChatService {
    func logIn(_ context: inout RequestContext) async throws {
        let json = try context.request.jsonObject()
        guard let address = try json.text("email") else { throw ChatError.invalid("email", "is required") }
        let email = try Email(address)
        let browser = context.request.header("USER_AGENT") ?? ""
        let remote = context.request.remoteAddress
        let (session, token) = try await context.trace.time(.session) {
            try await authenticator.open(email, browser: browser, address: remote)
        }
        let body = JSONWriter.object { json in
            json.member("access_token", token)
            json.member("token_type", "bearer")
            json.member("expires_in", Int(session.expires.timeIntervalSince(session.created)))
            describe(session, &json)
        }
        try await context.send(200, body)
    }

    func showSession(_ principal: Principal, _ context: inout RequestContext) async throws {
        let session = try await context.trace.time(.session) { try await authenticator.session(of: principal) }
        try await context.send(200, JSONWriter.object { describe(session, &$0) })
    }

    func logOut(_ principal: Principal, _ context: inout RequestContext) async throws {
        try await context.trace.time(.session) { try await authenticator.end(principal) }
        let body = JSONWriter.object { json in
            json.member("success", true)
            json.member("message", "The session has ended")
        }
        try await context.send(200, body)
    }

    private func describe(_ session: Session, _ json: inout JSONWriter.Members) {
        json.member("session_id", session.id.rawValue)
        json.member("user_id", session.user.rawValue)
        json.member("created_at", session.created.iso8601)
        json.member("expires_at", session.expires.iso8601)
        // The quota is of sessions; keys have budgets and rates.
        let limit = APIKey.ID(session.user.rawValue) == nil ? settings.messageLimit : nil
        json.member("message_limit", limit)
        json.member("messages_used", session.messagesUsed)
        json.member("messages_left", limit.map { max(0, $0 - session.messagesUsed) })
    }
}

extension ChatService {
    static let loginSchema = Schema.record([
        "email": .text(
            "Your email address. It is stored as a keyed hash, and nobody checks that it is yours.",
            pattern: #"^\s*[^\s@"(),:;<>\[\]\\]+@[^\s@]+\.[^\s@]+\s*$"#, length: 0...254, format: "email",
            example: "you@example.com")
    ])

    static let openedSessionSchema = Schema.record(
        "A new session and its token.",
        [
            "access_token": .text("Send it as `Authorization: Bearer …`."), "token_type": .word("", ["bearer"]),
            "expires_in": .whole("Seconds until the session ends.", 1 ... .max),
        ] + sessionMembers)

    static let sessionSchema = Schema.record("A session, or what stands for it with an API key.", sessionMembers)

    static let endedSessionSchema = Schema.record([
        "success": .flag("Always true.").with("const", true), "message": .text("For people."),
    ])

    private static let sessionMembers: Schema.Members = [
        "session_id": .sessionID, "user_id": .userID, "created_at": .time("When it began."),
        "expires_at": .time("When it ends by itself."),
        "message_limit": .whole("How many questions it may ask; null for an API key.").orNull,
        "messages_used": .whole("How many it has asked. A question that got no answer does not count."),
        "messages_left": .whole("How many are left; null for an API key.").orNull,
    ]
}
