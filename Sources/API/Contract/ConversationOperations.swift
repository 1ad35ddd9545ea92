extension Operation {
    static var showHistory: Operation {
        Operation(
            id: "showHistory", tag: .conversations, summary: "Look at the history",
            description: """
                What the session, or the API key, has asked, with the answers, the newest last. While `has_more` is \
                true, the `id` of the first message, sent as `before`, gives the page before.
                """,
            parameters: [
                limit(of: "messages"),
                Parameter(
                    name: "before", place: .query, description: "Only messages older than this one.",
                    schema: .messageID("")),
            ],
            replies: [
                Reply(
                    "A page of the history.",
                    Content(
                        schema: .reference(.history),
                        examples: [
                            "The newest message": [
                                "messages": [
                                    message(["message": "What is a socket?", "response": "You said: What is a socket?"])
                                ], "count": 1, "has_more": true, "session_id": "j5R-PfhX3IkOWQC5oErapE3pYeTNXTrG",
                            ]
                        ]))
            ],
            errors: [.tooMany: reads, .invalid: badPage, .forbidden: userAgent])
    }

    static var showUserHistory: Operation {
        Operation(
            id: "showUserHistory", tag: .conversations, summary: "Look at the history by user",
            description: """
                The same as a bare list, with the question in `content`: for clients that know this path. It shows \
                what this session has asked, never what other sessions of the user have.
                """,
            parameters: [
                Parameter(
                    name: "user_id", place: .path, description: "Your own `user_id`; any other is a 403.",
                    schema: .text(length: 1 ... .max), example: "user_7ab2a1a4c5f0d1f27a5d0c3e9b8f6e21"),
                limit(of: "messages"),
            ],
            replies: [
                Reply(
                    "The newest messages, the newest last.",
                    Content(
                        schema: .list(of: .reference(.userMessage), 0...100),
                        examples: [
                            "One message": [
                                message([
                                    "user_id": "user_7ab2a1a4c5f0d1f27a5d0c3e9b8f6e21", "content": "What is a socket?",
                                    "response": "You said: What is a socket?",
                                ])
                            ]
                        ]))
            ],
            errors: [
                .tooMany: reads, .invalid: badPage,
                .forbidden: "It is not your own `user_id`, or the `User-Agent` is too short.",
            ])
    }

    static func limit(of what: String) -> Parameter {
        Parameter(
            name: "limit", place: .query, description: "The most \(what) on a page.",
            schema: .whole("", 1...100, standard: 50))
    }

    static let reads = "Too many reads from your network address."
    static let badPage = "A parameter breaks a rule; `details` says which."

    /// - Parameter texts: the members between the id and those that all shapes have.
    static func message(_ texts: OrderedJSON) -> OrderedJSON {
        guard case .object(let texts) = texts, case .object(let rest) = answer("1a1fb78fcd1ed860") else { return nil }
        return .object([rest[0]] + texts + rest.dropFirst(2))
    }
}
