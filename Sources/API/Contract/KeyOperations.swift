extension Operation {
    static var createKey: Operation {
        Operation(
            id: "createKey", tag: .keys, summary: "Make a key",
            description: "The secret is in this reply and nowhere else.",
            body: Content(
                schema: .reference(.keyGrant),
                examples: [
                    "A key with limits": ["name": "ci", "expires": "90d", "rpm": 60, "budget": "20usd/month"]
                ]),
            replies: [
                Reply(
                    "The key is made.", status: 201,
                    Content(schema: .reference(.newKey), examples: ["A new key": key(isNew: true)]))
            ],
            errors: [
                .badRequest: "The body is not JSON, or a member breaks a rule; `param` names it.",
                .forbidden: manager,
            ])
    }

    static var listKeys: Operation {
        Operation(
            id: "listKeys", tag: .keys, summary: "List the keys",
            description: "All keys, revoked ones too, the newest first.",
            replies: [
                Reply(
                    "The keys.",
                    Content(
                        schema: .reference(.keyList),
                        examples: ["One key": ["object": "list", "data": [key(isNew: false)]]]))
            ],
            errors: [.forbidden: manager])
    }

    static var showKey: Operation {
        Operation(
            id: "showKey", tag: .keys, summary: "Look at a key", description: "With what it has spent.",
            parameters: [keyName],
            replies: [Reply("The key.", Content(schema: .reference(.key), examples: ["A key": key(isNew: false)]))],
            errors: [.forbidden: manager, .notFound: noKey, .conflict: severalKeys])
    }

    static var revokeKey: Operation {
        Operation(
            id: "revokeKey", tag: .keys, summary: "Revoke a key",
            description: "The key is dead from the next request on, in every worker, for good.",
            parameters: [keyName],
            replies: [Reply("The key, as it is now.", Content(schema: .reference(.key)))],
            errors: [.forbidden: manager, .notFound: noKey, .conflict: severalKeys])
    }

    static var rotateKey: Operation {
        Operation(
            id: "rotateKey", tag: .keys, summary: "Give a key a new secret",
            description: "What it may, has cost and has asked stays.",
            parameters: [keyName],
            body: Content(
                schema: .reference(.keyRotation),
                examples: ["With a day of both": ["grace": "24h"], "At once": [:]]),
            replies: [
                Reply(
                    "The key, with its new secret.",
                    Content(schema: .reference(.newKey), examples: ["A new secret": key(isNew: true)]))
            ],
            errors: [
                .badRequest: "The body is not JSON, or a member breaks a rule; `param` names it.",
                .forbidden: manager, .notFound: noKey,
                .conflict: "Several keys have that name, or the key is revoked or expired.",
            ])
    }

    static var showUsage: Operation {
        Operation(
            id: "showUsage", tag: .keys, summary: "Look at the usage",
            description: """
                What questions have come to. A management key sees everybody's, any other key its own, and a session \
                what it has asked itself.
                """,
            parameters: [
                Parameter(
                    name: "by", place: .query,
                    description: """
                        What a row is of. A management key gets `key` by default; all others get `model`, and cannot \
                        ask for `key`.
                        """, schema: .word("", ["key", "model", "day"])),
                Parameter(
                    name: "since", place: .query,
                    description: "The first day: a date, or how long ago that was. By default the first that is kept.",
                    schema: .text(pattern: #"^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]+[smhdw])$"#), example: "30d"),
            ],
            replies: [
                Reply(
                    "The usage.",
                    Content(
                        schema: .reference(.usageList),
                        examples: [
                            "A day": [
                                "object": "list",
                                "data": [
                                    [
                                        "day": "2026-01-31", "requests": 12, "prompt_tokens": 2430,
                                        "completion_tokens": 1210, "cost_picodollars": 727_000_000, "unpriced": 0,
                                        "saved_picodollars": 61_000_000, "estimated": 1,
                                    ]
                                ],
                            ]
                        ]))
            ],
            errors: [.badRequest: "A parameter breaks a rule; `param` names it."])
    }

    private static let keyName = Parameter(
        name: "key", place: .path, description: "The key's id or, where only one key has it, its name.",
        schema: .text(length: 1 ... .max), example: "ci")
    private static let manager = "Only a management key may see and change keys."
    private static let noKey = "There is no such key."
    private static let severalKeys = "Several keys have that name; name one by its id."

    private static func key(isNew: Bool) -> OrderedJSON {
        let secret: [OrderedJSON.Member] =
            isNew ? [OrderedJSON.Member(name: "key", value: "prl_0f8Qw1nZbY3cXv7Lk2Jh5Gd9Sa4Po60x1a2b")] : []
        let head: [OrderedJSON.Member] = [
            OrderedJSON.Member(name: "id", value: "key_5d0c3e9b8f6e217a"),
            OrderedJSON.Member(name: "name", value: "ci"),
        ]
        let rest: OrderedJSON = [
            "prefix": "prl_0f8Qw1nZ", "created_at": "2026-01-31T12:00:00.000Z",
            "expires_at": "2026-05-01T12:00:00.000Z", "budget": "20usd/month", "spent": 0, "rpm": 60, "tpm": nil,
            "parallel": nil, "models": nil, "management": false, "disabled": false,
        ]
        guard case .object(let members) = rest else { return nil }
        return .object(head + secret + members)
    }
}
