import Chat
import FastCGI

/// How one published contract says what the pipeline takes and gives. The table of routes names it; one value speaks for
/// one request.
protocol Dialect: Sendable {
    /// Reads what is asked.
    ///
    /// - Throws: ``ChatError``.
    init(_ request: Request, from principal: Principal) throws(ChatError)

    var request: ChatRequest { get }
    var isStreamed: Bool { get }

    /// The body of a whole reply.
    func reply(_ exchange: Exchange) -> [UInt8]

    /// The server-sent event that carries a piece of the answer's text.
    func delta(_ text: String) -> [UInt8]

    /// The event, or events, with which a whole answer ends.
    func end(_ exchange: Exchange) -> [UInt8]

    /// The one error object.
    static func body(of error: ErrorReply) -> [UInt8]

    /// The event that ends a stream whose answer is not whole.
    static func event(of error: ErrorReply) -> [UInt8]
}

extension ChatService {
    /// Answers a request in its dialect, whole or as a stream.
    func chat<D: Dialect>(in dialect: D.Type, _ principal: Principal, _ context: inout RequestContext) async throws {
        let speaker = try D(context.request, from: principal)
        if speaker.isStreamed { return try await stream(speaker, for: principal, &context) }
        let exchange = try await pipeline.answer(speaker.request, for: principal, trace: &context.trace, onDelta: nil)
        try await context.send(200, speaker.reply(exchange))
    }

    private func stream(_ speaker: some Dialect, for principal: Principal, _ context: inout RequestContext) async throws
    {
        let stream = EventStream(context.writer, headers: context.headers(EventStream.contentType))
        context.stream = stream
        context.status = 200
        let exchange = try await pipeline.answer(speaker.request, for: principal, trace: &context.trace) { text in
            try await stream.send(speaker.delta(text))
        }
        try await stream.send(speaker.end(exchange))
    }
}
