import Chat
import Synchronization
import Testing

/// Says its text, waits in the midst of its answer, and ends it.
struct StreamingModel: LanguageModel {
    let text: String
    let pause: @Sendable () async -> Void

    func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws
        -> ModelAnswer
    {
        onDelta?.take(.text(text))
        await pause()
        return ModelAnswer(text: text, model: "m", provider: "p", usage: TokenUsage(prompt: 1, completion: 1))
    }
}

/// Plays outcomes in order; the text of each goes to the caller before it fails or returns.
final class ScriptedModel: LanguageModel {
    enum Turn: Sendable {
        case answer(String)
        case failure(ModelFailure.Reason, after: String = "")
        case cancelled
    }

    private let name: String
    private let turns: Mutex<[Turn]>
    private let count = Mutex(0)

    init(_ name: String, _ turns: [Turn]) {
        self.name = name
        self.turns = Mutex(turns)
    }

    var calls: Int { count.withLock { $0 } }

    func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws
        -> ModelAnswer
    {
        count.withLock { $0 += 1 }
        switch turns.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
        case .answer(let text):
            onDelta?.take(.text(text))
            return ModelAnswer(text: text, model: "m", provider: name, usage: TokenUsage(prompt: 1, completion: 1))
        case .failure(let reason, let text):
            if !text.isEmpty { onDelta?.take(.text(text)) }
            throw ModelFailure(provider: name, reason: reason, detail: "\(reason)")
        case .cancelled:
            throw CancellationError()
        case nil:
            Issue.record("\(name) was asked too often")
            throw CancellationError()
        }
    }
}
