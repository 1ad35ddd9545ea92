import Chat
import Testing

@testable import Models

/// Times are milliseconds; the outage cool-down is 20 s and begins with 5 s.
@Suite(.timeLimit(.minutes(1))) struct CircuitStateTests {
    static let policy = CircuitPolicy(longestCooldown: 20_000, keyCooldown: 600_000, probe: 31_000)
    static let failure = CircuitOutcome.failure(weight: 1, CircuitCause(.unreachable), milliseconds: nil)

    private func after(
        _ state: CircuitState, _ outcome: CircuitOutcome, start: UInt64 = 1_000, isProbe: Bool = false,
        at now: UInt64 = 1_000
    ) -> CircuitState {
        state.after(outcome, start: start, isProbe: isProbe, at: now, Self.policy)
    }

    private func opened(at now: UInt64 = 1_000) -> CircuitState {
        (0..<5).reduce(CircuitState()) { state, _ in after(state, Self.failure, start: now, at: now) }
    }

    private func probing(at now: UInt64) -> CircuitState { opened().admission(at: now, Self.policy).next }

    @Test func opensAfterFiveFailuresInARow() {
        var state = CircuitState()
        for _ in 1...4 {
            state = after(state, Self.failure)
            #expect(state.admission(at: 1_000, Self.policy).0 == .allowed)
        }
        state = after(state, Self.failure)
        #expect(state.phase == .open && state.time == 6_000)
        #expect(state.admission(at: 1_500, Self.policy).0 == .refused(milliseconds: 4_500))
    }

    @Test func aSuccessSetsTheCountBack() {
        var state = CircuitState()
        for _ in 1...4 { state = after(state, Self.failure) }
        state = after(state, .success)
        for _ in 1...4 { state = after(state, Self.failure) }
        #expect(state.phase == .closed)
    }

    @Test func opensAfterTwoTimeOuts() {
        let silence = CircuitOutcome(
            ModelFailure(provider: "p", reason: .timedOut, detail: ""), isHurried: false)
        let once = after(CircuitState(), silence)
        #expect(once.phase == .closed && after(once, silence).phase == .open)
    }

    @Test func aReplyWithoutAWordCountsLikeAnyFailure() {
        let silence = CircuitOutcome(
            ModelFailure(provider: "p", reason: .wordless, detail: ""), isHurried: false)
        var state = CircuitState()
        for _ in 1...4 { state = after(state, silence) }
        #expect(state.phase == .closed && after(state, silence).phase == .open)
    }

    @Test func letsOneProbeThroughAfterTheCooldown() {
        let state = opened()
        #expect(state.admission(at: 5_999, Self.policy).0 == .refused(milliseconds: 1))
        let (admission, next) = state.admission(at: 6_000, Self.policy)
        #expect(admission == .probe)
        #expect(next.admission(at: 6_001, Self.policy).0 == .refused(milliseconds: 1_000))
        #expect(next.admission(at: 37_000, Self.policy).0 == .probe, "the prober died")
    }

    @Test func aGoodProbeClosesIt() {
        let state = after(probing(at: 6_000), .success, isProbe: true, at: 6_100)
        #expect(state == CircuitState(time: 6_100))
    }

    @Test func eachFailedProbeDoublesTheCooldownUpToTheLongest() {
        var state = probing(at: 6_000)
        var waits: [UInt64] = []
        for _ in 0..<4 {
            state = after(state, Self.failure, isProbe: true, at: 100_000)
            waits.append(state.time - 100_000)
            state = state.admission(at: state.time, Self.policy).next
        }
        #expect(waits == [10_000, 20_000, 20_000, 20_000])
    }

    @Test func whatBeganBeforeTheRecoveryDoesNotCount() {
        var state = CircuitState(time: 50_000)
        for _ in 0..<9 { state = after(state, Self.failure, start: 49_999, at: 51_000) }
        #expect(state.phase == .closed && state.points == 0)
    }

    @Test func aSilenceDuringWhichOthersWereAnsweredDoesNotCount() {
        let silence = CircuitOutcome(
            ModelFailure(provider: "p", reason: .timedOut, detail: ""), isHurried: false)
        let answered = after(CircuitState(), .success, at: 10_500)
        let state = after(after(answered, silence, at: 11_000), silence, at: 11_000)
        #expect(state.phase == .closed && state.points == 0)
        #expect(after(after(state, silence, start: 10_500), silence, start: 10_500).phase == .open)
    }

    @Test func aKeyThatWasRefusedBeforeItWasMendedDoesNotCount() {
        let closed = CircuitState(time: 50_000)
        #expect(after(closed, .keyRefused(CircuitCause(code: 401)), start: 49_999, at: 51_000) == closed)
    }

    @Test func aLostProbeThatFailsAfterTheRecoveryDoesNotOpenIt() {
        let state = after(CircuitState(time: 50_000), Self.failure, start: 10_000, isProbe: true, at: 51_000)
        #expect(state == CircuitState(time: 50_000))
    }

    @Test func failuresCountAlsoWhenTheClockWasSetBack() {
        var state = CircuitState(time: 9_000_000)
        for _ in 0..<5 { state = after(state, Self.failure, start: 1_000, at: 1_000) }
        #expect(state.phase == .open)
    }

    @Test func anAbandonedProbeLeavesTheNextQuestionTheProbe() {
        let state = after(probing(at: 6_000), .abandoned, isProbe: true, at: 6_010)
        #expect(state.phase == .open && state.admission(at: 6_010, Self.policy).0 == .probe)
    }

    @Test func stragglersChangeNothingWhileItIsOpen() {
        let state = opened()
        #expect(after(state, Self.failure) == state && after(state, .success) == state)
    }

    @Test(arguments: [401, 402, 403])
    func aRefusedKeyOpensItAtOnceAndForLong(status: Int) {
        let outcome = CircuitOutcome(
            ModelFailure(provider: "p", reason: .unauthorized(status: status), detail: ""), isHurried: false)
        let state = after(CircuitState(), outcome)
        #expect(state.phase == .open && state.time == 601_000 && state.cause.description.contains("\(status)"))
    }

    @Test func aLongRetryAfterIsBelievedUpToTheLongestCooldown() {
        func time(_ seconds: Int) -> UInt64 {
            let failure = ModelFailure(
                provider: "p", reason: .rateLimited(retryAfter: .seconds(seconds)), detail: "")
            return after(CircuitState(), CircuitOutcome(failure, isHurried: false)).time
        }
        #expect(time(8) == 9_000 && time(3_600) == 21_000 && time(2) == 0, "a short one is for the retry")
    }

    @Test(arguments: [
        ModelFailure.Reason.filtered(reason: "SAFETY"), .tooLong, .refused(status: 400), .empty, .outOfTokens,
        .unfinished,
    ])
    func aVerdictOnTheQuestionIsASuccess(reason: ModelFailure.Reason) {
        #expect(CircuitOutcome(ModelFailure(provider: "p", reason: reason, detail: ""), isHurried: false) == .success)
    }

    @Test func aWrongModelNameIsTheProvidersFailure() {
        let failure = ModelFailure(provider: "p", reason: .refused(status: 404), detail: "")
        #expect(CircuitOutcome(failure, isHurried: false) != .success)
    }

    @Test(arguments: [400, 402, 429])
    func namesARefusedKeyWhateverTheStatus(status: Int) {
        let cause = CircuitCause(.unauthorized(status: status))
        #expect(cause.description.contains("key or its credit") && !cause.description.contains("429"))
    }

    @Test func aProbesRetryAfterIsBelievedToo() {
        let failure = CircuitOutcome.failure(weight: 1, CircuitCause(code: 429), milliseconds: 15_000)
        #expect(after(probing(at: 6_000), failure, isProbe: true, at: 6_000).time == 21_000)
    }

    @Test func aClockThatWasSetBackDoesNotKeepItOpen() {
        var state = opened()
        state.time = 10_000_000_000
        #expect(state.admission(at: 1_000, Self.policy).0 == .probe)
    }

    @Test func everyStateSurvivesItsWord() {
        for phase in [CircuitState.Phase.closed, .open, .probing] {
            for code: UInt64 in [0, 3, 401, 999] {
                let state = CircuitState(
                    phase: phase, time: 1_790_000_000_000, points: 5, failedProbes: 15, cause: CircuitCause(code: code))
                #expect(CircuitState(word: state.word) == state)
            }
        }
        #expect(CircuitState(word: 0) == CircuitState())
    }
}
