import Glibc
import Testing

@testable import Pool

@Suite(.timeLimit(.minutes(1))) struct PolicyTests {
    @Test(
        arguments: [
            ([nil, 0, nil, 0, 0, nil, 0, 0, 0, 0], [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]),
            ([5], [0]),
            ([5, 5, 5], [0, 0, 0]),
            ([nil, 0.9, 1, nil], [0.1, 0.2, 0, 0.1]),
        ] as [([Double?], [Double])])
    func waitsLongerWithEachEarlyDeath(served: [Double?], delays: [Double]) {
        var backoff = Backoff()
        #expect(served.map { backoff.delay(afterServing: $0, isKilled: false) } == delays)
    }

    @Test func neverWaitsLongForAWorkerThatWasKilled() {
        var backoff = Backoff()
        #expect([0, 0.5, 0, 5].map { backoff.delay(afterServing: $0, isKilled: true) } == [0, 0, 0, 0])
        let delays = (0..<10).map { backoff.delay(afterServing: $0 % 2 == 0 ? 0.5 : nil, isKilled: true) }
        #expect(delays == [0, 0, 0, 0.1, 0.2, 0.4, 0.8, 0.8, 0.8, 0.8])
        #expect(backoff.delay(afterServing: nil, isKilled: false) == 0.1, "kills are no deaths of its own")
    }

    @Test func triesOnceWithoutAWaitWhenNobodyIsLeft() {
        var backoff = Backoff().ofLastResort
        #expect((0..<5).map { _ in backoff.delay(afterServing: nil, isKilled: false) } == [0, 0.1, 0.2, 0.4, 0.8])
        backoff.reset()
        #expect(backoff.delay(afterServing: nil, isKilled: false) == 0)
    }

    @Test func tellsACrashLoopOnce() {
        var crashLoop = CrashLoop(workers: 3, window: 60, pause: 10)
        let start = ContinuousClock.now
        let verdicts = (0..<15).map { crashLoop.noteEarlyDeath(at: start + .seconds($0)) }
        #expect(verdicts == Array(repeating: false, count: 14) + [true])
        #expect(crashLoop.pause(at: start + .seconds(15)) == start + .seconds(24))
        #expect(crashLoop.pause(at: start + .seconds(24)) == nil, "one may be tried")
        let isAnother = crashLoop.noteEarlyDeath(at: start + .seconds(24))
        #expect(!isAnother && crashLoop.pause(at: start + .seconds(25)) == start + .seconds(34))
        let endings = [crashLoop.noteSettled(), crashLoop.noteSettled()]
        #expect(endings == [true, false] && crashLoop.pause(at: start + .seconds(25)) == nil)
    }

    @Test func callsDeathsThatAreFarApartNoCrashLoop() {
        var crashLoop = CrashLoop(workers: 1, window: 60, pause: 10)
        let start = ContinuousClock.now
        let verdicts = (0..<100).map { crashLoop.noteEarlyDeath(at: start + .seconds(7 * $0)) }
        #expect(!verdicts.contains(true))
    }

    @Test func asksThenForces() {
        var ladder = ShutdownLadder(drainDeadline: 30)
        #expect(ladder.climb(to: 0) == [SIGTERM])
        #expect(ladder.next == 30)
        #expect(ladder.climb(to: 29.9) == [])
        #expect(ladder.climb(to: 30) == [SIGKILL])
        #expect(ladder.next == nil)
        #expect(ladder.climb(to: 99) == [])
    }

    @Test func forcesAtOnceWhenAskedTwice() {
        var ladder = ShutdownLadder(drainDeadline: 30)
        #expect(ladder.climb(to: 0) == [SIGTERM])
        ladder.hurry()
        #expect(ladder.climb(to: 1) == [SIGKILL])
        ladder.hurry()
        #expect(ladder.climb(to: 2) == [] && ladder.next == nil)
    }

    @Test(
        arguments: [
            (0x0000, PoolEvent.Ending.exited(code: 0)), (0x0700, .exited(code: 7)), (0xFF00, .exited(code: 255)),
            (0x0009, .signalled(9)), (0x000F, .signalled(15)), (0x008B, .signalled(11)),
        ] as [(Int32, PoolEvent.Ending)])
    func readsHowAProcessEnded(status: Int32, ending: PoolEvent.Ending) {
        #expect(PoolEvent.Ending(status: status) == ending)
    }
}
