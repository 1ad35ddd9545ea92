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
    /// Whether its stream goes on for a while without its connection, so that it can be continued on another.
    var isResumable: Bool { get }

    /// The body of a whole reply.
    func reply(_ exchange: Exchange) -> [UInt8]

    /// The server-sent event that carries a piece of the answer's text.
    ///
    /// - Parameter end: where it ends in the text, in bytes.
    func delta(_ text: String, until end: Int) -> [UInt8]

    /// The server-sent event that carries a piece of a tool call.
    func delta(_ call: ToolCallDelta) -> [UInt8]

    /// The event, or events, with which a whole answer ends.
    func end(_ exchange: Exchange) -> [UInt8]

    /// The events with which a stream begins, before the first piece.
    func beginning(_ place: MessagePlace) -> [UInt8]

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
    var isResumable: Bool { false }
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
        let exchange = try await pipeline.answer(request, for: principal, trace: &context.trace, onAnswer: nil)
        try await context.send(200, speaker.reply(exchange), headers: context.trace.cache?.headers ?? [])
    }

    private func stream<D: Dialect>(
        _ speaker: D, _ request: ChatRequest, for principal: Principal, _ context: inout RequestContext
    ) async throws {
        let pipeline = D.pipeline(of: self)
        let stream = context.startStream(every: settings.commentInterval, pipeline.background)
        let onAnswer: AnswerHandler = { event, cache in
            switch event {
            case .asked(let place): stream.begin(with: speaker.beginning(place))
            // So early nobody knows whether it will be an expired answer after all.
            case .admitted: if speaker.isResumable { try await stream.send([]) }
            case .deltas(let deltas, let start):
                stream.note(cache?.headers ?? [])
                try await stream.send(speaker.events(deltas, from: start))
            }
        }
        guard speaker.isResumable else {
            let exchange = try await pipeline.answer(
                request, for: principal, trace: &context.trace, onAnswer: onAnswer)
            return try await stream.finish(speaker.end(exchange))
        }
        let (trace, withdrawal) = (context.trace, Withdrawal())
        let request = request.stopped(by: withdrawal)
        let answer = streams.begin(for: principal.streamOwners, withdrawal) { onAnswer in
            var trace = trace
            do {
                let exchange = try await pipeline.answer(request, for: principal, trace: &trace, onAnswer: onAnswer)
                return (.success(exchange), trace)
            } catch {
                return (.failure(error), trace)
            }
        }
        let start = ContinuousClock.now
        let ending: ResumableStream.Ending?
        do { ending = try await answer.follow(onAnswer) } catch {
            // It may go on without its caller, and has a trace of its own.
            context.trace.add(ContinuousClock.now - start, to: .model)
            throw error
        }
        guard let ending else { return }
        context.trace = ending.trace
        try await stream.finish(speaker.end(try ending.result.get()))
    }
}

extension Dialect {
    /// - Parameter start: where they begin in the answer's text, in bytes.
    fileprivate func events(_ deltas: [AnswerDelta], from start: Int) -> [UInt8] {
        var (events, end): ([UInt8], Int) = ([], start)
        for delta in deltas {
            let event: [UInt8]
            switch delta {
            case .text(let text):
                end += text.utf8.count
                event = self.delta(text, until: end)
            case .toolCall(let call): event = self.delta(call)
            }
            if events.isEmpty { events = event } else { events += event }
        }
        return events
    }
}
