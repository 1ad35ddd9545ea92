import Chat
import FastCGI
import StrictJSON
import Synchronization

/// GET /chat/stream/{message}: a stream that was cut off, from where the caller has it.
///
/// While the answer is being made, in this worker or another, it is followed; what is whole comes from the ledger. It has
/// the `content` shape, whatever the question's was. HEAD is told that there is such a stream, and follows none.
extension ChatService {
    func resumeStream(_ principal: Principal, _ context: inout RequestContext) async throws {
        guard let id = context.pathValue("message").flatMap(ExchangeID.init) else { throw ChatError.noSuchStream }
        let from: Int?
        switch context.request.header("LAST_EVENT_ID") {
        case nil: from = nil
        case "end":
            context.status = 204
            return try await context.writer.send(
                ResponseHead(status: 204, headers: context.headers("text/event-stream")), body: [])
        case let text?:
            guard let place = Int(text), place >= 0 else { throw ChatError.noSuchPlace }
            from = place
        }
        // Asked first, since it knows whether the session is live.
        if let exchange = try await exchange(id, of: principal, &context) {
            return try await tell(exchange, from: from, &context)
        }
        let stream = context.startStream(every: settings.commentInterval, pipeline.background)
        let (progress, isHead) = (Progress(from), context.request.method == "HEAD")
        let onAnswer: AnswerHandler = { event, _ in
            switch event {
            case .asked(let place): if progress.begin() { stream.begin(with: ChatShape.content.start(place)) }
            case .admitted:
                try await stream.send([])
                if isHead { throw HeadIsSent() }
            case .deltas(let deltas, let start): try await stream.send(progress.events(deltas, from: start))
            }
        }
        do { try await follow(id, of: principal, from: from ?? 0, onAnswer) } catch is HeadIsSent {
            return await stream.silence()
        }
        guard let exchange = try await exchange(id, of: principal, &context) else {
            throw stream.hasStarted ? ChatError.brokenOff : ChatError.noSuchStream
        }
        try await tell(exchange, from: progress.end, &context)
    }

    /// Returns when the answer is whole, or nobody makes it any more.
    private func follow(
        _ id: ExchangeID, of principal: Principal, from offset: Int, _ onAnswer: @escaping AnswerHandler
    ) async throws {
        if let stream = stream(id, of: principal) {
            guard let ending = try await stream.follow(from: offset, onAnswer) else { throw ChatError.noSuchPlace }
            if case .failure(let error) = ending.result { throw error }
            return
        }
        for owner in principal.streamOwners {
            let end = try await relay?.follow(.stream(id, owner), from: offset, by: nil, onAnswer)
            switch end ?? .unknown {
            case .failed: throw ChatError.brokenOff
            case .stopped: throw ChatError.stopped
            case .noSuchPlace: throw ChatError.noSuchPlace
            case .over, .lost: return
            case .unknown: continue
            }
        }
    }

    /// - Returns: nil when it is not under way in this worker.
    private func stream(_ id: ExchangeID, of principal: Principal) -> ResumableStream? {
        for owner in principal.streamOwners {
            if let stream = streams.stream(id, of: owner) { return stream }
        }
        return nil
    }

    /// DELETE /chat/stream/{message}: ends a resumable stream, in whichever worker, and with it the call of the model.
    func stopStream(_ principal: Principal, _ context: inout RequestContext) async throws {
        guard let id = context.pathValue("message").flatMap(ExchangeID.init) else { throw ChatError.notUnderWay }
        // Asked first, since it knows whether the session is live.
        _ = try await exchange(id, of: principal, &context)
        if let stream = stream(id, of: principal) {
            stream.stop()
        } else {
            guard let relay, await stop(id, of: principal, by: relay) else { throw ChatError.notUnderWay }
        }
        try await context.send(200, JSONWriter.object { $0.member("success", true) })
    }

    private func stop(_ id: ExchangeID, of principal: Principal, by relay: any AnswerRelay) async -> Bool {
        for owner in principal.streamOwners where await relay.stop(id, of: owner) { return true }
        return false
    }

    /// - Parameter from: bytes of its text that the caller has; nil when it has no event at all.
    private func tell(_ exchange: Exchange, from: Int?, _ context: inout RequestContext) async throws {
        let (shape, text) = (ChatShape.content, exchange.answer.text)
        guard let rest = text.suffix(from: from ?? 0) else { throw ChatError.noSuchPlace }
        let stream = context.stream ?? context.startStream(every: settings.commentInterval, pipeline.background)
        if from == nil { stream.begin(with: shape.start(exchange.place)) }
        let delta = rest.isEmpty ? [] : ChatShape.delta(rest, until: text.utf8.count)
        try await stream.finish(delta + shape.done(exchange))
    }

    private func exchange(_ id: ExchangeID, of principal: Principal, _ context: inout RequestContext) async throws
        -> Exchange?
    {
        try await context.trace.time(.record) { try await ledger.exchange(id, of: principal) }.admitted()
    }
}

/// Ends the following of a stream that nobody wants to read.
private struct HeadIsSent: Error {}

/// How much of a stream its caller has.
private final class Progress: Sendable {
    private let place: Mutex<Int?>

    /// - Parameter place: bytes of the text; nil for no event at all.
    init(_ place: Int?) { self.place = Mutex(place) }

    var end: Int? { place.withLock { $0 } }

    /// - Returns: whether it has no event yet.
    func begin() -> Bool {
        place.withLock { place in
            defer { place = place ?? 0 }
            return place == nil
        }
    }

    func events(_ deltas: [AnswerDelta], from start: Int) -> [UInt8] {
        let text = deltas.map { if case .text(let text) = $0 { text } else { "" } }
        return place.withLock { place in
            var end = start
            defer { place = end }
            return text.reduce(into: []) { events, text in
                end += text.utf8.count
                events += ChatShape.delta(text, until: end)
            }
        }
    }
}

extension ChatError {
    fileprivate static let noSuchStream = ChatError(
        .notFound, "There is no such message in this session, or its answer was not finished")
    fileprivate static let notUnderWay = ChatError(
        .notFound, "No resumable stream of that message is under way in this session")
    fileprivate static let noSuchPlace = ChatError(
        .invalidField, "Last-Event-ID must be the id of an event of this stream",
        details: ["Last-Event-ID: must be the id of an event of this stream"], field: "Last-Event-ID")
    fileprivate static let brokenOff = ChatError(.providerFailed, "The answer broke off; please ask again")
}

extension Exchange {
    fileprivate var place: MessagePlace { MessagePlace(id: id, conversation: conversation, parent: parent) }
}

extension String {
    /// What follows after so many bytes; nil when that is beyond its end or within a character.
    fileprivate func suffix(from offset: Int) -> String? {
        guard let index = utf8.index(startIndex, offsetBy: offset, limitedBy: endIndex) else { return nil }
        return index.samePosition(in: unicodeScalars).map { String(self[$0...]) }
    }
}
