import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

/// A paid model's place, on a real socket: speaks the wire formats of Gemini and of OpenAI's chat completions, streamed,
/// and does to each request what the test says.
final class ScriptedProvider: Sendable {
    enum Conduct: Sendable {
        /// A whole answer in several pieces, with its token count: 7 and 5.
        case answer(String)
        /// Asks for calls of that function, one for each of the arguments, which are JSON objects.
        case call(String, [String])
        /// An error status, with a body as the provider words it.
        case refuse(Int, headers: [String: String] = [:])
        /// Ends in the middle of an answer, before anything says that it is finished.
        case cut
        /// 200, and something that is no such format.
        case nonsense
        /// What the provider's content filter does.
        case filter
    }

    struct Asked: Sendable {
        let path: String
        let headers: [String: String]
        let body: Data

        /// The texts that the model was given, oldest first, the system's left out.
        var messages: [String] {
            let json = try? JSONSerialization.jsonObject(with: body) as? [String: Any]
            if let contents = json?["contents"] as? [[String: Any]] {
                return contents.compactMap { ($0["parts"] as? [[String: Any]])?.first?["text"] as? String }
            }
            let messages = json?["messages"] as? [[String: Any]] ?? []
            return messages.filter { $0["role"] as? String != "system" }.compactMap { $0["content"] as? String }
        }
    }

    let port: UInt16
    private let running: Task<Void, any Error>
    private let record: Record

    private final class Record: Sendable {
        let asked = Mutex<[Asked]>([])
        let conduct: @Sendable (Asked, _ call: Int) async -> Conduct
        init(_ conduct: @escaping @Sendable (Asked, Int) async -> Conduct) { self.conduct = conduct }
    }

    /// - Parameter conduct: what to do with a request; calls are counted from 1.
    init(_ conduct: @escaping @Sendable (_ asked: Asked, _ call: Int) async -> Conduct) async throws {
        let record = Record(conduct)
        self.record = record
        let server = HTTPServer(address: try .inet(ip4: "127.0.0.1", port: 0))
        await server.appendRoute("*") { request in
            let headers = Dictionary(
                request.headers.map { ($0.key.rawValue.lowercased(), $0.value) }, uniquingKeysWith: { one, _ in one })
            let asked = Asked(path: request.path, headers: headers, body: try await request.bodyData)
            let call = record.asked.withLock { all in
                all.append(asked)
                return all.count
            }
            let conduct = await record.conduct(asked, call)
            return asked.path.hasPrefix("/v1beta/") ? GeminiFormat.reply(conduct) : OpenAIFormat.reply(conduct)
        }
        running = Task { try await server.run() }
        try await server.waitUntilListening()
        guard case .ip4(_, let port)? = await server.listeningAddress else { throw URLError(.cannotConnectToHost) }
        self.port = port
    }

    deinit { running.cancel() }

    var asked: [Asked] { record.asked.withLock { $0 } }

    /// The settings that make Parley ask this provider as Gemini.
    var asGemini: [String: String] {
        ["CHAT_GEMINI_API_KEY": "gemini-test-key", "CHAT_GEMINI_BASE_URL": "http://127.0.0.1:\(port)"]
    }

    /// The settings that make Parley ask this provider as an OpenAI-compatible server.
    var asOpenAI: [String: String] {
        [
            "CHAT_OPENAI_API_KEY": "openai-test-key", "CHAT_OPENAI_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "CHAT_OPENAI_MODEL": "scripted-gpt",
        ]
    }

    /// The settings that make Parley ask this provider as OpenRouter.
    var asOpenRouter: [String: String] {
        [
            "CHAT_OPENROUTER_API_KEY": "openrouter-test-key", "CHAT_OPENROUTER_MODEL": "scripted/gpt",
            "CHAT_OPENROUTER_BASE_URL": "http://127.0.0.1:\(port)/api/v1",
        ]
    }
}

private func eventStream(_ events: [String], lineEnd: String) -> HTTPResponse {
    let body = events.map { "data: \($0)\(lineEnd)\(lineEnd)" }.joined()
    return HTTPResponse(statusCode: .ok, headers: [.contentType: "text/event-stream"], body: Data(body.utf8))
}

private func failure(_ status: Int, _ headers: [String: String], _ body: String) -> HTTPResponse {
    var all: HTTPHeaders = [.contentType: "application/json"]
    for (name, value) in headers { all[HTTPHeader(name)] = value }
    return HTTPResponse(statusCode: HTTPStatusCode(status, phrase: "Scripted"), headers: all, body: Data(body.utf8))
}

private func quoted(_ text: String) -> String {
    String(decoding: try! JSONEncoder().encode(text), as: UTF8.self)
}

/// In two halves, so that a reader who takes the first event for the whole is found out.
private func halves(_ text: String) -> [String] {
    let middle = text.index(text.startIndex, offsetBy: text.count / 2)
    return [String(text[..<middle]), String(text[middle...])]
}

/// streamGenerateContent with alt=sse: events end in CRLF, the last one says STOP and has the token counts.
private enum GeminiFormat {
    static func reply(_ conduct: ScriptedProvider.Conduct) -> HTTPResponse {
        switch conduct {
        case .answer(let text):
            let pieces = halves(text)
            return eventStream([piece(pieces[0]), piece(pieces[1], finish: "STOP")], lineEnd: "\r\n")
        case .call(let name, let arguments):
            let parts = arguments.map {
                #"{"functionCall":{"name":"\#(name)","args":\#($0)},"thoughtSignature":"c2lnbmVk"}"#
            }
            return eventStream(
                [
                    #"{"candidates":[{"content":{"parts":[\#(parts.joined(separator: ","))],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":5,"totalTokenCount":12}}"#
                ], lineEnd: "\r\n")
        case .cut: return eventStream([piece("Half an ans")], lineEnd: "\r\n")
        case .nonsense: return eventStream(["<html>"], lineEnd: "\r\n")
        case .filter: return eventStream([#"{"promptFeedback":{"blockReason":"SAFETY"}}"#], lineEnd: "\r\n")
        case .refuse(let status, let headers):
            return failure(
                status, headers, #"{"error":{"code":\#(status),"message":"secret detail","status":"SCRIPTED"}}"#)
        }
    }

    private static func piece(_ text: String, finish: String? = nil) -> String {
        let end = finish.map { #","finishReason":"\#($0)""# } ?? ""
        return """
            {"candidates":[{"content":{"parts":[{"text":\(quoted(text))}],"role":"model"}\(end),"index":0}],\
            "usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":5,"totalTokenCount":12},\
            "modelVersion":"scripted-gemini"}
            """
    }
}

/// chat/completions with stream: true and include_usage: choices, a finish_reason, usage with no choices, [DONE].
private enum OpenAIFormat {
    static func reply(_ conduct: ScriptedProvider.Conduct) -> HTTPResponse {
        switch conduct {
        case .answer(let text):
            return eventStream(halves(text).map(piece) + [finish("stop"), usage, "[DONE]"], lineEnd: "\n")
        case .call(let name, let arguments):
            let fragments = arguments.enumerated().flatMap { index, arguments in
                let pieces = halves(arguments).map(quoted)
                return [
                    delta(
                        #""tool_calls":[{"index":\#(index),"id":"call_\#(index)","type":"function","function":{"name":"\#(name)","arguments":\#(pieces[0])}}]"#
                    ), delta(#""tool_calls":[{"index":\#(index),"function":{"arguments":\#(pieces[1])}}]"#),
                ]
            }
            return eventStream(fragments + [finish("tool_calls"), usage, "[DONE]"], lineEnd: "\n")
        case .cut: return eventStream([piece("Half an ans")], lineEnd: "\n")
        case .nonsense: return eventStream(["<html>"], lineEnd: "\n")
        case .filter: return eventStream([finish("content_filter"), "[DONE]"], lineEnd: "\n")
        case .refuse(let status, let headers):
            return failure(status, headers, #"{"error":{"message":"secret detail","type":"scripted","code":null}}"#)
        }
    }

    private static let usage =
        #"{"choices":[],"model":"scripted-gpt","usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12,"completion_tokens_details":{"reasoning_tokens":2}}}"#

    private static func piece(_ text: String) -> String { delta(#""content":\#(quoted(text))"#) }

    private static func delta(_ member: String) -> String {
        #"{"id":"x","object":"chat.completion.chunk","model":"scripted-gpt","choices":[{"index":0,"delta":{\#(member)},"finish_reason":null}]}"#
    }

    private static func finish(_ reason: String) -> String {
        #"{"id":"x","object":"chat.completion.chunk","model":"scripted-gpt","choices":[{"index":0,"delta":{},"finish_reason":"\#(reason)"}]}"#
    }
}
