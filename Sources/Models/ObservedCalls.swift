public import Chat
internal import Synchronization

/// Asks a provider, and tells what became of it. It stands behind ``Retrying``, so that each try is a call, and behind
/// ``CappedCalls``, so that what is not asked is none.
public struct ObservedCalls: LanguageModel {
    private let provider: any LanguageModel
    private let name: String
    private let model: String
    private let server: ServerAddress?
    private let price: ModelPrice?
    private let observers: [any ModelAttemptObserver]

    /// - Parameters:
    ///   - name: the provider's setting name.
    ///   - model: the one that the settings name for it.
    ///   - server: where it is asked; nil for one that is no server.
    ///   - price: nil when nobody knows.
    public init(
        _ provider: any LanguageModel, name: String, model: String, at server: ServerAddress?, price: ModelPrice?,
        observers: [any ModelAttemptObserver]
    ) {
        self.provider = provider
        self.name = name
        self.model = model
        self.server = server
        self.price = price
        self.observers = observers
    }

    public func supports(_ request: ModelRequest) -> Bool { provider.supports(request) }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        let request = request.inPart()
        let start = ContinuousClock.now
        let first = FirstPiece(since: start)
        let watch = DeltaWatch(onDelta) { first.note() }
        func tell(
            _ outcome: ModelAttempt.Outcome, _ model: String? = nil, _ usage: TokenUsage? = nil,
            _ answer: ModelAnswer? = nil
        ) {
            let attempt = ModelAttempt(
                provider: name, model: self.model, server: server, request: request, start: start, end: .now,
                firstPiece: first.time, outcome: outcome, answeringModel: model, usage: usage,
                cost: usage.flatMap { $0.charge ?? price?.cost(of: $0) }, finishReason: answer?.finishReason,
                text: answer?.text, responseID: answer?.responseID)
            for observer in observers { observer.record(attempt) }
        }
        do {
            let answer = try await provider.answer(request, by: deadline, onDelta: watch)
            tell(.answered, answer.model, answer.usage, answer)
            return answer
        } catch let failure as ModelFailure {
            if let outcome = ModelAttempt.Outcome(failure.reason) { tell(outcome) }
            throw failure
        } catch let abandoned as AbandonedCall {
            tell(.abandoned, abandoned.model, abandoned.usage)
            throw abandoned
        } catch {
            tell(.abandoned)
            throw error
        }
    }
}

/// When the first piece of an answer came, whichever thread saw it.
private final class FirstPiece: Sendable {
    private let start: ContinuousClock.Instant
    private let nanoseconds = Atomic<Int64>(-1)

    init(since start: ContinuousClock.Instant) { self.start = start }

    func note() {
        let passed = (ContinuousClock.now - start) / .nanoseconds(1)
        nanoseconds.store(Int64(passed), ordering: .relaxed)
    }

    var time: ContinuousClock.Instant? {
        let passed = nanoseconds.load(ordering: .relaxed)
        return passed < 0 ? nil : start + .nanoseconds(passed)
    }
}
