extension Operation {
    static var chat: Operation {
        Operation(
            id: "chat", tag: .chat, summary: "Ask a question",
            description: """
                One question, one answer. The member that carries the text names the shape of both: `content`, or \
                `message`. An answer is kept in the history, with its question, before it is given.

                Equal questions of one session are answered from a cache (`cached`); `Cache-Control: no-cache` asks \
                anew, and `no-store` also keeps the answer from others.

                A text that looks like an attack reaches no model: the reply is a 200 with a fixed text and \
                `"blocked": true`.

                A stream begins with `start`, which names the message; `delta` events have pieces of the text, and \
                `done` has what a plain reply would be. If something fails after the first piece, the last event is \
                `error`. A stream that ends without `done` is not a whole answer. What fails before the first piece \
                is an ordinary error reply. A comment comes after each 15 seconds in which nothing else did.
                """,
            parameters: [cacheControl],
            body: Content(
                schema: .one(
                    of: [.reference(.contentQuestion), .reference(.messageQuestion), .reference(.regeneration)]),
                examples: [
                    "A question": ["content": "What is a socket?"],
                    "In the other shape": ["message": "What is a socket?"],
                    "One more in the conversation": [
                        "content": "And a datagram socket?", "conversation_id": "conv_1a1fb78fcb9d2f87",
                    ],
                    "Below an earlier message": [
                        "content": "And a datagram socket?", "parent": "msg_1a1fb78fcb9d2f87",
                    ],
                    "Once more": ["regenerate": "msg_1a1fb78fcb9d2f87"],
                    "As a stream": ["content": "Stream this.", "stream": true, "resumable": true],
                ]),
            replies: [
                Reply(
                    "The answer.", headers: [.cache] + Header.rates,
                    Content(
                        schema: .one(of: [.reference(.contentAnswer), .reference(.messageAnswer)]),
                        examples: ["An answer": answer("1a1fb78fcb9d2f87"), "In the other shape": otherAnswer]),
                    Content(
                        type: "text/event-stream",
                        schema: .reference(.chatEvent, "Each event; `data` is one line of JSON."),
                        examples: ["A stream": .string(stream)]))
            ],
            errors: [
                .forbidden: """
                `user_id` is not yours, the key may ask none of the models, or the `User-Agent` is too short.
                """,
                .notFound: "There is no such conversation in this session, or no such message.",
                .invalid:
                    "A member breaks a rule, or the model's own filter refused the message; `details` says which.",
                .badRequest: """
                The body is not JSON, the request is not valid HTTP, or a model has no price and the key has a \
                budget.
                """,
                .tooMany: """
                Too many questions from your network address, or the session's messages, the key's rates or its \
                budget are used up.
                """,
            ])
    }

    static let cacheControl = Parameter(
        name: "Cache-Control", place: .header,
        description:
            "`no-cache`: a new answer, which others may be given from then on; `no-store`: one that is not kept.",
        schema: .text())

    static func answer(_ number: String) -> OrderedJSON {
        [
            "id": .string("msg_" + number), "content": "You said: What is a socket?", "model": "echo-1",
            "timestamp": "2026-11-21T00:19:32.664Z", "cached": false, "stale": false, "blocked": false,
            "finish_reason": "stop", "conversation_id": .string("conv_" + number), "parent": nil,
            "usage": ["prompt_tokens": 13, "completion_tokens": 6, "total_tokens": 19],
        ]
    }

    private static let otherAnswer: OrderedJSON = [
        "success": true, "message_id": "msg_1a1fb78fcd1ed860", "response": "You said: What is a socket?",
        "model": "echo-1", "timestamp": "2026-11-21T00:19:32.688Z", "cached": true, "stale": false, "blocked": false,
        "finish_reason": "stop", "conversation_id": "conv_1a1fb78fcd1ed860", "parent": nil,
        "usage": ["prompt_tokens": 13, "completion_tokens": 6, "total_tokens": 19],
    ]

    private static let stream = """
        event: start
        id: 0
        data: {"id":"msg_1a1fb78fcfc11605","conversation_id":"conv_1a1fb78fcfc11605","parent":null}

        event: delta
        id: 3
        data: {"text":"You"}

        event: delta
        id: 9
        data: {"text":" said:"}

        event: delta
        id: 16
        data: {"text":" Stream"}

        event: delta
        id: 22
        data: {"text":" this."}

        event: done
        id: end
        data: {"id":"msg_1a1fb78fcfc11605","content":"You said: Stream this.","model":"echo-1",\
        "timestamp":"2026-11-21T00:19:32.732Z","cached":false,"stale":false,"blocked":false,"finish_reason":"stop",\
        "conversation_id":"conv_1a1fb78fcfc11605","parent":null,\
        "usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15}}


        """
}
