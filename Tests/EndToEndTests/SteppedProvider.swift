import Foundation
import Synchronization

/// A model that says what it is told to when it is told to, in OpenAI's format; each call gets all of it.
final class SteppedProvider: Sendable {
    private final class Script: Sendable {
        let state = Mutex(
            (pieces: [String](), isOver: false, isBroken: false, asked: 0, hangUps: [ContinuousClock.Instant]()))
    }

    private let script = Script()
    private let socket: ProviderSocket

    init() throws {
        socket = try ProviderSocket { [script] connection in
            while connection.request() != nil {
                script.state.withLock { $0.asked += 1 }
                guard Self.answer(on: connection, script) else { return }
            }
        }
    }

    var port: UInt16 { socket.port }

    var settings: [String: String] {
        [
            "CHAT_OPENAI_API_KEY": "key", "CHAT_OPENAI_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "CHAT_OPENAI_MODEL": "stepped", "CHAT_MESSAGE_LIMIT": "1000",
        ]
    }

    var asked: Int { script.state.withLock { $0.asked } }
    /// When callers hung up in the middle of an answer.
    var hangUps: [ContinuousClock.Instant] { script.state.withLock { $0.hangUps } }

    func say(_ text: String) { script.state.withLock { $0.pieces.append(text) } }
    /// Closes the connection in the middle of the answer.
    func breakOff() { script.state.withLock { $0.isBroken = true } }
    func finish() { script.state.withLock { $0.isOver = true } }

    /// - Returns: whether the caller stayed.
    private static func answer(on connection: ProviderConnection, _ script: Script) -> Bool {
        func send(_ events: String) -> Bool {
            connection.send(String(events.utf8.count, radix: 16) + "\r\n\(events)\r\n")
        }
        func event(_ delta: String, _ reason: String) -> String {
            #"data: {"id":"x","model":"stepped","choices":[{"index":0,"delta":{\#(delta)},"finish_reason":\#(reason)}]}"#
                + "\n\n"
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        guard connection.send(head) else { return false }
        var said = 0
        while true {
            let (pieces, isOver, isBroken) = script.state.withLock {
                (Array($0.pieces.dropFirst(said)), $0.isOver, $0.isBroken)
            }
            if isBroken { return false }
            for piece in pieces { guard send(event(#""content":"\#(piece)""#, "null")) else { return false } }
            said += pieces.count
            if isOver { return send(event("", #""stop""#) + "data: [DONE]\n\n") && connection.send("0\r\n\r\n") }
            if let time = connection.hangUp(until: .now + .milliseconds(5)) {
                script.state.withLock { $0.hangUps.append(time) }
                return false
            }
        }
    }
}
