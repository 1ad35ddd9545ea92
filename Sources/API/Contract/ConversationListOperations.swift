extension Operation {
    static var listConversations: Operation {
        Operation(
            id: "listConversations", tag: .conversations, summary: "List the conversations",
            description: """
                The conversations of the session, or of the API key, the one with the newest message first. A \
                question that stands alone is a conversation of one message. While `has_more` is true, `next`, sent \
                as `before`, gives the page after.
                """,
            parameters: [
                limit(of: "conversations"),
                Parameter(
                    name: "before", place: .query,
                    description: "`next` of the page before this one, or the id of a conversation.",
                    schema: .text(pattern: "^(msg|conv)_[0-7][0-9a-f]{15}$")),
            ],
            replies: [
                Reply(
                    "A page of conversations.",
                    Content(
                        schema: .reference(.conversationList),
                        examples: [
                            "One conversation": [
                                "conversations": [conversation], "count": 1, "has_more": false, "next": nil,
                            ]
                        ]))
            ],
            errors: [
                .tooMany: reads, .invalid: badPage, .notFound: noConversation, .forbidden: userAgent,
            ])
    }

    static var showConversation: Operation {
        Operation(
            id: "showConversation", tag: .conversations, summary: "Look at a conversation",
            description: """
                Its messages, the newest last. Where a question was edited or asked again, there are several \
                branches: by default this is the current one, which ends with the newest message. `branch` names \
                another one by the message that it ends with, and `all` gives the messages of all branches, in the \
                order in which they were asked. Each names its `parent`.
                """,
            parameters: [
                conversationName, limit(of: "messages"),
                Parameter(
                    name: "before", place: .query,
                    description:
                        "The messages above this one on its branch; with `all`, those that are older.",
                    schema: .messageID("")),
                Parameter(
                    name: "branch", place: .query,
                    description: "The message that the branch ends with. Not together with `all`.",
                    schema: .messageID("")),
                Parameter(
                    name: "all", place: .query,
                    description: "Whether the messages of all branches are given.",
                    schema: .flag("")),
            ],
            replies: [
                Reply(
                    "The conversation.",
                    Content(
                        schema: .reference(.conversationPage),
                        examples: [
                            "Of one message": joined(
                                conversation,
                                [
                                    "messages": [
                                        message([
                                            "message": "What is a socket?", "response": "You said: What is a socket?",
                                        ])
                                    ], "has_more": false,
                                ])
                        ]))
            ],
            errors: [
                .tooMany: reads, .invalid: badPage,
                .notFound: "There is no such conversation in this session, or no such message in it.",
                .forbidden: userAgent,
            ])
    }

    static var renameConversation: Operation {
        Operation(
            id: "renameConversation", tag: .conversations, summary: "Give a conversation a title",
            description:
                "Without one, its title is the first line of its first question, 60 characters at the most.",
            parameters: [conversationName],
            body: Content(
                schema: .reference(.conversationTitle),
                examples: ["A title": ["title": "Sockets"], "The first question again": ["title": nil]]),
            replies: [
                Reply(
                    "The conversation, as it is now.",
                    Content(schema: .reference(.conversation), examples: ["A conversation": conversation]))
            ],
            errors: [.tooMany: reads, .notFound: noConversation, .forbidden: userAgent])
    }

    static var deleteConversation: Operation {
        Operation(
            id: "deleteConversation", tag: .conversations, summary: "Delete a conversation",
            description: "All its messages and cached answers are gone for good when the reply is sent. "
                + whatStays,
            parameters: [conversationName],
            replies: [deletion("The conversation is gone.")],
            errors: [.tooMany: reads, .notFound: noConversation, .forbidden: userAgent])
    }

    static var deleteHistory: Operation {
        Operation(
            id: "deleteHistory", tag: .conversations, summary: "Delete the history",
            description: """
                All messages of the session, or of the API key, and their cached answers are gone for good when the \
                reply is sent. \(whatStays)
                """,
            replies: [deletion("The history is gone.")],
            errors: [.tooMany: reads, .forbidden: userAgent])
    }

    static var deleteAccount: Operation {
        Operation(
            id: "deleteAccount", tag: .sessions, summary: "Delete all that was asked",
            description: """
                All your texts, of all your sessions, are gone for good when the reply is sent, and the sessions have \
                ended; an API key itself stays. Where the session is not `proved` this is a 403: others may have \
                typed the same address, so delete the history of each session with its token.
                """,
            replies: [deletion("The texts are gone.")],
            errors: [
                .tooMany: reads,
                .forbidden: "The session is not `proved`: delete each session's history by itself.",
            ])
    }

    private static let conversationName = Parameter(
        name: "id", place: .path, description: "The conversation's id.", schema: .conversationID(""),
        example: "conv_1a1fb78fcb9d2f87")
    private static let noConversation = "There is no such conversation in this session."
    private static let whatStays = "The session's quota, usage and costs stay as they are."

    private static let conversation: OrderedJSON = [
        "id": "conv_1a1fb78fcb9d2f87", "title": "What is a socket?", "count": 1,
        "created_at": "2026-11-21T00:19:32.664Z", "last_activity": "2026-11-21T00:19:32.664Z",
    ]

    private static func deletion(_ description: String) -> Reply {
        Reply(
            description,
            Content(
                schema: .reference(.deletion),
                examples: ["Three messages": ["success": true, "deleted": 3]]))
    }

    private static func joined(_ first: OrderedJSON, _ second: OrderedJSON) -> OrderedJSON {
        guard case .object(let first) = first, case .object(let second) = second else { return nil }
        return .object(first + second)
    }
}
