/// What POST /v1/chat/completions takes, as ``CompletionForm`` reads it.
extension CompletionForm {
    static let schema = Schema.record(
        "OpenAI's request. A member that is null counts as absent. Members that are not here are ignored, except "
            + "those that ask for what cannot be done, which are a 400 that names them: `functions`, `function_call`, "
            + "`audio`, `web_search_options`, `logit_bias`, `n` above 1, `logprobs`, `\"store\": true`.",
        [
            "model": .text(
                "One of `GET /v1/models`. Its provider is asked first, and the others when it fails.",
                length: 1 ... .max, example: "gemini-2.5-flash-lite"),
            "messages": .list(
                "The conversation, oldest first; the last one is answered. Nothing is added to it. The results of "
                    + "tools follow the message that called them.",
                of: .reference(.completionMessage), 1 ... .max),
            "stream": .flag("Whether the answer comes as server-sent events.").orNull,
            "stream_options": .record(
                ["include_usage": .flag("One more chunk, with the tokens, before the end of a stream.").orNull],
                optional: ["include_usage"]
            ).orNull,
            "max_completion_tokens": .whole(
                "The most tokens of the answer; where it is absent, `max_tokens` counts, else the server's setting "
                    + "(4,096).",
                1...1_000_000
            ).orNull,
            "max_tokens": .whole("The older name of `max_completion_tokens`.", 1...1_000_000).orNull,
            "temperature": .number("", 0...2).orNull, "top_p": .number("", 0...1).orNull,
            "presence_penalty": .number("", -2...2).orNull, "frequency_penalty": .number("", -2...2).orNull,
            "seed": .whole("", .min ... .max).with("format", "int64").orNull,
            "stop": Schema([
                "description": "Texts before which the answer ends.",
                "anyOf": [
                    ["type": ["string", "null"]],
                    ["type": "array", "items": ["type": "string", "minLength": 1], "maxItems": 4],
                ],
            ]),
            "reasoning_effort": .text("The provider's own word for it, such as `low`.").orNull,
            "verbosity": .text("The provider's own word for it.").orNull, "response_format": responseFormat,
            "tools": .list("What the model may call.", of: .reference(.tool), 0...128).orNull,
            "tool_choice": ToolForm.choiceSchema,
            "parallel_tool_calls": .flag("Whether an answer may have several calls.").orNull,
            "n": .whole("", 1...1).orNull, "logprobs": Schema(["enum": [false, nil]]),
            "store": Schema(["enum": [false, nil]]),
            "service_tier": .word("", ["auto", "default"]).orNull,
        ],
        optional: [
            "stream", "stream_options", "max_completion_tokens", "max_tokens", "temperature", "top_p",
            "presence_penalty", "frequency_penalty", "seed", "stop", "reasoning_effort", "verbosity",
            "response_format", "tools", "tool_choice", "parallel_tool_calls", "n", "logprobs", "store", "service_tier",
        ])

    private static let responseFormat = Schema([
        "description": "The form of the answer. Providers that cannot keep to it are skipped.",
        "oneOf": [
            ["type": "null"], formatSchema("text"), formatSchema("json_object"),
            [
                "type": "object", "required": ["type", "json_schema"],
                "properties": [
                    "type": ["const": "json_schema"],
                    "json_schema": [
                        "type": "object", "required": ["name"],
                        "properties": [
                            "name": ["type": "string", "minLength": 1],
                            "schema": [
                                "type": ["object", "null"], "description": "A JSON schema, passed on as it is.",
                            ],
                        ],
                    ],
                ],
            ],
        ],
    ])

    private static func formatSchema(_ type: String) -> OrderedJSON {
        ["type": "object", "required": ["type"], "properties": ["type": ["const": .string(type)]]]
    }

    static let messageSchema = Schema.one(
        of: [
            .record(
                "What the user or the program says.",
                ["role": .word("", ["system", "developer", "user"]), "content": content, "name": .text().orNull],
                optional: ["name"]),
            .record(
                "What the model said or called.",
                [
                    "role": .word("", ["assistant"]), "content": Schema(["anyOf": [content.json, ["type": "null"]]]),
                    "refusal": .text("In the place of `content`.").orNull, "name": .text().orNull,
                    "tool_calls": .list("", of: .reference(.toolCall)).orNull,
                ], optional: ["content", "refusal", "name", "tool_calls"]),
            .record(
                "What a tool gave.",
                [
                    "role": .word("", ["tool"]), "content": content,
                    "tool_call_id": .text("The id of the call.", length: 1 ... .max), "name": .text().orNull,
                ], optional: ["name"]),
        ])

    private static let content = Schema([
        "description": "A text, or parts of one, which are put one below the other.",
        "anyOf": [
            ["type": "string"],
            [
                "type": "array",
                "items": [
                    "type": "object", "required": ["type", "text"],
                    "properties": ["type": ["const": "text"], "text": ["type": "string"]],
                ],
            ],
        ],
    ])
}

/// The tools of a request, as ``ToolForm`` reads them.
extension ToolForm {
    private static let name = Schema.text(pattern: "^[A-Za-z0-9_-]+$", length: 1...64)

    static let toolSchema = Schema.record(
        "A function that the model may ask the caller to call.",
        [
            "type": .word("", ["function"]),
            "function": .record(
                [
                    "name": name, "description": .text().orNull,
                    "parameters": Schema(["type": ["object", "null"], "description": "A JSON schema."]),
                ], optional: ["description", "parameters"]),
        ])

    static let callSchema = Schema.record(
        "A call that the model asks for.",
        [
            "id": .text("Different from those of the message's other calls.", length: 1 ... .max),
            "type": .word("", ["function"]),
            "function": .record(["name": .text(length: 1 ... .max), "arguments": .text("A JSON text.")]),
            "extra_content": extraContent,
        ], optional: ["extra_content"])

    static let choiceSchema = Schema([
        "description": """
        Whether tools are called, and which. All that it names must be in `tools`; without `tools` only `none` and \
        `auto` are taken.
        """,
        "anyOf": [
            ["enum": ["none", "auto", "required", nil]],
            [
                "type": "object", "required": ["type", "function"],
                "properties": ["type": ["const": "function"], "function": named],
            ],
            [
                "type": "object", "required": ["type", "allowed_tools"],
                "properties": [
                    "type": ["const": "allowed_tools"],
                    "allowed_tools": [
                        "type": "object", "required": ["mode", "tools"],
                        "properties": [
                            "mode": ["enum": ["auto", "required"]],
                            "tools": [
                                "type": "array", "minItems": 1,
                                "items": [
                                    "type": "object", "required": ["function"], "properties": ["function": named],
                                ],
                            ],
                        ],
                    ],
                ],
            ],
        ],
    ])

    private static let named: OrderedJSON = [
        "type": "object", "required": ["name"], "properties": ["name": name.json],
    ]

    static let extraContent = Schema.record(
        "Gemini's mark on a call: it has to be sent back with it.",
        ["google": .record(["thought_signature": .text()])])
}
