import Chat
import Dispatch
import Models
import Support
import Testing

/// How long a provider may take for what, and what it means when it takes longer.
@Suite(.timeLimit(.minutes(2)))
struct ProviderPatienceTests {
    typealias Kind = ProviderFixture.Kind

    @Test func doesNotWaitForAnEndMarkThatNeverComes() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk(ProviderFixture.event(.openrouter, "Hello"))
            try connection.chunk(#"data: {"choices":[{"delta":{},"finish_reason":"length"}]}"# + "\n\n")
            _ = connection.waitForHangUp()
        })
        let timeouts = try Timeouts(firstToken: .seconds(60), stall: .seconds(60), whole: .seconds(60))
        let started = ContinuousClock.now
        let result = try await ProviderFixture(.openrouter, server, timeouts: timeouts).ask(within: .seconds(60))
        #expect(try result.get().text == "Hello" && result.get().finishReason == .length)
        #expect(started.duration(to: .now) < .seconds(30))
    }

    enum Life: CaseIterable { case thoughts, comments }

    /// The time between two signs of life is a quarter of the time-out, and all of them together are twice as long.
    @Test(arguments: Kind.allCases, Life.allCases)
    func waitsForAModelThatShowsSignsOfLife(kind: Kind, life: Life) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            for _ in 0..<8 {
                try connection.chunk(life == .thoughts ? ProviderFixture.thought(kind) : ": still here\n\n")
                if connection.waitForHangUp(within: .milliseconds(250)) { return }
            }
            try connection.chunk(ProviderFixture.event(kind, "Hello"))
            try connection.chunk(ProviderFixture.end(kind))
            try connection.chunk("")
        })
        let timeouts = try Timeouts(firstToken: .seconds(1), stall: .seconds(60), whole: .seconds(60))
        #expect(try await ProviderFixture(kind, server, timeouts: timeouts).ask().get().text == "Hello")
    }

    /// Gemini's answer has had text without a finish reason, so that no more can follow.
    @Test(arguments: Kind.allCases, ["silence", "reset", "comments"])
    func losesNothingAfterTheFinishReason(kind: Kind, conduct: String) async throws {
        let finish =
            switch kind {
            case .gemini: ProviderFixture.end(.gemini)
            case .openrouter: #"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"# + "\n\n"
            }
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk(ProviderFixture.event(kind, "Hel"))
            try connection.chunk(ProviderFixture.event(kind, "lo") + finish)
            switch conduct {
            case "reset":
                // A reset must not overtake what was said.
                _ = connection.waitForHangUp(within: .milliseconds(100))
                connection.resetOnClose()
            case "comments":
                while !connection.waitForHangUp(within: .milliseconds(100)) { try connection.chunk(": still here\n\n") }
            default: _ = connection.waitForHangUp()
            }
        })
        let started = ContinuousClock.now
        #expect(try await ProviderFixture(kind, server).ask().get().text == "Hello")
        #expect(started.duration(to: .now) < .seconds(20))
    }

    /// Older models say STOP in every chunk: silence then ends the answer only when the model has had time to go on.
    @Test func waitsForMoreOfAModelThatSaysStopInEveryChunk() async throws {
        @Sendable func event(_ text: String) -> String {
            #"data: {"candidates":[{"content":{"parts":[{"text":"\#(text)"}]},"finishReason":"STOP"}]}"# + "\r\n\r\n"
        }
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk(event("Hel"))
            _ = connection.waitForHangUp(within: .milliseconds(1_500))
            try connection.chunk(event("lo"))
            try connection.chunk("")
        })
        #expect(try await ProviderFixture(.gemini, server).ask().get().text == "Hello")
    }

    @Test(arguments: Kind.allCases)
    func timesOutWithoutHeaders(kind: Kind) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in _ = connection.waitForHangUp() })
        let timeouts = try Timeouts(firstToken: .milliseconds(50), stall: .seconds(60), whole: .seconds(60))
        #expect(try await ProviderFixture(kind, server, timeouts: timeouts).reason() == .timedOut)
    }

    @Test(arguments: Kind.allCases)
    func timesOutWhenCommentsAreAllThatComes(kind: Kind) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            while true { try connection.chunk(": still here\n\n") }
        })
        let timeouts = try Timeouts(firstToken: .seconds(60), stall: .seconds(60), whole: .seconds(1))
        #expect(try await ProviderFixture(kind, server, timeouts: timeouts).reason() == .wordless)
    }

    @Test(arguments: Kind.allCases)
    func timesOutWithoutAWord(kind: Kind) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk(ProviderFixture.thought(kind))
            _ = connection.waitForHangUp()
        })
        let timeouts = try Timeouts(firstToken: .milliseconds(500), stall: .seconds(60), whole: .seconds(60))
        #expect(try await ProviderFixture(kind, server, timeouts: timeouts).reason() == .wordless)
    }

    @Test(arguments: Kind.allCases)
    func thoughtsWithoutEndAreUnfinished(kind: Kind) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            while true { try connection.chunk(ProviderFixture.thought(kind)) }
        })
        let timeouts = try Timeouts(firstToken: .seconds(60), stall: .seconds(60), whole: .seconds(1))
        #expect(try await ProviderFixture(kind, server, timeouts: timeouts).reason() == .unfinished)
    }

    /// A stream, a document and a single line that never end.
    @Test(arguments: [("", "data: {}\n\n: "), (#"{"id":""#, ""), ("data: ", "")])
    func anAnswerThatIsTooLargeIsUnfinished(beginning: String, interval: String) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk(beginning + "x")
            let chunk = String(repeating: "x", count: 30_000) + (interval.isEmpty ? "" : "\n\n" + interval)
            while true { try connection.chunk(chunk) }
        })
        #expect(try await ProviderFixture(.openrouter, server).reason() == .unfinished)
    }

    @Test(arguments: [#"{"error":{"message":"on"#, ""])
    func doesNotWaitForTheWordsOfAnErrorThatHang(body: String) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.send("HTTP/1.1 500 Oh\r\nContent-Length: 1000\r\nRetry-After: 2\r\n\r\n" + body)
            _ = connection.waitForHangUp()
        })
        let started = ContinuousClock.now
        let reason = try await ProviderFixture(.openrouter, server).reason()
        #expect(reason == .serverError(status: 500, retryAfter: .seconds(2)))
        #expect(started.duration(to: .now) < .seconds(20))
    }

    @Test func doesNotReadAnErrorThatTricklesForEver() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin(status: "503 Busy")
            while true {
                try connection.chunk("x")
                _ = connection.waitForHangUp(within: .milliseconds(50))
            }
        })
        let started = ContinuousClock.now
        let reason = try await ProviderFixture(.openrouter, server).reason()
        #expect(reason == .serverError(status: 503, retryAfter: nil))
        #expect(started.duration(to: .now) < .seconds(20))
    }

    @Test(arguments: Kind.allCases)
    func timesOutWhenAnAnswerStalls(kind: Kind) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk(ProviderFixture.event(kind, "Hel"))
            _ = connection.waitForHangUp()
        })
        let timeouts = try Timeouts(firstToken: .seconds(60), stall: .milliseconds(50), whole: .seconds(60))
        let seen = Seen<String>()
        let fixture = try ProviderFixture(kind, server, timeouts: timeouts)
        #expect(failure(await fixture.ask(onDelta: Watcher { seen.append($0.text) }))?.reason == .timedOut)
        #expect(seen.all == ["Hel"])
    }

    @Test(arguments: Kind.allCases, [false, true])
    func timesOutWhenTheAnswerNeverEnds(kind: Kind, byDeadline: Bool) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            while true { try connection.chunk(ProviderFixture.event(kind, "x")) }
        })
        let limit = Duration.seconds(1)
        let timeouts = try Timeouts(
            firstToken: .seconds(60), stall: .seconds(60), whole: byDeadline ? .seconds(60) : limit)
        let fixture = try ProviderFixture(kind, server, timeouts: timeouts)
        let reason = await fixture.reason(within: byDeadline ? limit : .seconds(60))
        #expect(reason == .unfinished)
    }
}
