import Foundation
import GRDB
import Testing

/// One question, one call, over the whole pool.
@Suite(.timeLimit(.minutes(5))) struct StampedeTests {
    /// Many equal questions at once, from one curl with as many connections.
    private func flood(_ run: Deployment, _ count: Int, token: String, _ question: String) async throws -> [Reply] {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let requests = (0..<count).map { number in
            """
            url = "\(run.origin)/chat"
            output = "\(folder)/\(number)"
            """
        }
        try requests.joined(separator: "\n").write(toFile: folder + "/config", atomically: true, encoding: .utf8)
        let (code, output, errors) = try await EndToEndTests.run(
            "/usr/bin/curl",
            [
                "--silent", "--show-error", "--parallel", "--parallel-immediate", "--parallel-max", "300", "--http1.1",
                "--include", "--max-time", "60", "--cacert", run.certificate, "--header",
                "Authorization: Bearer \(token)", "--json", #"{"message":"\#(question)"}"#, "--config",
                folder + "/config",
            ])
        guard code == 0 else { throw RunningProcess.Ended(description: "curl \(code): \(errors) \(output)") }
        return try (0..<count).map { Reply(try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)) }
    }

    @Test func twoHundredEqualQuestionsAreOneCall() async throws {
        let (waiting, allAreHere) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, call in
            for await _ in waiting {}
            return .answer("answer \(call)")
        }
        let run = try await Deployment(
            provider.asGemini.merging(["CHAT_WORKERS": "4", "CHAT_MESSAGE_LIMIT": "1000"]) { $1 })
        let token = try await run.logIn()
        async let flood = flood(run, 200, token: token, "What is HTTP?")
        try await until("nearly all questions wait") { run.workers.reduce(0) { $0 + sockets(of: $1).count } >= 200 }
        allAreHere.finish()
        let replies = try await flood
        #expect(provider.asked.count == 1)
        #expect(replies.allSatisfy { $0.status == 200 && $0.text("response") == "answer 1" })
        #expect(replies.filter { $0.flag("cached") == false }.count == 1)
        #expect(replies.allSatisfy { $0.flag("stale") == false })
        #expect(try await run.get("/auth/session", token: token).number("messages_used") == 200)
    }

    @Test func whenTheWorkerThatAsksIsKilledAnotherAsks() async throws {
        let (never, end) = AsyncStream.makeStream(of: Void.self)
        defer { end.finish() }
        let provider = try await ScriptedProvider { _, call in
            if call == 1 { for await _ in never {} }
            return .answer("answer \(call)")
        }
        let run = try await Deployment(
            provider.asGemini.merging(
                ["CHAT_WORKERS": "4", "CHAT_FIRST_TOKEN_TIMEOUT": "30", "CHAT_MESSAGE_LIMIT": "1000"]
            ) { $1 })
        let token = try await run.logIn()
        // So many that one worker does not take them all.
        async let flood = flood(run, 200, token: token, "What is HTTP?")
        let holder = try await workerThatAsks(run, provider.port)
        try await untilAnotherWaits(run)
        kill(holder, SIGKILL)

        let replies = try await flood
        let answered = replies.filter { $0.status == 200 }
        #expect(provider.asked.count == 2)
        #expect(answered.allSatisfy { $0.text("response") == "answer 2" })
        #expect(answered.filter { $0.flag("cached") == false }.count == 1, "a worker that waited took over")
        for reply in replies where reply.status != 200 { try expectError(reply, 502) }
    }

    private func workerThatAsks(_ run: Deployment, _ port: UInt16) async throws -> pid_t {
        try await value(once: "a worker asks the provider") {
            let asking = connections(to: port)
            return run.workers.first { !sockets(of: $0).isDisjoint(with: asking) }
        }
    }

    /// Returns once a worker waits for the answer that another one asks for.
    private func untilAnotherWaits(_ run: Deployment) async throws {
        let database = try DatabaseQueue(path: run.folder + "/parley.sqlite")
        try await until("another worker waits") {
            try database.read { try Int.fetchOne($0, sql: "SELECT sum(awaited) FROM leases") ?? 0 } > 0
        }
    }

    private func until(_ event: String, _ hasCome: () throws -> Bool) async throws {
        try await value(once: event) { try hasCome() ? () : nil }
    }

    private func value<Value>(once event: String, _ value: () throws -> Value?) async throws -> Value {
        let limit = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < limit {
            if let value = try value() { return value }
            await Task.yield()
        }
        throw RunningProcess.Ended(description: "waited in vain until \(event)")
    }
}

/// The inodes of a process's sockets.
func sockets(of pid: pid_t) -> Set<String> {
    let folder = "/proc/\(pid)/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return Set(
        names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") }
            .filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst(8).dropLast()) })
}

/// The inodes of the sockets that are connected to that port of 127.0.0.1.
func connections(to port: UInt16) -> Set<String> {
    let remote = "0100007F:" + String(format: "%04X", port)
    // A file of /proc has no size, so it is read to its end.
    let table = try? FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/net/tcp")).readToEnd()
    return Set(
        String(decoding: table ?? Data(), as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            return fields.count > 9 && fields[2] == remote && fields[3] == "01" ? String(fields[9]) : nil
        })
}
