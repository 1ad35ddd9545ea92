internal import Chat
internal import StrictJSON

/// Turns a reply's bytes, in whatever portions they come, into text and in the end an answer.
///
/// A provider answers with server-sent events, or with one JSON document when it does not stream. The first byte that
/// is no white space tells which, because an event stream never begins with a bracket.
struct ReplyReader<Format: ReplyFormat>: Sendable {
    private enum Framing {
        case unknown, events, document
    }

    private(set) var format: Format
    /// The stream's own end mark was read; nothing after it matters. It ends a stream that broke off too: only a finish
    /// reason says that the answer is whole.
    private(set) var isOver = false
    private var framing = Framing.unknown
    private var parser = SSEParser()
    private var document: [UInt8] = []
    private var pattern: ChunkPattern?
    /// Chunks that were parsed in search of a pattern.
    private var misses = 0
    /// What was read of the provider's own; comments are none.
    private(set) var documents = 0

    init(_ format: Format) {
        self.format = format
    }

    /// - Returns: the text that these bytes add to the answer.
    mutating func feed(_ bytes: [UInt8]) throws(ModelFailure) -> String {
        if framing == .unknown, let first = bytes.first(where: { $0 > 0x20 }) {
            framing = first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? .document : .events
        }
        guard framing != .document else {
            document += bytes
            return ""
        }
        let events: [[UInt8]]
        do throws(SSEParser.EventTooLarge) {
            events = try parser.feed(bytes)
        } catch {
            throw format.draft.failure(.unfinished, "an event has more than \(SSEParser.maximumEventBytes) bytes")
        }
        var text = ""
        for event in events where !isOver {
            if Self.isEndMark(event) {
                isOver = true
            } else {
                text += try read(event)
            }
        }
        return text
    }

    /// What was added to tool calls since this was last asked.
    mutating func takeCalls() -> [ToolCallDelta] { format.draft.calls.takeNews() }

    /// Whether the provider has said that the answer ends here.
    var isFinished: Bool { format.draft.finishReason != nil }

    /// The reply's bytes have come to an orderly end, or nothing is missing after a finish reason.
    ///
    /// - Returns: text that came with the end, and the whole answer to that request.
    mutating func finish(_ request: ModelRequest) throws(ModelFailure) -> (text: String, answer: ModelAnswer) {
        var text = ""
        if framing == .document {
            text = try read(document)
        } else if !isOver, let event = parser.finish() {
            if Self.isEndMark(event) {
                isOver = true
            } else if let last = try? JSON(parsing: event, .tolerant) {
                // Otherwise the event was cut in its middle, and the answer with it.
                documents += 1
                text = try format.read(last)
            }
        }
        if documents == 0, parser.foreignLines > 0 {
            throw format.draft.failure(.malformed, "the reply is neither JSON nor server-sent events")
        }
        return (text, try format.draft.answer(to: request, isWhole: framing == .document))
    }

    /// OpenAI's, with whatever blanks around it.
    private static func isEndMark(_ event: [UInt8]) -> Bool {
        event.count < 32 && event.filter { $0 > 0x20 }.elementsEqual("[DONE]".utf8)
    }

    private mutating func read(_ bytes: [UInt8]) throws(ModelFailure) -> String {
        if let text = pattern?.text(of: bytes) {
            documents += 1
            return format.draft.take(text)
        }
        let json: JSON
        do throws(JSONError) {
            json = try JSON(parsing: bytes, .tolerant)
        } catch {
            throw format.draft.failure(.malformed, "not JSON: \(error)")
        }
        documents += 1
        // Some providers give each chunk a number of its own, and a whole document has no other after it.
        guard framing == .events, misses < 16 else { return try format.read(json) }
        misses += 1
        let before = format
        let text = try format.read(json)
        if format.draft.calls.calls.isEmpty { pattern = ChunkPattern(bytes, with: text, in: before) ?? pattern }
        return text
    }
}
