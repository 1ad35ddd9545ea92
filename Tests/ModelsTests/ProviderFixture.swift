import Chat
import Models
import Support
import Synchronization
import Testing

/// Providers against a scripted server, and what came of a call.
struct ProviderFixture: Sendable {
    enum Kind: Sendable, CaseIterable { case gemini, openrouter }

    /// Far longer than any test takes, so that a busy machine fails none.
    static let patience = try! Timeouts(firstToken: .seconds(60), stall: .seconds(60), whole: .seconds(60))

    let kind: Kind
    let model: any LanguageModel

    init(_ kind: Kind, _ server: ScriptedServer, timeouts: Timeouts = patience, key: String = "secret-key") throws {
        self.kind = kind
        let upstream = Upstream(connectTimeout: .seconds(20))
        switch kind {
        case .gemini:
            model = try Gemini(
                key: key, model: "gemini-x", baseURL: server.url, timeouts: timeouts, upstream: upstream)
        case .openrouter:
            model = try OpenAICompatible(
                .openrouter, key: key, model: "vendor/model-x", baseURL: server.url + "/api/v1/", timeouts: timeouts,
                upstream: upstream)
        }
    }

    static func request(_ text: String = "Hi", system: String = "Be brief", context: [ChatMessage] = []) throws
        -> ModelRequest
    {
        let system = system.isEmpty ? [] : [ChatMessage(role: .system, text: system)]
        return ModelRequest(messages: system + context + [.user(text)], temperature: 0.5, maxTokens: 100)
    }

    /// - Returns: the answer, or what was thrown in its place.
    func ask(within limit: Duration = .seconds(60), onDelta: (any DeltaHandler)? = nil) async -> Result<
        ModelAnswer, any Error
    > {
        do {
            return .success(try await model.answer(try Self.request(), by: .now + limit, onDelta: onDelta))
        } catch {
            return .failure(error)
        }
    }

    func reason(within limit: Duration = .seconds(60)) async -> ModelFailure.Reason? {
        failure(await ask(within: limit))?.reason
    }

    /// An event that adds text, in the provider's own form.
    static func event(_ kind: Kind, _ text: String) -> String {
        switch kind {
        case .gemini: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\(text)\"}]}}]}\r\n\r\n"
        case .openrouter: "data: {\"choices\":[{\"delta\":{\"content\":\"\(text)\"},\"finish_reason\":null}]}\n\n"
        }
    }

    /// An event with a thought in it, which is no answer.
    static func thought(_ kind: Kind) -> String {
        switch kind {
        case .gemini:
            #"data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}"# + "\r\n\r\n"
        case .openrouter: #"data: {"choices":[{"delta":{"content":null,"reasoning":"hm"}}]}"# + "\n\n"
        }
    }

    /// What ends an answer.
    static func end(_ kind: Kind) -> String {
        switch kind {
        case .gemini: "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n"
        case .openrouter: "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
        }
    }
}

func failure(_ result: Result<ModelAnswer, any Error>) -> ModelFailure? {
    if case .failure(let error) = result { error as? ModelFailure } else { nil }
}

/// Collects what a caller saw.
final class Seen<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func append(_ element: Element) {
        elements.withLock { $0.append(element) }
    }

    var all: [Element] { elements.withLock { $0 } }
}

extension AnswerDelta {
    /// Empty for a call.
    var text: String { if case .text(let text) = self { text } else { "" } }
}
