import Metrics
import Pool
import SharedMemory
import Testing

@testable import parley

/// Which ends of workers count as lost ones.
@Suite(.timeLimit(.minutes(1))) struct RestartCountTests {
    private let metrics: Metrics
    private let restarts: RestartCount

    init() throws {
        let metrics = Metrics(on: try Board([Metrics.section]))
        self.metrics = metrics
        restarts = RestartCount { metrics }
    }

    private var counted: [String] {
        String(decoding: metrics.page(version: "1"), as: UTF8.self).split(separator: "\n").filter {
            $0.hasPrefix("parley_worker_restarts_total{") && !$0.hasSuffix(" 0")
        }.map { String($0.dropFirst("parley_worker_restarts_total".count)) }
    }

    @Test func aReloadLosesNobody() {
        restarts.note(.workerEnded(slot: 0, pid: 1, how: .exited(code: 0)))
        // Its time was up with a stream under way; or it had to be killed for that.
        restarts.note(.workerEnded(slot: 0, pid: 2, how: .exited(code: 1)))
        restarts.note(.killed(slot: 0, pid: 3))
        restarts.note(.workerEnded(slot: 0, pid: 3, how: .signalled(9)))
        #expect(counted.isEmpty)
    }

    @Test func eachThatIsLostCountsOnce() {
        restarts.note(.workerEnded(slot: 0, pid: 1, how: .signalled(11)))
        restarts.note(.workerEnded(slot: 0, pid: 2, how: .exited(code: 78)))
        restarts.note(.workerEnded(slot: 0, pid: 3, how: .signalled(9)))
        restarts.note(.stuck(slot: 1, pid: 4, seconds: 9))
        restarts.note(.workerEnded(slot: 1, pid: 4, how: .signalled(9)))
        restarts.note(.recycling(slot: 1, pid: 5, reason: .memory(1)))
        restarts.note(.workerEnded(slot: 1, pid: 5, how: .exited(code: 0)))
        #expect(
            counted == [
                #"{reason="crashed"} 2"#, #"{reason="killed"} 1"#, #"{reason="stuck"} 1"#, #"{reason="memory"} 1"#,
            ])
    }
}
