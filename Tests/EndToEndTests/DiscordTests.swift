import Foundation
import GRDB
import Synchronization
import Testing

/// Sessions as threads of a Discord that limits, fails and forgets, from a pool whose sender is killed.
@Suite(.timeLimit(.minutes(5))) struct DiscordTests {
    /// The sender of a deployment, as its log names it last.
    private final class Pool: Sendable {
        let run = Mutex<Deployment?>(nil)

        func killSender() {
            guard let lines = run.withLock({ $0?.logLines }) else { return }
            let last = lines.last { $0["message"] as? String == "worker sends the outbox" }
            if let pid = last?["pid"] as? Int { kill(pid_t(pid), SIGKILL) }
        }
    }

    /// Asks `count` questions in each of the sessions, one after the other in each, with one curl a session.
    private func ask(_ run: Deployment, sessions: Int, each count: Int) async throws {
        // Before anybody is killed.
        var tokens: [String] = []
        for session in 0..<sessions { tokens.append(try await run.logIn("user\(session)@example.com")) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (session, token) in tokens.enumerated() {
                if session >= 8 { try await group.next() }
                group.addTask {
                    let requests = (0..<count).map { number in
                        """
                        url = "\(run.origin)/chat"
                        cacert = "\(run.certificate)"
                        header = "Authorization: Bearer \(token)"
                        header = "Content-Type: application/json"
                        data = "{\\"content\\": \\"question \(number) of \(session) @everyone\\"}"
                        write-out = "%{http_code}\\n"
                        output = "/dev/null"
                        retry = 3
                        silent
                        """
                    }
                    let (_, output, errors) = try await EndToEndTests.run(
                        "/usr/bin/curl", ["--config", "-"], input: Data(requests.joined(separator: "\nnext\n").utf8))
                    let failed = output.split(separator: "\n").filter { $0 != "200" }
                    // A worker that is killed takes what it holds along.
                    #expect(failed.allSatisfy { $0.hasPrefix("5") }, "\(failed) \(errors)")
                }
            }
            try await group.waitForAll()
        }
    }

    private func recorded(_ run: Deployment) async throws -> [String: [String]] {
        try await DatabaseQueue(path: run.folder + "/parley.sqlite").read { db in
            try Row.fetchAll(db, sql: "SELECT session_id, id FROM exchanges WHERE state = 'complete' ORDER BY id")
                .reduce(into: [:]) { all, row in
                    let id = String(row["id"] as Int64, radix: 16)
                    all[row["session_id"], default: []].append(
                        "msg_" + String(repeating: "0", count: 16 - id.count) + id)
                }
        }
    }

    private func wait(atMost limit: Duration = .seconds(120), until isSo: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + limit
        while try await !isSo() {
            try #require(ContinuousClock.now < end)
            await Task.yield()
        }
    }

    /// PARLEY_OUTBOX_EXCHANGES=1000 runs the long form, of 50 sessions.
    @Test(arguments: ["forum", "text"]) func everyExchangeArrivesInOrder(_ channel: String) async throws {
        let total = ProcessInfo.processInfo.environment["PARLEY_OUTBOX_EXCHANGES"].flatMap { Int($0) } ?? 60
        let sessions = total >= 1_000 ? 50 : 10
        let pool = Pool()
        let kills = [10, total / 3, total * 2 / 3, total]
        let random = Mutex(Generator(state: 14))
        let discord = try ScriptedDiscord(
            kill: { pool.killSender() },
            fault: { number, _ in
                if let kill = kills.firstIndex(of: number) { return .kill(isDone: kill % 2 == 0) }
                return random.withLock { random in
                    switch Int.random(in: 0..<100, using: &random) {
                    case 0..<4: .limited(.random(in: 0.001..<0.02, using: &random))
                    case 4: .limited(.random(in: 0.001..<0.02, using: &random), isGlobal: true)
                    case 5..<8: .status([500, 502, 503][Int.random(in: 0..<3, using: &random)])
                    case 8: .reset(isDone: false)
                    case 9: .reset(isDone: true)
                    default: .none
                    }
                }
            })
        let run = try await Deployment(channel == "forum" ? discord.asForum : discord.asText)
        pool.run.withLock { $0 = run }
        defer { pool.run.withLock { $0 = nil } }
        let began = ContinuousClock.now
        try await ask(run, sessions: sessions, each: total / sessions)
        let asked = ContinuousClock.now - began
        let database = try DatabaseQueue(path: run.folder + "/parley.sqlite")
        try await wait { try await database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM outbox") == 0 } }
        let (took, seen, recorded) = (ContinuousClock.now - began, discord.now, try await recorded(run))

        let told = seen.messages.filter { $0.exchange != nil }
        let times = Dictionary(grouping: told.compactMap(\.exchange), by: \.self).mapValues(\.count)
        let all = recorded.values.flatMap(\.self)
        #expect(Set(times.keys) == Set(all) && all.count > total / 2, "every exchange, and no other")
        for (exchange, count) in times where count > 1 {
            #expect(count - 1 <= seen.excused[exchange, default: 0], "\(exchange) came \(count) times")
            #expect(channel == "forum", "a bot's messages have a nonce")
        }
        var threads: [String: [String]] = [:]
        for message in told {
            guard let exchange = message.exchange, threads[message.thread]?.last != exchange else { continue }
            threads[message.thread, default: []].append(exchange)
        }
        for (thread, exchanges) in threads {
            #expect(exchanges == exchanges.sorted(), "in the order of the session")
            #expect(recorded.values.contains { Set($0).isSuperset(of: exchanges) }, "\(thread) is of one session")
        }
        for session in recorded.values {
            #expect(told.compactMap(\.exchange).filter(Set(session).contains).uniqued == session)
        }
        // A sender that was killed leaves what Discord had said of its limits to nobody.
        #expect(seen.wrongs.count <= kills.count, "\(seen.wrongs)")
        #expect(seen.counts["kill"] == kills.count)
        let twice = times.values.reduce(0) { $0 + $1 - 1 }
        print(
            "\(channel): \(all.count) exchanges of \(recorded.count) sessions, asked in \(asked), told in \(took): "
                + "\(seen.requests) requests, \(seen.counts), \(threads.count) threads, \(twice) came twice")
    }

    @Test func itStopsWhereItMayNotWriteAndGoesOnAfterAReload() async throws {
        let mayWrite = Mutex(false)
        let discord = try ScriptedDiscord(fault: { _, _ in mayWrite.withLock { $0 } ? .none : .status(403, code: 50_013)
        })
        let run = try await Deployment(discord.asText)
        let token = try await run.logIn()
        #expect(try await run.get("/health").text("status") == "healthy")
        for number in 0..<3 { _ = try await run.post("/chat", token: token, ["content": "question \(number)"]) }
        try await run.logLine { $0["message"] as? String == "outbox stopped until a reload" }
        try await wait { try await state(run) == ["stopped", 3, 0] }
        #expect(try await run.get("/health").text("status") == "degraded")
        let line = try #require(run.logLines.last { $0["message"] as? String == "worker sends the outbox" })
        let worker = try #require(line["pid"] as? Int)
        kill(pid_t(worker), SIGKILL)
        try await run.logLine {
            $0["message"] as? String == "worker sends the outbox" && $0["pid"] as? Int != worker
        }
        #expect(try await run.parley(["outbox"] + sets(discord)).contains("discord: stopped, 3 pending"))
        #expect(try await run.parley(["status"] + sets(discord, run)).contains("outbox discord: stopped, 3 pending"))
        #expect(discord.now.requests == 1, "one is enough")
        mayWrite.withLock { $0 = true }
        kill(try #require(parent(of: run.workers[0])), SIGHUP)
        try await wait { discord.now.messages.count == 4 }
        try await wait { try await state(run) == ["sending", 0, 0] }
        #expect(run.logLines.filter { $0["message"] as? String == "outbox stopped until a reload" }.count == 1)
        #expect(discord.now.messages.map(\.thread) == ["", "1001", "1001", "1001"])
        #expect(discord.now.messages[1].descriptions == ["question 0", "You said: question 0"])
    }

    private func state(_ run: Deployment) async throws -> [AnyHashable] {
        let health = try await run.get("/health?detailed=true").json["components"] as? [String: Any]
        let outbox = try #require((health?["outbox"] as? [[String: Any]])?.first)
        return [outbox["state"] as? String ?? "", outbox["pending"] as? Int ?? -1, outbox["dead"] as? Int ?? -1]
    }

    private func sets(_ discord: ScriptedDiscord, _ run: Deployment? = nil) -> [String] {
        let socket = run.map { ["CHAT_SOCKET": $0.socket] } ?? [:]
        return discord.asText.merging(socket) { $1 }.flatMap { ["--set", "\($0)=\($1)"] }
    }

    /// Away at first; then a thread is removed, too.
    @Test func anAbsentDiscordDelaysNobodyAndWhatIsDeletedMeanwhileIsNotTold() async throws {
        let isThere = Mutex(false)
        let discord = try ScriptedDiscord(fault: { _, _ in isThere.withLock { $0 } ? .none : .reset(isDone: false) })
        let run = try await Deployment(discord.asForum.merging(["CHAT_DISCORD_DETAILS": "true"]) { $1 })
        let (token, other) = (try await run.logIn("bea@example.com"), try await run.logIn("ann@example.com"))
        let key = try await run.key("--name", "program")
        for number in 0..<5 {
            _ = try await run.post("/chat", token: token, ["content": "secret \(number)"])
            #expect(try await run.post("/chat", token: other, ["content": "question \(number)"]).status == 200)
        }
        #expect(try await run.post("/chat", token: key, ["content": "a program's"]).status == 200)
        try await run.logLine { $0["message"] as? String == "outbox stands still" }
        try await wait { try await state(run)[0] == AnyHashable("failing") }
        #expect(try await run.send("DELETE", "/chat/history", token: token).status == 200)
        isThere.withLock { $0 = true }
        try await wait { discord.now.messages.count == 5 }
        try await run.logLine { $0["message"] as? String == "outbox goes on" }
        let messages = discord.now.messages
        #expect(messages.allSatisfy { $0.thread == messages[0].thread })
        #expect(messages[0].descriptions[0].contains("Email `ann@example.com`\nAddress `127.0.0.1`"))
        #expect(messages.flatMap(\.descriptions).allSatisfy { !$0.contains("secret") && !$0.contains("program") })
        let contacts = try await DatabaseQueue(path: run.folder + "/parley.sqlite").read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM session_contacts")
        }
        #expect(contacts == 0, "both are told, or not to be")
        for message in ["outbox stands still", "outbox goes on"] {
            #expect(run.logLines.filter { $0["message"] as? String == message }.count == 1)
        }
        #expect(!run.log.contains("hook-token") && !run.log.contains("secret"))

        discord.forget(thread: messages[0].thread)
        _ = try await run.post("/chat", token: other, ["content": "another thread"])
        try await wait { discord.now.messages.count == 6 }
        let last = try #require(discord.now.messages.last)
        #expect(last.thread != messages[0].thread && last.descriptions.last == "You said: another thread")
        #expect(discord.now.wrongs == [])
    }

    @Test(arguments: [
        (
            ["CHAT_DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/1/a", "CHAT_DISCORD_BOT_TOKEN": "t"],
            "both set"
        ),
        (["CHAT_DISCORD_BOT_TOKEN": "t"], "CHAT_DISCORD_CHANNEL_ID"),
        (["CHAT_DISCORD_WEBHOOK_URL": "https://example.com/api/webhooks/1/a"], "CHAT_DISCORD_WEBHOOK_URL"),
        (["CHAT_DISCORD_API_URL": "http://example.com"], "CHAT_DISCORD_API_URL"),
        (["CHAT_WEBHOOK_URL": "https://example.com/"], "CHAT_WEBHOOK_SECRET"),
    ])
    func settingsThatDoNotFitStopTheStart(_ settings: [String: String], _ word: String) async throws {
        let ended = try await EndToEndTests.run(
            Program.path, ["serve"],
            environment: settings.merging([
                "CHAT_JWT_SECRET": String(repeating: "s", count: 32), "CHAT_ENV_FILE": "",
                "CHAT_SOCKET": "/nowhere/s", "CHAT_DATABASE_URL": "sqlite:/nowhere/parley.sqlite",
            ]) { $1 })
        #expect(ended.code == 78 && ended.errors.contains(word), "\(ended)")
    }
}

extension [String] {
    /// Without what has come before.
    fileprivate var uniqued: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}

/// The same numbers each time (SplitMix64).
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
