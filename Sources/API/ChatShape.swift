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
