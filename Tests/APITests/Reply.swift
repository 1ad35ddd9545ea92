import FastCGI
import Foundation
import Synchronization
import Testing

/// What a responder sends, up to the piece at which the caller hangs up.
final class RecordedReply: ReplyChannel {
    private let piecesTaken: Int
    private let sent = Mutex<(bytes: [UInt8], pieces: Int)>(([], 0))

    init(piecesTaken: Int) { self.piecesTaken = piecesTaken }

    var bytes: [UInt8] { sent.withLock { $0.bytes } }

    func deliver(_ head: [UInt8], _ body: [UInt8], isLast: Bool) async throws(ResponseError) {
        let isTaken = sent.withLock { sent in
            guard sent.pieces < piecesTaken else { return false }
            sent.pieces += 1
            sent.bytes += head + body
            return true
        }
        guard isTaken else { throw .peerGone }
    }

    func abandon() {}
}

/// A CGI reply (RFC 3875, 6), taken apart.
struct Reply: Sendable {
    let status: Int
    /// Names in lower case.
    let headers: [(name: String, value: String)]
    let body: String

    init(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else {
            (status, headers, body) = (0, [], text)
            return
        }
        let fields = text[..<end.lowerBound].components(separatedBy: "\r\n").map { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: parts[0].lowercased(), value: parts[1].trimmingCharacters(in: .whitespaces))
        }
        let line = fields.first { $0.name == "status" }?.value ?? ""
        status = Int(line.prefix(3)) ?? 0
        headers = fields.filter { $0.name != "status" }
        body = String(text[end.upperBound...])
    }

    /// The one value of a header; nil when it is not there or there more than once.
    func header(_ name: String) -> String? {
        let found = headers.filter { $0.name == name }
        return found.count == 1 ? found[0].value : nil
    }

    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]) ?? [:]
    }

    func text(_ name: String) -> String? { json[name] as? String }
    func number(_ name: String) -> Int? { json[name] as? Int }

    /// OpenAI's error object, if that is what the body is.
    var openAIError: [String: Any]? {
        guard json.count == 1, let error = json["error"] as? [String: Any],
            Set(error.keys) == ["message", "type", "param", "code"], error["message"] is String
        else { return nil }
        return error
    }

    /// The chunks of a stream of OpenAI's, without its end mark.
    var chunks: [[String: Any]] {
        body.components(separatedBy: "\n\n").filter { $0 != "data: [DONE]" && !$0.isEmpty }.map { event in
            (try? JSONSerialization.jsonObject(with: Data(event.dropFirst("data: ".count).utf8)) as? [String: Any])
                ?? [:]
        }
    }

    /// The events of a stream, without its comments.
    var events: [Event] {
        body.components(separatedBy: "\n\n").filter { !$0.isEmpty && !$0.hasPrefix(":") }.map(Event.init)
    }

    /// The text of a stream's events.
    var streamedText: String { events.compactMap { $0.data["text"] as? String }.joined() }
}

/// A server-sent event, of which this service makes three lines.
struct Event {
    let name: String
    let id: String
    let data: [String: Any]

    init(_ block: String) {
        let lines = block.components(separatedBy: "\n")
        name = String(lines[0].dropFirst("event: ".count))
        id = lines.count > 1 ? String(lines[1].dropFirst("id: ".count)) : ""
        let json = lines.count == 3 ? lines[2].dropFirst("data: ".count) : ""
        data = (try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]) ?? [:]
    }
}

/// Expects the one error object.
func expectError(
    _ reply: Reply, _ status: Int, _ note: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(reply.status == status, note, sourceLocation: sourceLocation)
    #expect(
        Set(reply.json.keys) == ["error", "message", "details", "status_code", "request_id"], note,
        sourceLocation: sourceLocation)
    #expect(reply.number("status_code") == status, note, sourceLocation: sourceLocation)
    #expect(reply.header("content-type") == "application/json", note, sourceLocation: sourceLocation)
    #expect(reply.text("request_id") == reply.header("x-request-id"), note, sourceLocation: sourceLocation)
}
