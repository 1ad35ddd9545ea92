import Chat
import StrictJSON

/// The two published shapes of what /chat says, named by the field that carries the text; the reply has the same one.
///
/// The id of an event is where the text stands after it, in bytes: who was cut off asks for what comes after the last one
/// that it has, whichever pieces that comes in. The last event has the id `end`.
enum ChatShape: String {
    case content, message

    func whole(_ exchange: Exchange) -> [UInt8] { whole(exchange, after: "", before: "") }

    func start(_ place: MessagePlace) -> [UInt8] {
        JSONWriter.object(after: "event: start\nid: 0\ndata: ", before: "\n\n", capacity: 192) { json in
            json.member(self == .content ? "id" : "message_id", place.id.text)
            json.member("conversation_id", place.conversation.text)
            json.member("parent", place.parent?.text)
        }
    }

    static func delta(_ text: String, until end: Int) -> [UInt8] {
        JSONWriter.object(
            after: "event: delta\nid: ", end, "\ndata: ", before: "\n\n", capacity: 64 + text.utf8.count
        ) { $0.member("text", text) }
    }

    func done(_ exchange: Exchange) -> [UInt8] {
        whole(exchange, after: "event: done\nid: end\ndata: ", before: "\n\n")
    }

    private func whole(_ exchange: Exchange, after prefix: StaticString, before suffix: StaticString) -> [UInt8] {
        let answer = exchange.answer
        return JSONWriter.object(after: prefix, before: suffix, capacity: 512 + answer.text.utf8.count) { json in
            switch self {
            case .content:
                json.member("id", exchange.id.text)
                json.member("content", answer.text)
            case .message:
                json.member("success", true)
                json.member("message_id", exchange.id.text)
                json.member("response", answer.text)
            }
            json.describe(exchange)
        }
    }
}

extension ChatShape {
    static let contentAnswerSchema = Schema.record(
        "An answer in the shape of `content`.",
        ["id": .messageID(), "content": answerText] + JSONWriter.Members.exchangeMembers,
        optional: JSONWriter.Members.optionalExchangeMembers)

    static let messageAnswerSchema = Schema.record(
        "An answer in the shape of `message`.",
        ["success": .flag("Always true.").with("const", true), "message_id": .messageID(), "response": answerText]
            + JSONWriter.Members.exchangeMembers,
        optional: JSONWriter.Members.optionalExchangeMembers)

    private static let answerText = Schema.text("The model's answer; a fixed text when the message was blocked.")

    static let eventSchema = Schema.one(
        of: [.reference(.startEvent), .reference(.deltaEvent), .reference(.doneEvent), .reference(.errorEvent)])

    static let startEventSchema = event(
        "The first event: which message this is. Its id is `message_id` in the shape of `message`.", "start",
        .one(of: [
            .record(["id": .messageID()] + placeMembers), .record(["message_id": .messageID()] + placeMembers),
        ]), id: .word("", ["0"]))

    private static let placeMembers: Schema.Members = [
        "conversation_id": .conversationID(),
        "parent": .messageID("The message that it was asked below; null at the beginning.").orNull,
    ]

    static let deltaEventSchema = event(
        "A piece of the answer's text, in order.", "delta", .record(["text": .text()]),
        id: .text("Bytes (UTF-8) of the answer's text up to here.", pattern: "^[1-9][0-9]*$"))

    static let doneEventSchema = event(
        "The last event of a whole answer: what a plain reply would be.", "done",
        .one(of: [.reference(.contentAnswer), .reference(.messageAnswer)]), id: end)

    static let errorEventSchema = event(
        "The last event of an answer that is not whole. It does not count against the session.", "error",
        .reference(.error), id: end)

    private static let end = Schema.word("", ["end"])

    private static func event(_ description: String, _ name: String, _ data: Schema, id: Schema) -> Schema {
        .record(description, ["event": .word("", [name]), "id": id, "data": .encoded(data)])
    }
}
