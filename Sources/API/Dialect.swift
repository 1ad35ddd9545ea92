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

    /// The server-sent event that carries a piece of a tool call.
    func delta(_ call: ToolCallDelta) -> [UInt8]

    /// The event, or events, with which a whole answer ends.
    func end(_ exchange: Exchange) -> [UInt8]

    /// The events with which a stream begins, before the first piece.
    var beginning: [UInt8] { get }

    /// Its own way through the same pipeline.
    static func pipeline(of service: ChatService) -> ChatPipeline

    /// The most bytes of a request.
    static func bodyLimit(_ settings: ServiceSettings) -> Int

    /// Nil for what HTTP itself would say.
    static func status(of code: ChatError.Code) -> Int?

    /// Headers of an error, beside what HTTP itself asks for.
    static func headers(of code: ChatError.Code) -> [(name: String, value: String)]

    /// The one error object.
    static func body(of error: ErrorReply) -> [UInt8]

    /// The event that ends a stream whose answer is not whole.
    static func event(of error: ErrorReply) -> [UInt8]
}

extension Dialect {
    var beginning: [UInt8] { [] }
    /// A contract without tools gets no calls.
    func delta(_ call: ToolCallDelta) -> [UInt8] { [] }
    static func pipeline(of service: ChatService) -> ChatPipeline { service.pipeline }
    /// Room for 10,000 characters, however they are escaped.
    static func bodyLimit(_ settings: ServiceSettings) -> Int { 131_072 }
    static func status(of code: ChatError.Code) -> Int? { nil }
    static func headers(of code: ChatError.Code) -> [(name: String, value: String)] { [] }
}

extension ChatService {
    /// Answers a request in its dialect, whole or as a stream.
    func chat<D: Dialect>(in dialect: D.Type, _ principal: Principal, _ context: inout RequestContext) async throws {
        let speaker = try D(context.request, from: principal)
        var request = speaker.request
        request.cacheControl = context.request.cacheControl
        if speaker.isStreamed { return try await stream(speaker, request, for: principal, &context) }
        let pipeline = D.pipeline(of: self)
        let exchange = try await pipeline.answer(request, for: principal, trace: &context.trace, onDelta: nil)
        try await context.send(200, speaker.reply(exchange), headers: context.trace.cache?.headers ?? [])
    }

    private func stream<D: Dialect>(
        _ speaker: D, _ request: ChatRequest, for principal: Principal, _ context: inout RequestContext
    ) async throws {
        let stream = EventStream(
            context.writer, headers: context.headers(EventStream.contentType), beginning: speaker.beginning,
            rates: context.trace.rates)
        context.stream = stream
        context.status = 200
        let pipeline = D.pipeline(of: self)
        let exchange = try await pipeline.answer(request, for: principal, trace: &context.trace) { delta, cache in
            let headers = cache?.headers ?? []
            switch delta {
            case .text(let text): try await stream.send(speaker.delta(text), headers)
            case .toolCall(let call): try await stream.send(speaker.delta(call), headers)
            }
        }
        try await stream.send(speaker.end(exchange))
    }
}
