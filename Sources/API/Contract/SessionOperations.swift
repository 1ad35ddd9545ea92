extension Operation {
    static var logIn: Operation {
        Operation(
            id: "logIn", tag: .sessions, summary: "Log in",
            description: """
                Opens a session and gives its token. There is no password. Unless the operator wants it otherwise, \
                the address is not proved either: whoever types it gets a session of that user, and so a session \
                shows only what was asked in it.

                Where the operator has codes sent, the reply to an address alone is a 202, and six digits are on \
                their way to it: the same request with the `code` then opens a session, which is `proved`. A code is \
                good for ten minutes, once, and for five tries; a newer one takes its place. Neither the reply nor \
                its time tells whether there is such an address, is known here, or has had too many codes.
                """,
            body: Content(
                schema: .reference(.login),
                examples: [
                    "An address": ["email": "you@example.com"],
                    "With the code that was sent to it": ["email": "you@example.com", "code": "042917"],
                ]),
            replies: [
                Reply(
                    "The session is open.",
                    Content(
                        schema: .reference(.openedSession),
                        examples: [
                            "A new session": [
                                "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…", "token_type": "bearer",
                                "expires_in": 86400, "session_id": "j5R-PfhX3IkOWQC5oErapE3pYeTNXTrG",
                                "user_id": "user_7ab2a1a4c5f0d1f27a5d0c3e9b8f6e21", "proved": false,
                                "created_at": "2026-11-21T00:19:32.000Z", "expires_at": "2026-11-22T00:19:32.000Z",
                                "message_limit": 50, "messages_used": 0, "messages_left": 50,
                            ]
                        ])),
                Reply(
                    "A code is on its way, if the address can be sent mail.", status: 202,
                    Content(
                        schema: .reference(.sentCode),
                        examples: [
                            "A code": [
                                "status": "code_sent",
                                "message":
                                    "If this address can be sent mail, a code is on its way; send it with the address",
                                "expires_in": 600,
                            ]
                        ])),
            ],
            errors: [
                .tooMany: "Too many logins from your network address.",
                .unauthorized: "The code is wrong, used up or expired.",
                .forbidden: "People log in with an identity provider here; or the `User-Agent` is too short.",
            ])
    }

    static var showLogin: Operation {
        Operation(
            id: "showLogin", tag: .sessions, summary: "Ask how to log in",
            description: """
                For pages and programs that log people in. Where that is with an identity provider, its tokens are sent \
                to this server as they are: `POST /auth/email` gives none.
                """,
            replies: [
                Reply(
                    "How people log in here.",
                    Content(
                        schema: .reference(.loginMode),
                        examples: [
                            "With an address": ["mode": "open"],
                            "With an identity provider": [
                                "mode": "external",
                                "provider": [
                                    "issuer": "https://id.example.com/realms/main", "client_id": "parley-chat",
                                    "audience": "parley", "scope": "openid email",
                                ],
                            ],
                        ]))
            ],
            errors: [.tooMany: "Too many reads from your network address.", .forbidden: userAgent])
    }

    static var logOutEverywhere: Operation {
        Operation(
            id: "logOutEverywhere", tag: .sessions, summary: "Log out everywhere",
            description: """
                Ends all sessions of your user, this one too. Their tokens are refused from the next request on, by \
                every worker. Only in a session that is `proved`: the others with the same address may be \
                somebody else's.
                """,
            replies: [
                Reply(
                    "The sessions have ended.",
                    Content(
                        schema: .reference(.endedSessions), examples: ["Three": ["success": true, "ended": 3]]))
            ],
            errors: [
                .tooMany: "Too many reads from your network address.",
                .forbidden:
                    "The session is not `proved`; an API key has no session to end; or the `User-Agent` is too short.",
            ])
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
                                "user_id": "user_7ab2a1a4c5f0d1f27a5d0c3e9b8f6e21", "proved": false,
                                "created_at": "2026-11-21T00:19:32.000Z", "expires_at": "2026-11-22T00:19:32.000Z",
                                "message_limit": 50, "messages_used": 1, "messages_left": 49,
                            ]
                        ]))
            ],
            errors: [.tooMany: "Too many reads from your network address.", .forbidden: userAgent])
    }

    static let userAgent = "The `User-Agent` is too short to be a client's."
}
