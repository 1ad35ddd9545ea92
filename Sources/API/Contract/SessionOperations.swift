extension Operation {
    static var logIn: Operation {
        Operation(
            id: "logIn", tag: .sessions, summary: "Log in",
            description: """
                Opens a session and gives its token. No password is asked for and the address is not proved: whoever \
                types it gets a session of that user, and so a session shows only what was asked in it.
                """,
            body: Content(
                schema: .reference(.login), examples: ["An address": ["email": "you@example.com"]]),
            replies: [
                Reply(
                    "The session is open.",
                    Content(
                        schema: .reference(.openedSession),
                        examples: [
                            "A new session": [
                                "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…", "token_type": "bearer",
                                "expires_in": 86400, "session_id": "j5R-PfhX3IkOWQC5oErapE3pYeTNXTrG",
                                "user_id": "user_7ab2a1a4c5f0d1f27a5d0c3e9b8f6e21",
                                "created_at": "2026-11-21T00:19:32.000Z", "expires_at": "2026-11-22T00:19:32.000Z",
                                "message_limit": 50, "messages_used": 0, "messages_left": 50,
                            ]
                        ]))
            ],
            errors: [.tooMany: "Too many logins from your network address."])
    }

    static var logOut: Operation {
        Operation(
            id: "logOut", tag: .sessions, summary: "Log out",
            description: "Ends the session. Its token is refused from the next request on, by every worker.",
            replies: [
                Reply(
                    "The session has ended.",
                    Content(
                        schema: .reference(.endedSession),
                        examples: ["Ended": ["success": true, "message": "The session has ended"]]))
            ],
            errors: [.forbidden: "An API key has no session to end; or the `User-Agent` is too short."])
    }

    static var showSession: Operation {
        Operation(
            id: "showSession", tag: .sessions, summary: "Look at the session",
            description: "When it ends, how many messages are used and left, and your `user_id`.",
            replies: [
                Reply(
                    "The session is live.",
                    Content(
                        schema: .reference(.session),
                        examples: [
                            "A session with one message": [
                                "session_id": "j5R-PfhX3IkOWQC5oErapE3pYeTNXTrG",
                                "user_id": "user_7ab2a1a4c5f0d1f27a5d0c3e9b8f6e21",
                                "created_at": "2026-11-21T00:19:32.000Z", "expires_at": "2026-11-22T00:19:32.000Z",
                                "message_limit": 50, "messages_used": 1, "messages_left": 49,
                            ]
                        ]))
            ],
            errors: [.tooMany: "Too many reads from your network address.", .forbidden: userAgent])
    }

    static let userAgent = "The `User-Agent` is too short to be a client's."
}
