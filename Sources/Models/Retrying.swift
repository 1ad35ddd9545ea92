public import Chat

/// Tries one provider again when that may help; ``RetryPolicy`` decides.
public struct Retrying: LanguageModel {
    private let model: any LanguageModel
    private let provider: String
    private let policy: RetryPolicy
    private let mayRetry: @Sendable () -> Bool
    private let observer: AttemptObserver?
    private let random: @Sendable () -> Double
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - provider: the name for `observer`.
    ///   - mayRetry: asked before each wait for another try, and after it.
    ///   - observer: hears of each try after it ended.
    ///   - random: a number in 0..<1.
    public init(
        _ model: any LanguageModel, provider: String, policy: RetryPolicy = RetryPolicy(),
        mayRetry: @escaping @Sendable () -> Bool = { true },
        observer: AttemptObserver? = nil, random: @escaping @Sendable () -> Double = { .random(in: 0..<1) },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.model = model
        self.provider = provider
        self.policy = policy
        self.mayRetry = mayRetry
        self.observer = observer
        self.random = random
        self.sleep = sleep
    }

    public func supports(_ request: ModelRequest) -> Bool { model.supports(request) }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        let first = ContinuousClock.now
        var failures = 0
        while true {
            let start = ContinuousClock.now
            func report(_ outcome: Attempt.Outcome) {
                observer?(
                    Attempt(
                        provider: provider, number: failures + 1, outcome: outcome,
                        duration: start.duration(to: .now)))
            }
            do {
                let answer = try await model.answer(request, by: deadline, onDelta: onDelta)
                report(.answered)
                return answer
            } catch let failure as ModelFailure {
                report(.failed(failure))
                failures += 1
                let now = ContinuousClock.now
                guard mayRetry(),
                    let delay = policy.delay(
                        after: failure.reason, failures: failures, spent: first.duration(to: now),
                        remaining: now.duration(to: deadline), random: random()),
                    onDelta?.startOver() != false
                else { throw failure }
                try await sleep(delay)
                // Others may have found out meanwhile that it is down.
                guard mayRetry() else { throw failure }
            } catch {
                report(.abandoned)
                throw error
            }
        }
    }
}

/// One try at one provider, for the log.
public struct Attempt: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        case answered
        case failed(ModelFailure)
        /// The caller went away or could not take the text.
        case abandoned
    }

    public let provider: String
    /// 1 for the first try.
    public let number: Int
    public let outcome: Outcome
    public let duration: Duration

    public var milliseconds: Int {
        Int(duration / .milliseconds(1))
    }
}

public typealias AttemptObserver = @Sendable (Attempt) -> Void
