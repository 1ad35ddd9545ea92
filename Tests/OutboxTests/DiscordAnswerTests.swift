import Testing

@testable import Outbox

/// What is made of Discord's answers.
@Suite(.timeLimit(.minutes(1))) struct DiscordAnswerTests {
    enum Meaning { case done, gone, stopped, refused, failed }

    private func reply(_ status: Int, _ body: String, _ headers: [String: String] = [:]) -> PostReply {
        PostReply(status: status, body: Array(body.utf8)) { headers[$0] }
    }

    private func meaning(_ answer: DiscordAnswer) -> Meaning {
        if answer.isDone { return .done }
        switch answer.refusal {
        case .threadGone: return .gone
        case .outcome(.stopped): return .stopped
        case .outcome(.refused): return .refused
        case .outcome(.failed): return .failed
        case .outcome: return .done
        }
    }

    @Test(arguments: [
        // The thread is there already.
        (400, 160_004, false, Meaning.done),
        (404, 10_008, false, .gone), (404, 10_003, true, .gone), (400, 50_083, true, .gone),
        (400, 160_005, true, .gone),
        (404, 10_003, false, .stopped), (404, 10_015, false, .stopped), (401, 0, false, .stopped),
        (403, 50_013, true, .stopped),
        (400, 220_003, false, .stopped), (400, 40_067, false, .stopped), (400, 50_008, false, .stopped),
        (400, 50_035, true, .refused), (400, 240_000, true, .refused), (413, 0, true, .refused),
        (500, 0, false, .failed), (502, 0, true, .failed), (404, 0, false, .failed), (400, 30_046, false, .failed),
    ])
    func eachCodeHasItsMeaning(_ status: Int, _ code: Int, _ isInThread: Bool, _ expected: Meaning) {
        let answer = DiscordAnswer(reply(status, #"{"code":\#(code),"message":"scripted"}"#), isInThread: isInThread)
        #expect(meaning(answer) == expected)
    }

    @Test func aLimitOfThreadsIsNoneOfThoseThatAreThere() throws {
        let limits = DiscordLimits()
        let now = ContinuousClock.now
        let refused = try #require(
            limits.refuse(
                reply(429, #"{"retry_after":219.5,"global":false}"#, ["X-RateLimit-Scope": "shared"]), in: .webhook,
                makesThread: true, at: now))
        #expect(refused.time == .milliseconds(219_500) && !refused.isOfAll)
        #expect(limits.rest(.threads, at: now) != nil && limits.rest(.webhook, at: now) == nil)
        // What is no JSON stands before all of Discord.
        let banned = limits.refuse(
            reply(429, "<html>", ["Retry-After": "3600"]), in: .webhook, makesThread: false, at: now)
        #expect(banned?.time == .seconds(3_600) && banned?.isOfAll == true)
        #expect(limits.rest(.messages("1"), at: now)?.isOfAll == true)
    }

    @Test func whoIsRefusedAgainWaitsLongerEachTime() {
        let limits = DiscordLimits()
        let now = ContinuousClock.now
        func refuse() -> Duration? {
            limits.refuse(reply(429, #"{"retry_after":0}"#), in: .messages("1"), makesThread: false, at: now)?.time
        }
        #expect(
            [refuse(), refuse(), refuse(), refuse()] == [.zero, .milliseconds(250), .milliseconds(500), .seconds(1)])
        limits.note(reply(200, "{}"), in: .messages("1"), at: now)
        #expect(refuse() == .zero)
    }
}
