import Foundation
import Testing

/// Streams through nginx: what is being made reaches everybody, in whichever worker, and survives its connection.
@Suite(.timeLimit(.minutes(5))) struct StreamTests {
    private let resumable = #"{"content":"q","stream":true,"resumable":true}"#
    private let provider: SteppedProvider

    init() throws { provider = try SteppedProvider() }

    private func deploy(_ settings: [String: String] = [:]) async throws -> (run: Deployment, token: String) {
        let run = try await Deployment(provider.settings.merging(settings) { $1 })
        return (run, try await run.logIn())
    }

    /// Many callers that listen at once, half of them by HTTP/2.
    private func callers(
        _ count: Int, _ run: Deployment, _ token: String, _ arguments: (Int) -> [String]
    ) throws -> [RunningProcess] {
        try (0..<count).map { number in
            try RunningProcess(
                "/usr/bin/curl",
                [
                    "--silent", "--no-buffer", "--include", "--max-time", "60", "--cacert", run.certificate, "--header",
                    "Authorization: Bearer \(token)", number % 2 == 0 ? "--http1.1" : "--http2",
                ] + arguments(number), environment: ProcessInfo.processInfo.environment)
        }
    }

    private func ask(_ run: Deployment, _ token: String, _ json: String, count: Int = 1) throws -> [RunningProcess] {
        try callers(count, run, token) { _ in ["--json", json, run.origin + "/chat"] }
    }

    private func resume(_ run: Deployment, _ token: String, _ id: String, from places: [Int]) throws -> [RunningProcess]
    {
        try callers(places.count, run, token) { number in
            ["--header", "Last-Event-ID: \(places[number])", run.origin + "/chat/stream/" + id]
        }
    }

    /// Asks, and hangs up when the first part of the answer has come.
    ///
    /// - Returns: the id of its message.
    private func askAndHangUp(_ run: Deployment, _ token: String) async throws -> String {
        provider.say("one ")
        let caller = try ask(run, token, resumable)[0]
        let output = try await caller.output(until: #"one ""#)
        caller.signal(SIGKILL)
        _ = await caller.end()
        let start = try #require(output.range(of: "msg_"))
        return String(output[start.lowerBound...].prefix(20))
    }

    private func wait(for text: String, _ callers: [RunningProcess]) async throws {
        for caller in callers { _ = try await caller.output(until: text) }
    }

    private func replies(_ callers: [RunningProcess]) async -> [Reply] {
        var replies: [Reply] = []
        for caller in callers {
            _ = await caller.end()
            replies.append(Reply(await caller.everything().output))
        }
        return replies
    }

    /// The worker that asks the provider, and the other one.
    private func workers(_ run: Deployment) throws -> (owner: pid_t, other: pid_t) {
        let asking = connections(to: provider.port)
        let workers = run.workers
        let owner = try #require(workers.first { !sockets(of: $0).isDisjoint(with: asking) })
        return (owner, try #require(workers.first { $0 != owner }))
    }

    /// Starts callers while the worker that asks the provider is stopped, so that the other one takes them.
    private func elsewhere(_ run: Deployment, _ start: () throws -> [RunningProcess]) async throws -> [RunningProcess] {
        let (owner, other) = try workers(run)
        let count = sockets(of: other).count
        kill(owner, SIGSTOP)
        defer { kill(owner, SIGCONT) }
        let callers = try start()
        let limit = ContinuousClock.now + .seconds(20)
        while sockets(of: other).count <= count {
            try #require(ContinuousClock.now < limit)
            await Task.yield()
        }
        return callers
    }

    /// The workers that answered them.
    private func workers(_ run: Deployment, _ replies: [Reply]) async throws -> Set<pid_t> {
        let names = Set(replies.compactMap { $0.headers["x-request-id"] })
        for name in names { try await run.logLine { $0["request_id"] as? String == name } }
        let lines = run.logLines.filter { names.contains($0["request_id"] as? String ?? "") }
        return Set(lines.compactMap { ($0["pid"] as? Int).map(pid_t.init) })
    }

    private func events(_ reply: Reply) -> [(name: String, id: String, data: [String: Any])] {
        reply.body.components(separatedBy: "\n\n").filter { $0.hasPrefix("event: ") }.map { block in
            let lines = block.components(separatedBy: "\n")
            let json = try? JSONSerialization.jsonObject(with: Data(lines[2].dropFirst("data: ".count).utf8))
            return (
                String(lines[0].dropFirst("event: ".count)), String(lines[1].dropFirst("id: ".count)),
                json as? [String: Any] ?? [:]
            )
        }
    }

    private func text(_ reply: Reply) -> String { events(reply).compactMap { $0.data["text"] as? String }.joined() }

    @Test func whatIsBeingMadeReachesEverybodyAsItComes() async throws {
        let (run, token) = try await deploy()
        let id = try await askAndHangUp(run, token)
        let other = try workers(run).other
        let joiners = try await elsewhere(run) { try ask(run, token, #"{"content":"q","stream":true}"#, count: 8) }
        try await wait(for: #""text":"one ""#, joiners)
        provider.say("zwei é ")
        try await wait(for: #""text":"zwei é ""#, joiners)
        let places = [0, 3, 4, 11, 0, 3, 4, 11]
        let resumed = try await elsewhere(run) { try resume(run, token, id, from: places) }
        try await wait(for: "event: delta", resumed)
        provider.say("end")
        try await wait(for: "end\"", joiners + resumed)
        provider.finish()

        let (joined, continued) = (await replies(joiners), await replies(resumed))
        for reply in joined {
            #expect(reply.headers["x-parley-cache"] == "joined" && text(reply) == "one zwei é end")
            #expect(events(reply).first?.name == "start" && events(reply).last?.name == "done")
        }
        for (reply, place) in zip(continued, places) {
            #expect(Array(text(reply).utf8) == Array("one zwei é end".utf8.dropFirst(place)))
            #expect(events(reply).last?.data["content"] as? String == "one zwei é end")
            #expect(events(reply).map(\.id).suffix(2) == ["15", "end"])
        }
        for replies in [joined, continued] { #expect(try await workers(run, replies).contains(other)) }
        #expect(provider.asked == 1 && provider.hangUps.isEmpty)

        let whole = try await run.get("/chat/stream/" + id, token: token)
        #expect(events(whole).map(\.name) == ["start", "delta", "done"] && text(whole) == "one zwei é end")
        let over = try await run.send("GET", "/chat/stream/" + id, token: token, headers: ["Last-Event-ID: end"])
        #expect(over.status == 204)
        try expectError(try await run.get("/chat/stream/" + id, token: try await run.logIn()), 404)
    }

    @Test func aStreamThatBreaksEndsWithAnErrorEvent() async throws {
        let (run, token) = try await deploy()
        provider.say("one ")
        let caller = try ask(run, token, #"{"content":"q","stream":true}"#)[0]
        _ = try await caller.output(until: #"one ""#)
        provider.breakOff()
        let reply = await replies([caller])[0]
        #expect(events(reply).map(\.name) == ["start", "delta", "error"] && provider.asked == 1)
        #expect(try await run.get("/chat/history", token: token).number("count") == 0, "half an answer is none")
    }

    @Test func onlyAResumableStreamOutlivesItsConnection() async throws {
        let (run, token) = try await deploy(["CHAT_STREAM_RESUME": "2"])
        provider.say("one ")
        let caller = try ask(run, token, #"{"content":"q","stream":true}"#)[0]
        _ = try await caller.output(until: "event: delta")
        let lost = ContinuousClock.now
        caller.signal(SIGKILL)
        #expect(try await hangUp(1) - lost < .seconds(1))
        _ = await caller.end()

        let before = ContinuousClock.now
        let id = try await askAndHangUp(run, token)
        #expect(try await hangUp(2) - before > .seconds(2))
        try expectError(try await run.get("/chat/stream/" + id, token: token), 404)
    }

    @Test func aResumableStreamCanBeStoppedInAnyWorker() async throws {
        let (run, token) = try await deploy()
        let stranger = try await run.logIn()
        for count in 1...2 {
            provider.say("one ")
            let caller = try ask(run, token, resumable)[0]
            let output = try await caller.output(until: #"one ""#)
            let id = String(output[try #require(output.range(of: "msg_")).lowerBound...].prefix(20))
            try expectError(try await run.send("DELETE", "/chat/stream/" + id, token: stranger), 404)
            let before = ContinuousClock.now
            let stops = try await elsewhere(run) {
                try callers(8, run, token) { _ in ["--request", "DELETE", run.origin + "/chat/stream/" + id] }
            }
            let statuses = await replies(stops).map(\.status)
            #expect(statuses.contains(200) && statuses.allSatisfy { [200, 404].contains($0) })
            #expect(try await hangUp(count) - before < .seconds(2))
            let cut = await replies([caller])[0]
            #expect(events(cut).last?.name == "error" && events(cut).last?.data["status_code"] as? Int == 409)
            for method in ["GET", "DELETE"] {
                try expectError(try await run.send(method, "/chat/stream/" + id, token: token), 404, "\(method)")
            }
        }
    }

    /// When so many callers had hung up on the provider.
    private func hangUp(_ count: Int) async throws -> ContinuousClock.Instant {
        let limit = ContinuousClock.now + .seconds(20)
        while provider.hangUps.count < count {
            try #require(ContinuousClock.now < limit)
            await Task.yield()
        }
        return provider.hangUps[count - 1]
    }

    @Test func whenItsWorkerIsKilledAStreamIsNotWhole() async throws {
        let (run, token) = try await deploy()
        let id = try await askAndHangUp(run, token)
        let joiners = try await elsewhere(run) { try ask(run, token, #"{"content":"q","stream":true}"#, count: 6) }
        let resumed = try await elsewhere(run) { try resume(run, token, id, from: Array(repeating: 0, count: 6)) }
        try await wait(for: #""text":"one ""#, joiners + resumed)
        kill(try workers(run).owner, SIGKILL)
        for callers in [joiners, resumed] {
            let names = await replies(callers).map { Set(events($0).map(\.name)) }
            #expect(names.allSatisfy { !$0.contains("done") } && names.contains { $0.contains("error") })
        }
        try expectError(try await run.get("/chat/stream/" + id, token: token), 404)
        #expect(provider.asked == 1, "nothing is tried again once somebody has seen text")
    }

    @Test func aStreamOutlivesAReload() async throws {
        let (run, token) = try await deploy(["CHAT_STREAM_RESUME": "20"])
        let id = try await askAndHangUp(run, token)
        let workers = run.workers
        kill(try #require(parent(of: workers[0])), SIGHUP)
        try await run.logLine { $0["message"] as? String == "pool reloaded" }
        let resumed = try resume(run, token, id, from: [3, 0])
        try await wait(for: "event: delta", resumed)
        provider.say("two")
        try await wait(for: "two\"", resumed)
        provider.finish()
        let replies = await replies(resumed)
        #expect(replies.map { text($0) } == [" two", "one two"])
        #expect(replies.allSatisfy { events($0).last?.name == "done" })
        #expect(provider.asked == 1)
    }
}
