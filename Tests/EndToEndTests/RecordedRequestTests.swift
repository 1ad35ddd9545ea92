import Foundation
import Testing

/// Requests of the AI SDK and of Open WebUI, sent as they were written down in Tests/Clients/recorded, and the replies
/// as those programs read them: the AI SDK by its schemas (`OpenAICompatibleChatResponseSchema`,
/// `openaiChatChunkSchema`), of which these are the members that it looks at, Open WebUI by
/// `streaming_chat_response_handler`.
@Suite(.timeLimit(.minutes(3))) struct RecordedRequestTests {
    private struct Recorded {
        let name: String
        let method: String
        let path: String
        let headers: [String]
        let body: Data

        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: body) as? [String: Any]) ?? [:] }

        init(_ file: URL) throws {
            name = file.deletingPathExtension().lastPathComponent
            let data = try Data(contentsOf: file)
            let end = try #require(data.firstRange(of: Data("\n\n".utf8)))
            let lines = String(decoding: data[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\n")
            let words = lines[0].components(separatedBy: " ")
            (method, path, headers) = (words[0], words[1], Array(lines.dropFirst()))
            body = data[end.upperBound...]
        }
    }

    @Test func areAnsweredAsTheirProgramsReadAnswers() async throws {
        let provider = try await ScriptedProvider { asked, _ in ClientStage.conduct(asked) }
        let run = try await Deployment(provider.asOpenAI)
        let token = try await run.key("--name", "recorded")
        let folder = URL(fileURLWithPath: Program.repository + "/Tests/Clients/recorded")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "http" }.sorted { $0.path < $1.path }
        #expect(files.count == 13)
        for file in files {
            let recorded = try Recorded(file)
            let reply = try await run.send(
                recorded.method, recorded.path, token: token, body: recorded.body.isEmpty ? nil : recorded.body,
                headers: recorded.headers)
            #expect(reply.status == 200, "\(recorded.name): \(reply)")
            let json = recorded.json
            if recorded.method == "GET" {
                let models = try #require(reply.json["data"] as? [[String: Any]])
                #expect(models.map { $0["id"] as? String } == ["scripted-gpt"] && reply.text("object") == "list")
                continue
            }
            let answer =
                json["stream"] as? Bool == true
                ? try streamed(reply, isCounted: json["stream_options"] != nil, recorded.name)
                : try whole(reply, recorded.name)
            expect(answer, to: json, recorded.name)
            let asked = try #require(provider.asked.last)
            try expectPassedOn(json, in: asked, recorded.name)
        }
    }

    /// What a program has of an answer in the end.
    private struct Answer {
        var text = ""
        var calls: [(id: String, name: String, arguments: String)] = []
        var finish: String?
    }

    private func whole(_ reply: Reply, _ name: String) throws -> Answer {
        #expect(reply.headers["content-type"] == "application/json", "\(name)")
        let choice = try #require((reply.json["choices"] as? [[String: Any]])?.first, "\(name)")
        let message = try #require(choice["message"] as? [String: Any], "\(name)")
        #expect(choice["index"] is Int && message["role"] as? String == "assistant", "\(name)")
        expectIdentity(reply.json, name)
        expectUsage(try #require(reply.json["usage"] as? [String: Any]), name)
        var answer = Answer(text: message["content"] as? String ?? "", finish: choice["finish_reason"] as? String)
        #expect(message["content"] is String || message["content"] is NSNull, "\(name)")
        for call in message["tool_calls"] as? [[String: Any]] ?? [] {
            let function = try #require(call["function"] as? [String: Any])
            #expect(call["type"] as? String == "function", "\(name)")
            answer.calls.append(
                (
                    try #require(call["id"] as? String), try #require(function["name"] as? String),
                    try #require(function["arguments"] as? String)
                ))
        }
        return answer
    }

    private func streamed(_ reply: Reply, isCounted: Bool, _ name: String) throws -> Answer {
        #expect(reply.headers["content-type"]?.hasPrefix("text/event-stream") == true, "\(name)")
        let events = reply.body.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        #expect(events.last == "data: [DONE]" && events.allSatisfy { $0.hasPrefix("data: ") }, "\(name)")
        var answer = Answer()
        var isUsageThere = false
        for event in events.dropLast() {
            let data = Data(event.dropFirst("data: ".count).utf8)
            let chunk = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any], "\(name)")
            expectIdentity(chunk, name)
            if let usage = chunk["usage"] as? [String: Any] {
                expectUsage(usage, name)
                isUsageThere = true
            }
            // An array in each chunk, empty or not.
            let choices = try #require(chunk["choices"] as? [[String: Any]], "\(name): \(event)")
            guard let choice = choices.first else { continue }
            #expect(choice["index"] is Int && choice.keys.contains("finish_reason"), "\(name): \(event)")
            if let finish = choice["finish_reason"] as? String { answer.finish = finish }
            let delta = try #require(choice["delta"] as? [String: Any], "\(name): \(event)")
            #expect([nil, "assistant"].contains(delta["role"] as? String), "\(name): \(event)")
            answer.text += delta["content"] as? String ?? ""
            #expect((delta["tool_calls"] as? [Any])?.isEmpty != true, "\(name): \(event)")
            for call in delta["tool_calls"] as? [[String: Any]] ?? [] {
                let index = try #require(call["index"] as? Int, "\(name): \(event)")
                let function = try #require(call["function"] as? [String: Any], "\(name): \(event)")
                if index == answer.calls.count {
                    // The AI SDK refuses a first piece without id and name.
                    #expect(call["type"] as? String == "function", "\(name): \(event)")
                    let id = try #require(call["id"] as? String, "\(name): \(event)")
                    answer.calls.append((id, try #require(function["name"] as? String, "\(name): \(event)"), ""))
                }
                answer.calls[index].arguments += function["arguments"] as? String ?? ""
            }
        }
        #expect(isUsageThere == isCounted, "\(name)")
        return answer
    }

    private func expectIdentity(_ json: [String: Any], _ name: String) {
        #expect(json["id"] is String && json["created"] is Int && json["model"] is String, "\(name)")
    }

    private func expectUsage(_ usage: [String: Any], _ name: String) {
        for member in ["prompt_tokens", "completion_tokens", "total_tokens"] {
            #expect(usage[member] is Int, "\(name): \(member)")
        }
    }

    private func expect(_ answer: Answer, to json: [String: Any], _ name: String) {
        let hasResult = (json["messages"] as? [[String: Any]])?.last?["role"] as? String == "tool"
        if json["tools"] != nil, !hasResult {
            #expect(answer.finish == "tool_calls" && answer.text.isEmpty, "\(name)")
            // The provider makes two calls, whatever it was asked.
            let cities = json["parallel_tool_calls"] as? Bool == false ? ["Paris"] : ["Paris", "Rome"]
            #expect(answer.calls.map(\.name) == cities.map { _ in "weather" }, "\(name)")
            #expect(answer.calls.map(\.arguments) == cities.map { #"{"city":"\#($0)"}"# }, "\(name)")
        } else {
            let isObject = json["response_format"] != nil
            let text = hasResult ? "It rains, after 4 messages." : "hello from the wire"
            #expect(answer.text == (isObject ? #"{"city":"Paris","people":2100000}"# : text), "\(name)")
            #expect(answer.finish == "stop" && answer.calls.isEmpty, "\(name)")
        }
    }

    /// What decides the answer reaches the provider as it came.
    private func expectPassedOn(_ json: [String: Any], in asked: ScriptedProvider.Asked, _ name: String) throws {
        let passed = try #require(try JSONSerialization.jsonObject(with: asked.body) as? [String: Any])
        for member in [
            "model", "tools", "tool_choice", "parallel_tool_calls", "response_format", "temperature", "top_p", "seed",
            "stop", "max_tokens",
        ] where json[member] != nil {
            #expect(passed[member] as? NSObject == json[member] as? NSObject, "\(name): \(member)")
        }
        let roles = [json, passed].map { ($0["messages"] as? [[String: Any]])?.count }
        #expect(roles[0] == roles[1], "\(name)")
    }
}
