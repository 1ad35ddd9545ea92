public import Chat

/// Asks one provider after the other until one answers.
///
/// A filter's verdict is final: another provider is not asked for what one refused. When all fail, the most telling
/// failure is thrown, with every provider's words in its detail. A request that wants a model begins with its provider.
/// A provider is skipped when it cannot do what the request needs, and when its model is none of those that may answer.
public struct Fallback: LanguageModel {
    private let models: [(model: any LanguageModel, name: String?)]

    /// - Parameters:
    ///   - models: in order of preference, at least one.
    ///   - names: what the callers may call each of them.
    public init(_ models: [any LanguageModel], names: [String] = []) {
        precondition(!models.isEmpty, "a fallback needs a provider")
        self.models = models.enumerated().map { ($1, names.indices.contains($0) ? names[$0] : nil) }
    }

    /// What can and may answer, in the order in which it is asked.
    private func chain(for request: ModelRequest) -> [any LanguageModel] {
        var models = models
        if let wanted = request.model, let index = models.firstIndex(where: { $0.name == wanted }) {
            models.insert(models.remove(at: index), at: 0)
        }
        return models.filter { model, name in
            model.supports(request) && request.models.map { $0.contains { $0 == name } } ?? true
        }.map(\.model)
    }

    public func supports(_ request: ModelRequest) -> Bool { !chain(for: request).isEmpty }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        var failures: [ModelFailure] = []
        for model in chain(for: request) {
            do {
                return try await model.answer(request, by: deadline, onDelta: onDelta)
            } catch let failure as ModelFailure {
                failures.append(failure)
                if case .filtered = failure.reason { break }
                if ContinuousClock.now >= deadline || onDelta?.startOver() == false { break }
            }
        }
        guard !failures.isEmpty else {
            throw ModelFailure(
                provider: "fallback", reason: .refused(status: 400), detail: "no provider can do what is asked")
        }
        throw Self.summary(of: failures)
    }

    /// The failure that tells most about whether to come back, and of equals the last.
    static func summary(of failures: [ModelFailure]) -> ModelFailure {
        let telling = failures.reduce(failures[0]) { best, next in
            if case (.circuitOpen(let wait), .circuitOpen(let other)) = (best.reason, next.reason), wait < other {
                return best
            }
            return weight(next.reason) >= weight(best.reason) ? next : best
        }
        let detail = failures.map { "\($0.provider): \($0.detail)" }.joined(separator: "; ")
        return ModelFailure(provider: telling.provider, reason: telling.reason, detail: detail)
    }

    /// What passes by itself weighs more than what an operator has to repair.
    private static func weight(_ reason: ModelFailure.Reason) -> Int {
        switch reason {
        case .dailyCallsSpent: 12
        case .filtered: 11
        case .rateLimited: 10
        case .timedOut, .wordless, .unfinished: 9
        case .serverError: 8
        case .truncated: 7
        case .unreachable: 6
        case .tooLong: 5
        case .circuitOpen: 4
        case .malformed: 3
        case .empty, .outOfTokens: 2
        case .refused: 1
        case .unauthorized: 0
        }
    }
}
