extension Operation {
    static var complete: Operation {
        Operation(
            id: "createChatCompletion", tag: .openAI, summary: "Ask by OpenAI's contract",
            description: """
                OpenAI's chat completions, plain and streamed, for programs that speak them: the base URL ends in \
                `/v1`, and the key is an API key or the token of a session. What was said before is in the request, \
                and goes to the model as it came: no system prompt is added and no markup removed.

                A last message of the user's that looks like an attack is a 400 `content_policy_violation`. Tools are \
                the caller's: they are passed on, and the model's calls are passed back. A stream that ends without \
                `[DONE]` is not a whole answer.
                """,
            parameters: [cacheControl],
            body: Content(
                schema: .reference(.completionRequest),
                examples: [
                    "A question": [
                        "model": "gemini-2.5-flash-lite",
                        "messages": [["role": "user", "content": "What is a socket?"]],
                    ]
                ]),
            replies: [
                Reply(
                    "The answer.", headers: [.cache] + Header.rates,
                    Content(
                        schema: .reference(.completion),
                        examples: [
                            "An answer": [
                                "id": "chatcmpl-62026dfe40fa1bb3f1e7d7f170aade70", "object": "chat.completion",
                                "created": 1_795_220_372, "model": "echo-1",
                                "choices": [
                                    [
                                        "index": 0,
                                        "message": [
                                            "role": "assistant", "content": "You said: What is a socket?",
                                            "refusal": nil,
                                        ], "logprobs": nil, "finish_reason": "stop",
                                    ]
                                ], "usage": ["prompt_tokens": 13, "completion_tokens": 6, "total_tokens": 19],
                            ]
                        ]),
                    Content(
                        type: "text/event-stream",
                        schema: .reference(.completionEvent, "Each event; `data` is one line of JSON, or `[DONE]`.")))
            ],
            errors: [
                .badRequest: """
                The body is not JSON, a parameter breaks a rule or asks for what cannot be done (`param` names it), \
                the message looks like an attack, the model's filter refused it, it is too long for the model, or the \
                model has no price and the key has a budget.
                """,
                .forbidden:
                    "A management key cannot ask a model, and a key may be limited to models that are not here.",
                .notFound: "There is no such model, or it is not for this key.",
                .tooMany: """
                The key's rate is used up (`rate_limit_exceeded`, with `Retry-After`), or its budget, the session's \
                messages or the server's calls of the day are (`insufficient_quota`, with `X-Should-Retry: false`).
                """,
            ])
    }

    static var listModels: Operation {
        Operation(
            id: "listModels", tag: .openAI, summary: "List the models",
            description: """
                The models that can be asked for: each provider's own, and other names that the operator gave them. A \
                key that may not ask all sees those that it may; a management key sees none.
                """,
            replies: [
                Reply(
                    "The models.",
                    Content(
                        schema: .reference(.modelList),
                        examples: ["One model": ["object": "list", "data": [model]]]))
            ])
    }

    static var showModel: Operation {
        Operation(
            id: "showModel", tag: .openAI, summary: "Look at a model",
            description: "One of the models that can be asked for.",
            parameters: [
                Parameter(
                    name: "model", place: .path,
                    description: "The model's name. Slashes in it may be written as they are.",
                    schema: .text(length: 1 ... .max), example: "echo-1")
            ],
            replies: [
                Reply("The model.", Content(schema: .reference(.model), examples: ["The echo": model]))
            ],
            errors: [.notFound: "There is no such model, or it is not for this key."])
    }

    private static let model: OrderedJSON = ["id": "echo-1", "object": "model", "created": 0, "owned_by": "echo"]
}
