/// Who may use a route, in the words of OpenAPI.
extension Contract {
    static var securitySchemes: OrderedJSON {
        [
            "session": [
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": """
                The token of a session, from `POST /auth/email`, for people; where they log in with an identity \
                provider, a token of that. It works until the session ends: after 24 hours \
                unless set otherwise, or with `POST /auth/logout`. A session sees only what was asked in it, \
                or, where it is `proved`, in any session of its user.
                """,
            ],
            "apiKey": [
                "type": "http", "scheme": "bearer", "bearerFormat": "prl_…",
                "description": """
                An API key, for programs: `prl_` and 36 letters and digits, made with `parley key create` or `POST \
                /v1/keys`. It has a history of its own, no quota of messages, and may have rates and a budget. A key \
                with the role `management` makes, shows and ends keys, sees everybody's usage, and cannot ask a \
                model.
                """,
            ],
        ]
    }

    static func security(of handler: Route.Handler) -> OrderedJSON {
        switch handler {
        case .anyone: []
        case .session, .chat: [["session": []], ["apiKey": []]]
        case .management: [["apiKey": ["management"]]]
        }
    }
}
