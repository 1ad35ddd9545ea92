import Foundation
import Testing

/// The faults that a caller must not notice, one after the other on the same running service: each answered as the
/// table says, counted and timed by what the providers wrote down, and the service well afterwards.
@Suite(
    .serialized, .timeLimit(.minutes(5)),
    SharedStages(
        primary: { occasion in FaultRow.row(for: occasion.question)?.primary(occasion) ?? .answer },
        fallback: { occasion in FaultRow.row(for: occasion.question)?.fallback ?? .answer }))
struct FaultTableTests {
    @Test(arguments: FaultRow.all)
    func theCallerDoesNotNotice(_ row: FaultRow) async throws {
        let stages = try #require(SharedStages.current)
        let chosen = row.wires.compactMap { (row.isHurried ? stages.hurried : stages.patient)[$0] }
        let trials = try await withThrowingTaskGroup { group in
            for stage in chosen { group.addTask { try await Self.play(row, on: stage) } }
            return try await group.reduce(into: [Trial]()) { $0.append($1) }
        }
        #expect(trials.count == row.wires.count)
        if row.description == "429 for ever" { Self.expectJitter(trials) }
        if row.description.contains("Retry-After") { trials.forEach(Self.expectRestraint) }
    }

    private static func play(_ row: FaultRow, on stage: FaultStage) async throws -> Trial {
        let token = try await stage.run.logIn()
        let trial = try await stage.ask(row.description, token: token)
        try expectOutcome(row, trial)
        try await expectTimes(row, trial)

        let next = try await stage.ask("after \(row)", token: token)
        #expect(next.voice == "primary" && next.primary.count == 1 && next.fallback.isEmpty, next.note)
        return trial
    }

    private static func expectOutcome(_ row: FaultRow, _ trial: Trial) throws {
        #expect(row.tries.contains(trial.primary.count), trial.note)
        #expect(trial.duration < row.limit, trial.note)
        #expect(!trial.reply.body.contains("secret detail"), trial.note)
        switch row.outcome {
        case .answer(let voices):
            #expect(trial.voice.map(voices.contains) == true, trial.note)
            #expect(trial.reply.flag("cached") == false, trial.note)
            #expect(trial.fallback.count == (trial.voice == "fallback" ? 1 : 0), trial.note)
        case .refusal(let words):
            try expectError(trial.reply, 422, trial.note)
            #expect(trial.reply.text("message")?.contains(words(trial.stage.wire)) == true, trial.note)
            if case .tooLong = row.fallback {
                #expect(trial.fallback.count == 1, trial.note)
            } else {
                #expect(trial.fallback.isEmpty, trial.note)
            }
        }
    }

    private static func expectTimes(_ row: FaultRow, _ trial: Trial) async throws {
        for (one, next) in zip(trial.primary, trial.primary.dropFirst()) {
            #expect(one.began < next.began, trial.note)
        }
        let last = try #require(trial.primary.last, trial.note)
        for attempt in trial.fallback { #expect(attempt.began > last.began, trial.note) }
        guard let silence = row.silence else { return }
        let fallback = try #require(trial.fallback.first, trial.note)
        let wait = last.began.duration(to: fallback.began)
        #expect(wait >= silence && wait < silence + .seconds(2), trial.note)
        let over = await trial.stage.primary.attempt(within: .seconds(2)) {
            $0.index == last.index && $0.hungUp != nil
        }
        #expect(over != nil, "\(trial.note): a transfer that was given up goes on")
    }

    /// Two waits that are the same to a few milliseconds can be chance, all of them cannot.
    private static func expectJitter(_ trials: [Trial]) {
        let waits = trials.flatMap { trial in
            zip(trial.primary, trial.primary.dropFirst()).map { $0.began.duration(to: $1.began) }
        }
        guard let shortest = waits.min(), let longest = waits.max(), waits.count > 1 else { return }
        #expect(shortest > .zero && longest - shortest > .milliseconds(5), "\(waits)")
    }

    private static func expectRestraint(_ trial: Trial) {
        let early = trial.primary.filter { $0.began < trial.primary[0].began + .milliseconds(1_500) }
        #expect(early.count <= 2, trial.note)
    }
}
