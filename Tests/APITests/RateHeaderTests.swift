import Chat
import FoundationEssentials
import Testing

@testable import API

@Suite(.timeLimit(.minutes(1))) struct RateHeaderTests {
    @Test(arguments: [
        (0, "0s"), (1, "1ms"), (17, "17ms"), (999, "999ms"), (1_000, "1s"), (8_640, "8.64s"), (59_999, "59.999s"),
        (60_000, "1m0s"), (90_951, "1m30.951s"), (360_000, "6m0s"), (3_600_000, "1h0m0s"),
        (86_399_001, "23h59m59.001s"),
        (1_050, "1.05s"),
    ])
    func writesDurationsAsOpenAIDoes(_ milliseconds: Int, _ text: String) {
        #expect(RateHeaders.duration(.milliseconds(milliseconds)) == text)
    }

    @Test(arguments: [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (6_000, 6), (59_001, 60)])
    func roundsRetryAfterUp(_ milliseconds: Int, _ seconds: Int) {
        let refusal = Refusal.rateLimited(
            .requests(60), .after(.milliseconds(milliseconds)), RateReport(requests: nil, tokens: nil))
        let admission = Result<Admission, Refusal>.failure(refusal)
        let error = #expect(throws: ChatError.self) { _ = try admission.admitted() }
        #expect(error?.retryAfter == seconds)
    }

    @Test func namesWhatIsLimitedOnly() {
        var meter = RateMeter()
        _ = meter.take(1, of: 60, at: .init(timeIntervalSince1970: 0))
        let standing = meter.standing(of: 60, at: .init(timeIntervalSince1970: 0))
        let headers = RateHeaders.headers(RateReport(requests: standing, tokens: nil))
        #expect(
            headers.map { "\($0.name): \($0.value)" } == [
                "x-ratelimit-limit-requests: 60", "x-ratelimit-remaining-requests: 59",
                "x-ratelimit-reset-requests: 1s",
            ])
        #expect(
            RateHeaders.headers(RateReport(requests: nil, tokens: standing)).first?.name == "x-ratelimit-limit-tokens")
        #expect(RateHeaders.headers(nil).isEmpty)
    }
}
