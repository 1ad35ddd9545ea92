extension Operation {
    static var resumeStream: Operation {
        Operation(
            id: "resumeStream", tag: .streams, summary: "Go on with a stream",
            description: """
                Continues the stream of an answer after the event that was last seen, as long as the answer is being \
                made; afterwards it gives the rest of the stored answer and `done`. A stream that was asked for with \
                `"resumable": true` goes on for 10 seconds (unless set otherwise) after its connection is lost; any \
                other ends with its connection. A WebSocket is not needed for this.
                """,
            parameters: [
                Parameter(
                    name: "message", place: .path, description: "The message's id, as the `start` event had it.",
                    schema: .messageID(""), example: "msg_1a1fb78fcfc11605"),
                Parameter(
                    name: "Last-Event-ID", place: .header,
                    description: """
                        The `id` of the last event that was seen. Absent: from the `start` event on; a number: the \
                        text after it; `end`: there is nothing more, a 204.
                        """, schema: .text(pattern: "^([0-9]+|end)$"), example: "17"),
            ],
            replies: [
                Reply(
                    "The rest of the stream, in the shape of `content`.",
                    Content(
                        type: "text/event-stream",
                        schema: .reference(.chatEvent, "Each event; `data` is one line of JSON."))),
                Reply("All of it was seen.", status: 204),
            ],
            errors: [
                .tooMany: reads, .forbidden: userAgent,
                .invalid: "`Last-Event-ID` is neither a number nor `end`.",
                .notFound: "There is no such message in this session, or its answer was not finished.",
            ])
    }
}
