import Foundation
import Testing

/// The real program behind the real nginx, with a primary and a fallback that speak different formats.
final class FaultStage: Sendable {
    typealias Fault = FaultyProvider.Fault

    /// How the primary is asked; the fallback is asked in the other format.
    let wire: Wire
    let primary: FaultyProvider
    let fallback: FaultyProvider
    let run: Deployment

    init(
        _ wire: Wire, _ settings: [String: String] = [:],
        primary: @escaping FaultyProvider.Conduct, fallback: @escaping FaultyProvider.Conduct = { _ in .answer }
    ) async throws {
        self.wire = wire
        self.primary = try FaultyProvider("primary", primary)
        self.fallback = try FaultyProvider("fallback", fallback)
        let other: Wire = wire == .gemini ? .openai : .gemini
        var all = ["CHAT_PROVIDERS": "\(wire),\(other)", "CHAT_MESSAGE_LIMIT": "1000"]
        for part in [self.primary.settings(as: wire), self.fallback.settings(as: other), settings] {
            all.merge(part) { $1 }
        }
        run = try await Deployment(all)
    }

    /// Asks as a client does, and looks at what the providers wrote down meanwhile.
    func ask(_ question: String, token: String) async throws -> Trial {
        let start = ContinuousClock.now
        let reply = try await run.post("/chat", token: token, ["message": question])
        return Trial(stage: self, question: question, start: start, end: .now, reply: reply)
    }
}

/// One question, its reply, and the tries that it took.
struct Trial: Sendable {
    let stage: FaultStage
    let question: String
    let start: ContinuousClock.Instant
    let end: ContinuousClock.Instant
    let reply: Reply
    let primary: [FaultyProvider.Attempt]
    let fallback: [FaultyProvider.Attempt]

    init(
        stage: FaultStage, question: String, start: ContinuousClock.Instant, end: ContinuousClock.Instant, reply: Reply
    ) {
        self.stage = stage
        self.question = question
        self.start = start
        self.end = end
        self.reply = reply
        primary = stage.primary.attempts(of: question)
        fallback = stage.fallback.attempts(of: question)
    }

    var duration: Duration { start.duration(to: end) }

    /// Whose whole answer the reply is, with that model's name and usage; nil for a part, a mixture or an error.
    var voice: String? {
        [stage.primary, stage.fallback].first { $0.answered(reply, to: question) }?.voice
    }

    /// For a failed expectation.
    var note: Comment {
        func list(_ attempts: [FaultyProvider.Attempt]) -> String {
            attempts.map { "\(start.duration(to: $0.began)) \($0.fault)" }.joined(separator: ", ")
        }
        return """
            \(question), \(stage.wire) primary: \(reply.status) after \(duration): \(reply.body)
            primary: \(list(primary))
            fallback: \(list(fallback))
            """
    }
}

/// Keeps the same stages for all tests of a suite: a deployment for each would take most of their time.
struct SharedStages: SuiteTrait, TestScoping {
    /// Stages by the primary's format, once with the settings' defaults and once with short time-outs.
    struct Pair: Sendable {
        let patient: [Wire: FaultStage]
        let hurried: [Wire: FaultStage]
    }

    @TaskLocal static var current: Pair?

    let primary: FaultyProvider.Conduct
    let fallback: FaultyProvider.Conduct

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        async let patient = start([:])
        async let hurried = start([
            "CHAT_FIRST_TOKEN_TIMEOUT": "1", "CHAT_STALL_TIMEOUT": "1", "CHAT_MODEL_TIMEOUT": "5",
        ])
        let pair = Pair(patient: try await patient, hurried: try await hurried)
        try await Self.$current.withValue(pair) { try await function() }
        await withDiscardingTaskGroup { group in
            for stage in Array(pair.patient.values) + pair.hurried.values {
                group.addTask { _ = await stage.run.stop() }
            }
        }
    }

    private func start(_ settings: [String: String]) async throws -> [Wire: FaultStage] {
        async let gemini = FaultStage(.gemini, settings, primary: primary, fallback: fallback)
        async let openai = FaultStage(.openai, settings, primary: primary, fallback: fallback)
        return [.gemini: try await gemini, .openai: try await openai]
    }
}
