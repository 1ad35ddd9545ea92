internal import Chat
internal import FoundationEssentials

/// One thing that a follower is told: a byte for what it is, four for its length (big-endian), and that many bytes.
enum RelayFrame {
    /// No frame is longer: a text, which is a reply at most.
    private static let longest = 64 << 20

    case place(MessagePlace)
    case admitted
    case delta(AnswerDelta)
    case end(RelayEnd)

    var bytes: [UInt8] {
        let (kind, payload): (UInt8, [UInt8]) =
            switch self {
            case .place(let place):
                (
                    1,
                    [place.id, place.conversation.first, place.parent ?? ExchangeID(number: 0)].flatMap {
                        bigEndian($0.number)
                    }
                )
            case .admitted: (2, [])
            case .delta(.text(let text)): (3, Array(text.utf8))
            case .delta(.toolCall(let call)): (4, Call(call).bytes)
            case .end(let end): (5, [end.rawValue])
            }
        return [kind] + bigEndian(UInt32(payload.count)) + payload
    }

    /// Takes the first frame off bytes that came.
    ///
    /// - Returns: nil when it is not whole yet.
    /// - Throws: when it is none.
    static func next(_ bytes: inout ArraySlice<UInt8>) throws(Malformed) -> RelayFrame? {
        guard bytes.count >= 5 else { return nil }
        let start = bytes.startIndex
        let length = Int(number(bytes[start + 1..<start + 5]))
        guard length <= longest else { throw Malformed() }
        guard bytes.count >= 5 + length else { return nil }
        let payload = bytes[start + 5..<start + 5 + length]
        guard let frame = RelayFrame(bytes[start], payload) else { throw Malformed() }
        bytes = bytes[payload.endIndex...]
        return frame
    }

    struct Malformed: Error {}

    private init?(_ kind: UInt8, _ payload: ArraySlice<UInt8>) {
        switch kind {
        case 1:
            guard payload.count == 24 else { return nil }
            func id(_ index: Int) -> ExchangeID {
                let start = payload.startIndex + 8 * index
                return ExchangeID(number: Int64(bitPattern: number(payload[start..<start + 8])))
            }
            self = .place(
                MessagePlace(
                    id: id(0), conversation: ConversationID(first: id(1)), parent: id(2).number == 0 ? nil : id(2)))
        case 2: self = .admitted
        case 3: self = .delta(.text(String(decoding: payload, as: UTF8.self)))
        case 4:
            guard let call = Call(payload) else { return nil }
            self = .delta(.toolCall(call.delta))
        case 5:
            guard payload.count == 1, let end = payload.first.flatMap(RelayEnd.init) else { return nil }
            self = .end(end)
        default: return nil
        }
    }

    private struct Call: Codable {
        let index: Int
        let id: String?
        let name: String?
        let arguments: String
        let thoughtSignature: String?

        init(_ call: ToolCallDelta) {
            (index, id, name) = (call.index, call.id, call.name)
            (arguments, thoughtSignature) = (call.arguments, call.thoughtSignature)
        }

        init?(_ payload: ArraySlice<UInt8>) {
            guard let call = try? JSONDecoder().decode(Call.self, from: Data(payload)) else { return nil }
            self = call
        }

        var bytes: [UInt8] { (try? JSONEncoder().encode(self)).map { Array($0) } ?? [] }

        var delta: ToolCallDelta {
            ToolCallDelta(index: index, id: id, name: name, arguments: arguments, thoughtSignature: thoughtSignature)
        }
    }
}
