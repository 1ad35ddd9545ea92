import Glibc
import Testing

@testable import Pool

@Suite struct PolicyTests {
    @Test(arguments: [
        ([0.0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]),
        ([5.0], [0.0]),
        ([5.0, 5, 5], [0.0, 0.2, 0.4]),
        ([0.0, 0, 60, 0], [0.1, 0.2, 0, 0.1]),
        ([60.0, 60, 60], [0.0, 0, 0]),
    ])
    func waitsLongerWithEachEarlyDeath(lives: [Double], delays: [Double]) {
        var backoff = Backoff()
        #expect(lives.map { backoff.delay(afterLife: $0) } == delays)
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
