import FoundationEssentials
import Testing

@testable import Chat

private let noon = Date(timeIntervalSince1970: 1_700_000_000)

@Suite(.timeLimit(.minutes(1))) struct RateMeterTests {
    @Test(arguments: [1, 7, 10, 60, 61, 1_000])
    func givesAWholeMinuteAtOnceAndThenOneEvery60thOverTheLimit(_ limit: Int) {
        var meter = RateMeter()
        for _ in 0..<limit { #expect(meter.take(1, of: limit, at: noon) == nil) }
        // Milliseconds, rounded up.
        let step = (60_000 + limit - 1) / limit
        #expect(meter.take(1, of: limit, at: noon) == .after(.milliseconds(step)))
        let before = noon.addingTimeInterval(Double(step - 1) / 1_000)
        #expect(meter.take(1, of: limit, at: before) == .after(.milliseconds(1)))
        #expect(meter.take(1, of: limit, at: noon.addingTimeInterval(Double(step) / 1_000)) == nil)
    }

    /// Whoever asks as often as it is let in gets the limit a minute, whatever the number.
    @Test(arguments: [1, 7, 13, 59, 600, 100_000, 7_000_000])
    func givesTheLimitAMinuteInTheLongRun(_ limit: Int) {
        var (meter, taken, now) = (RateMeter(), 0, 0)
        // Ten minutes and the burst, in steps of 250 ms.
        while now <= 600_000 {
            let date = noon.addingTimeInterval(Double(now) / 1_000)
            let left = meter.standing(of: limit, at: date).remaining
            if left > 0 {
                #expect(meter.take(left, of: limit, at: date) == nil)
                taken += left
            }
            now += 250
        }
        #expect(taken == limit * 11)
    }

    @Test func takesNothingThatIsRefused() {
        var meter = RateMeter()
        #expect(meter.take(100, of: 100, at: noon) == nil)
        let before = meter
        #expect(meter.take(50, of: 100, at: noon) == .after(.seconds(30)))
        #expect(meter.level == before.level)
        #expect(meter.take(1, of: 100, at: noon) == .after(.milliseconds(600)))
    }

    @Test func neverLetsMoreThanTheLimitIn() {
        var meter = RateMeter()
        #expect(meter.take(101, of: 100, at: noon) == .never)
        #expect(meter.refusal(of: 101, of: 100, at: noon) == .never)
        #expect(meter.take(100, of: 100, at: noon) == nil)
    }

    /// Tokens are held at the worst case while a call is under way, and counted as they were used when it ends.
    @Test func countsWhatIsHeldUntilItIsSettled() {
        var meter = RateMeter()
        #expect(meter.refusal(of: 600, of: 1_000, held: 400, at: noon) == nil)
        #expect(
            meter.refusal(of: 601, of: 1_000, held: 400, at: noon) == .after(.zero), "its holder may be done at once")
        meter.add(100, of: 1_000, at: noon)
        #expect(meter.refusal(of: 900, of: 1_000, at: noon) == nil)
        #expect(meter.refusal(of: 910, of: 1_000, at: noon) == .after(.milliseconds(600)))
        #expect(meter.refusal(of: 900, of: 1_000, held: 100, at: noon) == .after(.seconds(6)))
    }

    @Test func usingMoreThanTheLimitIsWaitedOff() {
        var meter = RateMeter()
        meter.add(300, of: 100, at: noon)
        #expect(meter.refusal(of: 1, of: 100, at: noon) == .after(.milliseconds(120_600)))
        #expect(meter.standing(of: 100, at: noon) == RateStanding(limit: 100, remaining: 0, reset: .seconds(180)))
        #expect(meter.refusal(of: 100, of: 100, at: noon + 180) == nil)
    }

    @Test func aClockThatWasSetBackGivesNothingAndTakesNothing() {
        var meter = RateMeter()
        #expect(meter.take(10, of: 10, at: noon) == nil)
        #expect(meter.take(1, of: 10, at: noon - 3_600) == .after(.seconds(6)))
        #expect(meter.take(1, of: 10, at: noon + 6) == nil)
    }

    @Test func anotherLimitHoldsAtOnce() {
        var meter = RateMeter()
        #expect(meter.take(10, of: 10, at: noon) == nil)
        #expect(meter.refusal(of: 10, of: 20, at: noon) == nil, "half of the new one is left")
        #expect(meter.refusal(of: 1, of: 5, at: noon) == .after(.seconds(72)))
    }

    @Test func saysHowItStands() {
        var meter = RateMeter()
        #expect(meter.standing(of: 60, at: noon) == RateStanding(limit: 60, remaining: 60, reset: .zero))
        #expect(meter.take(3, of: 60, at: noon) == nil)
        #expect(meter.standing(of: 60, at: noon) == RateStanding(limit: 60, remaining: 57, reset: .seconds(3)))
        #expect(meter.standing(of: 60, held: 60, at: noon).remaining == 0)
        // One that has partly come back is not there yet.
        #expect(meter.standing(of: 60, at: noon + 0.5).remaining == 57)
        #expect(meter.standing(of: 60, at: noon + 1).remaining == 58)
    }

    @Test func noCountAndNoTimeOverflows() {
        var meter = RateMeter()
        for _ in 0..<200_000 { meter.add(RateLimits.most, of: RateLimits.most, at: noon) }
        #expect(meter.level == .max)
        #expect(meter.standing(of: 1, at: noon).remaining == 0)
        #expect(meter.refusal(of: 1, of: RateLimits.most, at: Date(timeIntervalSince1970: 4e9)) == nil)
    }

    @Test func limitsArePositive() throws {
        #expect(try RateLimits(requests: 1, tokens: nil, parallel: 5).parallel == 5)
        #expect(throws: ChatError.invalid("rpm", "must be from 1 to 1000000000")) { try RateLimits(requests: 0) }
        #expect(throws: ChatError.invalid("tpm", "must be from 1 to 1000000000")) { try RateLimits(tokens: -1) }
        #expect(throws: ChatError.self) { try RateLimits(parallel: RateLimits.most + 1) }
    }
}
