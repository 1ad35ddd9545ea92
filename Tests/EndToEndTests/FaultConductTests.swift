import Foundation
import Synchronization
import Testing

/// The rows of the fault table that need a service of their own: outages, refused keys, callers who leave.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FaultConductTests {
    /// Runs the same with each of these primaries, at the same time.
    private func on(
        _ wires: [Wire] = Wire.allCases, _ body: @escaping @Sendable (Wire) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup { group in
            for wire in wires { group.addTask { try await body(wire) } }
            try await group.waitForAll()
        }
    }

    @Test(arguments: [(401, Wire.allCases), (402, [.openai]), (403, [.gemini])])
    func aRefusedKeyTakesTheProviderOutInEveryWorker(_ status: Int, _ wires: [Wire]) async throws {
        try await on(wires) { wire in
            let stage = try await FaultStage(wire, ["CHAT_WORKERS": "2"], primary: { _ in .refuse(status) })
            let token = try await stage.run.logIn()
            let first = try await stage.ask("first", token: token)
            #expect(first.voice == "fallback" && first.primary.count == 1 && first.fallback.count == 1, first.note)

            for number in 2...4 {
                let next = try await stage.ask("question \(number)", token: token)
                #expect(next.voice == "fallback", next.note)
            }
            // A quiet pool's questions may all go to one worker. When that is gone, another one answers.
            let witness = try await stage.run.worker(of: first.reply)
            kill(witness, SIGKILL)
            // Until it is dead, nginx may still hand it a request on a connection that it keeps; that is a 502.
            try await stage.run.logLine {
                $0["message"] as? String == "worker ended" && $0["worker"] as? Int == Int(witness)
            }
            let other = try await stage.ask("question 5", token: token)
            #expect(other.voice == "fallback", other.note)
            #expect(try await stage.run.worker(of: other.reply) != witness)
            #expect(stage.primary.attempts.count == 1, "asked again: \(stage.primary.attempts)")

            let health = try await stage.run.get("/health")
            #expect(health.status == 200 && health.text("ai_service") == "degraded", "\(health.body)")
            _ = await stage.run.stop()
            let lines = await stage.run.everythingLogged().split(separator: "\n")
            #expect(
                lines.contains { $0.contains(#""level":"error""#) && $0.contains(#""provider":"\#(wire)""#) },
                "\(lines.filter { $0.contains("provider") })")
            #expect(!lines.contains { $0.contains("key-of-") })
        }
    }

    /// An outage of a minute with a question every four seconds, ten times as fast.
    @Test func anOutageIsBridgedAndItsEndIsNoticed() async throws {
        // Slow enough that two probes at a time would be seen to overlap.
        async let refusing: Void = outage(.gemini) { .after(.milliseconds(100), .refuse(503)) }
        async let absent: Void = outage(.openai) { .after(.milliseconds(100), .hangUp) }
        _ = try await (refusing, absent)
    }

    private func outage(_ wire: Wire, _ fault: @escaping @Sendable () -> FaultyProvider.Fault) async throws {
        let length = Duration.seconds(6)
        let stage = try await FaultStage(
            wire, ["CHAT_BREAKER_COOLDOWN": "2", "CHAT_WORKERS": "2"],
            primary: { $0.elapsed < length ? fault() : .answer })
        let token = try await stage.run.logIn()
        let start = ContinuousClock.now
        let trials = try await withThrowingTaskGroup(of: Trial.self) { group in
            var wasBack = false
            for tick in 0..<30 {
                // The pace is what is tested here.
                try await Task.sleep(until: start + .milliseconds(400 * tick), clock: .continuous)
                for caller in 1...2 {
                    group.addTask { try await stage.ask("tick \(tick) caller \(caller)", token: token) }
                }
                let isBack = stage.primary.attempts.contains { start + length < $0.began && $0.ended != nil }
                // Those of the last tick ask when it is back.
                if tick >= 21, wasBack { break }
                wasBack = isBack
            }
            return try await group.reduce(into: [Trial]()) { $0.append($1) }
        }

        let attempts = stage.primary.attempts
        let recovery = try #require(attempts.first).began + length
        for trial in trials {
            #expect(trial.voice != nil, trial.note)
            if trial.end < recovery { #expect(trial.voice == "fallback", trial.note) }
        }

        // The fifth question in a row that failed three times opens the circuit.
        let questions = Dictionary(grouping: attempts.filter { $0.began < recovery }, by: \.question)
        let failures = questions.values.filter { $0.count >= 3 }.compactMap { $0.compactMap(\.ended).max() }
        try #require(failures.count >= 5, "\(questions)")
        // A try is noted as ended a little after its client knows.
        let slack = Duration.milliseconds(50)
        let opening = failures.sorted()[4]
        let probes = attempts.filter { $0.began > opening + slack }.sorted { $0.began < $1.began }
        let times = probes.map { "\(start.duration(to: $0.began)) \($0.fault)" }.joined(separator: ", ")
        #expect((1...8).contains(probes.count { $0.began < recovery }), "\(wire): \(times)")
        let success = try #require(probes.first { $0.began >= recovery }, "\(wire): \(times)")
        for (one, next) in zip(probes, probes.dropFirst()) where one.began < success.began {
            #expect(one.ended.map { $0 < next.began + slack } == true, "two probes at a time, \(wire): \(times)")
        }
        #expect(recovery.duration(to: success.began) < .seconds(3), "\(wire): \(times)")
        let back = try #require(success.ended)
        #expect(trials.contains { $0.start > back }, "\(wire): \(times)")
        for trial in trials where trial.start > back { #expect(trial.voice == "primary", trial.note) }
    }

    @Test func whatOneQuestionMeetsIsNoOutageForTheOthers() async throws {
        try await on { wire in
            let stage = try await FaultStage(
                wire,
                primary: { occasion in
                    switch occasion.question.split(separator: " ").first {
                    case "failing": .refuse(500)
                    case "empty": .empty(finish: "stop")
                    case "thinking": .empty(finish: "length")
                    default: .answer
                    }
                })
            let token = try await stage.run.logIn()
            for question in ["failing one", "failing two"] {
                let trial = try await stage.ask(question, token: token)
                #expect(trial.voice == "fallback" && trial.primary.count == 3, trial.note)
            }
            for number in 1...6 {
                for question in ["empty \(number)", "thinking \(number)"] {
                    let trial = try await stage.ask(question, token: token)
                    #expect(trial.voice == "fallback" && trial.primary.count == 1, trial.note)
                }
            }
            let next = try await stage.ask("well", token: token)
            #expect(next.voice == "primary", next.note)
        }
    }

    @Test func whenNoTokenIsLeftForAWordTheReplySaysSo() async throws {
        try await on { wire in
            let thinking: FaultyProvider.Conduct = { _ in .empty(finish: "length") }
            let stage = try await FaultStage(wire, primary: thinking, fallback: thinking)
            let trial = try await stage.ask("anyone", token: try await stage.run.logIn())
            try expectError(trial.reply, 502, trial.note)
            #expect(trial.reply.text("message")?.contains("CHAT_MAX_TOKENS") == true, trial.note)
            #expect(trial.primary.count == 1 && trial.fallback.count == 1, trial.note)
        }
    }

    @Test func whenAllAreDownAnExpiredAnswerServesElseA503() async throws {
        try await on { wire in
            let isDown = Flag()
            let conduct: FaultyProvider.Conduct = { _ in isDown.isRaised ? .refuse(503) : .answer }
            let stage = try await FaultStage(wire, ["CHAT_CACHE_TTL": "0.5"], primary: conduct, fallback: conduct)
            let token = try await stage.run.logIn()
            let fresh = try await stage.ask("known", token: token)
            #expect(fresh.voice == "primary" && fresh.reply.flag("stale") == false, fresh.note)
            let expiry = ContinuousClock.now + .milliseconds(600)

            isDown.raise()
            // The answer's life is the product's own wait.
            try await Task.sleep(until: expiry, clock: .continuous)
            let stale = try await stage.ask("known", token: token)
            #expect(stale.voice == "primary", stale.note)
            #expect(stale.reply.flag("cached") == true && stale.reply.flag("stale") == true, stale.note)
            #expect(stale.primary.count > 1 && !stale.fallback.isEmpty, "the providers come first: \(stale.note)")

            let unknown = try await stage.ask("unknown", token: token)
            try expectError(unknown.reply, 503, unknown.note)
            #expect(unknown.reply.headers["retry-after"].flatMap { Int($0) }.map { $0 > 0 } == true, unknown.note)
        }
    }

    @Test func whenAllAreSilentTheDeadlineHolds() async throws {
        try await on { wire in
            let stage = try await FaultStage(
                wire, ["CHAT_FIRST_TOKEN_TIMEOUT": "0.5", "CHAT_REQUEST_DEADLINE": "3"],
                primary: { _ in .silence }, fallback: { _ in .silence })
            let trial = try await stage.ask("anyone", token: try await stage.run.logIn())
            try expectError(trial.reply, 503, trial.note)
            #expect(trial.reply.headers["retry-after"] != nil, trial.note)
            #expect(trial.primary.count == 1 && trial.fallback.count == 1, trial.note)
            #expect(trial.duration >= .seconds(1) && trial.duration < .seconds(3), trial.note)
        }
    }

    @Test func aCallerWhoLeavesTakesHisTransferWithHim() async throws {
        try await on { wire in
            let stage = try await FaultStage(
                wire, primary: { $0.question == "silent" ? .silence : .stall(after: 20) })
            let token = try await stage.run.logIn()
            for question in ["silent", "stalled"] {
                let caller = try stage.run.startAsking(question, token: token)
                let isThere = await stage.primary.attempt { $0.question == question && $0.fellSilent != nil }
                try #require(isThere != nil)
                let left = ContinuousClock.now
                caller.signal(SIGKILL)
                let over = await stage.primary.attempt(within: .seconds(5)) {
                    $0.question == question && $0.hungUp != nil
                }
                let hungUp = try #require(over?.hungUp, "\(wire), \(question): the provider goes on answering nobody")
                let delay = left.duration(to: hungUp)
                print("\(wire), \(question): the provider saw the caller leave after \(delay)")
                #expect(delay <= .milliseconds(500))
                _ = await caller.end()
                #expect(stage.primary.attempts(of: question).count == 1 && stage.fallback.attempts.isEmpty)
            }
        }
    }

    @Test func aCallerWhoLeavesTakesNothingFromWhoeverWaitsForTheSameAnswer() async throws {
        let stage = try await FaultStage(
            .gemini, ["CHAT_WORKERS": "1"], primary: { _ in .after(.milliseconds(1_500), .answer) })
        let token = try await stage.run.logIn()
        let caller = try stage.run.startAsking("shared", token: token)
        _ = try #require(await stage.primary.attempt { $0.question == "shared" })
        async let other = stage.ask("shared", token: token)
        // A chat is counted when it comes in.
        let limit = ContinuousClock.now + .seconds(1)
        while try await stage.run.chatsInFlight() < 2 { try #require(ContinuousClock.now < limit) }
        caller.signal(SIGKILL)
        _ = await caller.end()
        let trial = try await other
        #expect(trial.voice == "primary" && trial.primary.count == 1 && trial.fallback.isEmpty, trial.note)
        #expect(trial.primary.allSatisfy { $0.hungUp == nil }, trial.note)
    }
}

/// Raised once, for good.
private final class Flag: Sendable {
    private let state = Atomic(false)
    var isRaised: Bool { state.load(ordering: .acquiring) }
    func raise() { state.store(true, ordering: .releasing) }
}

extension Deployment {
    /// A client that asks and can be ended before it has its reply.
    fileprivate func startAsking(_ question: String, token: String) throws -> RunningProcess {
        let arguments = [
            "--silent", "--max-time", "60", "--cacert", certificate, "--header", "Authorization: Bearer \(token)",
            "--json", #"{"message":"\#(question)"}"#, origin + "/chat",
        ]
        return try RunningProcess("/usr/bin/curl", arguments, environment: ProcessInfo.processInfo.environment)
    }

    /// The process that answered, by its log.
    fileprivate func worker(of reply: Reply) async throws -> pid_t {
        let id = try #require(reply.headers["x-request-id"])
        try await logLine { $0["request_id"] as? String == id }
        let line = logLines.first { $0["request_id"] as? String == id }
        return pid_t(try #require(line?["pid"] as? Int))
    }

    /// Of the worker that answers; with one worker, of all.
    fileprivate func chatsInFlight() async throws -> Int {
        let components = try await get("/health?detailed=true").json["components"] as? [String: Any]
        return (components?["worker"] as? [String: Any])?["in_flight"] as? Int ?? 0
    }
}
