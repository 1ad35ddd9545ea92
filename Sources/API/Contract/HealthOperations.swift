extension Operation {
    static var showHealth: Operation {
        let health = Schema.reference(.health)
        return Operation(
            id: "showHealth", tag: .health, summary: "Ask whether it is healthy",
            description: """
                200 while requests can be served, also when providers fail (`degraded`); 503 when the database cannot \
                be read or written. It looks once a second at the most.
                """,
            parameters: [
                Parameter(
                    name: "detailed", place: .query,
                    description: "`true` or `1` adds the state of each part; anything else does not.", schema: .text(),
                    example: "true")
            ],
            replies: [
                Reply(
                    "Requests can be served.",
                    Content(
                        schema: health,
                        examples: [
                            "Healthy": [
                                "status": "healthy", "timestamp": "2026-11-21T00:19:32.664Z", "version": "0.1.0",
                                "database": "connected", "ai_service": "echo",
                            ]
                        ])),
                Reply(
                    "The database cannot be used, or the server is overloaded.", status: 503, headers: [.retryAfter],
                    Content(
                        schema: .one(of: [health, .reference(.error)]),
                        examples: [
                            "Without its database": [
                                "status": "unhealthy", "timestamp": "2026-11-21T00:19:32.664Z", "version": "0.1.0",
                                "database": "unavailable", "ai_service": "echo",
                            ]
                        ])),
            ])
    }

    static var showLife: Operation {
        Operation(
            id: "showLife", tag: .health, summary: "Ask whether it is alive",
            description: """
                200 while a worker takes requests. It touches nothing, the database neither: for probes that restart \
                what does not answer.
                """,
            replies: [
                Reply(
                    "It is alive.",
                    Content(
                        schema: .reference(.life),
                        examples: [
                            "Alive": [
                                "status": "alive", "timestamp": "2026-11-21T00:19:32.664Z", "version": "0.1.0",
                            ]
                        ]))
            ])
    }
}
