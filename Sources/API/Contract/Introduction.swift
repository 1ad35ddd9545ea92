/// What the document says before its paths.
extension Contract {
    static let introduction = """
        Ask a question, get a language model's answer, as JSON or as a stream. Requests and replies are JSON in UTF-8 \
        over HTTPS; a body needs `Content-Type: application/json`.

        **Who asks.** People log in with an email address (`POST /auth/email`), where the operator wants it with a \
        code that is sent there, and send the session's token; programs send an API key. Both go into `Authorization: Bearer …`. Clients other than monitors need a `User-Agent` of \
        at least 10 characters, unless set otherwise.

        **Two contracts.** Parley's own, for applications that let Parley keep their conversations, and OpenAI's chat \
        completions under `/v1`, for programs that speak them already.

        **Errors.** Every error is an object, whether the application made it or nginx before it: below `/v1` \
        OpenAI's `{"error": {…}}`, everywhere else Parley's with `error`, `message`, `details`, `status_code` and \
        `request_id`. A path that is not here is a 404, and a method that a path does not take is a 405 with `Allow`. \
        Wherever GET is taken, HEAD is too.

        **Request ids.** Every reply has `X-Request-ID`. Send one of your own, of 8 to 64 letters, digits or `._-`, \
        and it is used instead, also in the server's log.

        **Limits.** One network address (an IPv4 address or an IPv6 /64) may log in 5 times a minute, ask 10 \
        questions a minute and read 120 times a minute; API keys have their own rates instead. A session has 50 \
        messages. These are defaults.

        **Browsers.** Pages of the origins that the operator has allowed may send any header and read every reply, \
        with its `Retry-After`, `X-Request-ID`, `X-Parley-Cache` and `X-Should-Retry`. This document may be read from \
        everywhere.

        **What may change.** Members may be added to replies, and new kinds of events to streams: let pass what you \
        do not know. What is here stays.
        """

    static func description(of tag: Operation.Tag) -> String {
        switch tag {
        case .sessions: "Logging in with an email address, and looking at and ending the session."
        case .chat: "A question, and its answer as JSON or as a stream."
        case .conversations: "What was asked and answered."
        case .streams: "Going on with a stream after its connection was lost."
        case .openAI: "OpenAI's chat completions, for programs that speak them: the base URL ends in `/v1`."
        case .keys: "API keys and what they have cost. All but usage is for management keys."
        case .health: "For monitors and load balancers; no token is needed."
        }
    }
}
