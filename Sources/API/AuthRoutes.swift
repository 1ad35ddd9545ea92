public import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// How people log in here.
public enum Login: Sendable {
    /// Whoever types an address is let in.
    case open
    /// A code is sent to it first.
    case code(any CodeLogin)
    /// Not here: with an identity provider. A page may do so as this client; nil where none is to.
    case external(OpenIDClient?)
}

/// Logging in, looking at the session, and logging out.
extension ChatService {
    func logIn(_ context: inout RequestContext) async throws {
        let json = try context.request.jsonObject()
        guard let address = try json.text("email") else { throw ChatError.invalid("email", "is required") }
        let email = try Email(address)
        let browser = context.request.header("USER_AGENT") ?? ""
        let remote = context.request.remoteAddress
        let code = try json.text("code").map { text throws(ChatError) in try LoginCode(text) }
        switch login {
        case .open:
            try await welcome(&context) {
                try await authenticator.open(email, browser: browser, address: remote)
            }
        case .code(let codes):
            guard let code else {
                try await context.trace.time(.session) { try await codes.sendCode(to: email, for: remote) }
                return try await context.send(202, Self.sentCode)
            }
            try await welcome(&context) {
                try await codes.open(email, code, browser: browser, client: remote)
            }
        case .external:
            throw ChatError(.forbidden, "People log in with the identity provider here, not with an address")
        }
    }

    private func welcome(
        _ context: inout RequestContext, _ open: () async throws -> (session: Session, token: String)
    ) async throws {
        let (session, token) = try await context.trace.time(.session) { try await open() }
        note(.login, by: session.principal, context)
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
        note(.logout, by: principal, context)
        let body = JSONWriter.object { json in
            json.member("success", true)
            json.member("message", "The session has ended")
        }
        try await context.send(200, body)
    }

    func logOutEverywhere(_ principal: Principal, _ context: inout RequestContext) async throws {
        let count = try await context.trace.time(.session) { try await authenticator.endAll(principal) }
        note(.logoutEverywhere, by: principal, count: count, context)
        let body = JSONWriter.object { json in
            json.member("success", true)
            json.member("ended", count)
        }
        try await context.send(200, body)
    }

    /// The same whatever becomes of the mail.
    private static let sentCode = JSONWriter.object { json in
        json.member("status", "code_sent")
        json.member("message", "If this address can be sent mail, a code is on its way; send it with the address")
        json.member("expires_in", Int(LoginCode.lifetime))
    }

    private func describe(_ session: Session, _ json: inout JSONWriter.Members) {
        json.member("session_id", session.id.rawValue)
        json.member("user_id", session.user.rawValue)
        json.member("proved", session.isProved)
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
    static let loginSchema = Schema.record(
        [
            "email": .text(
                "Your email address. It is stored as a keyed hash.",
                pattern: #"^\s*[^\s@"(),:;<>\[\]\\]+@[^\s@]+\.[^\s@]+\s*$"#, length: 0...254, format: "email",
                example: "you@example.com"),
            "code": .text(
                "Only where codes are sent: the one that came to the address.", pattern: "^[0-9]{6}$", example: "042917"
            ).orNull,
        ], optional: ["code"])

    static let sentCodeSchema = Schema.record([
        "status": .word("", ["code_sent"]), "message": .text("For people."),
        "expires_in": .whole("Seconds that the code is good.", 1 ... .max),
    ])

    static let endedSessionsSchema = Schema.record([
        "success": .flag("Always true.").with("const", true),
        "ended": .whole("How many sessions have ended, this one too."),
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
        "session_id": .sessionID, "user_id": .userID,
        "proved": .flag(
            "Whether its user is proved: then it shows what was asked in any of the user's sessions. An API key always "
                + "is."),
        "created_at": .time("When it began."),
        "expires_at": .time("When it ends by itself."),
        "message_limit": .whole("How many questions it may ask; null for an API key.").orNull,
        "messages_used": .whole("How many it has asked. A question that got no answer does not count."),
        "messages_left": .whole("How many are left; null for an API key.").orNull,
    ]
}
