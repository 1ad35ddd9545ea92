import Glibc

/// What the supervisor looks at once a second: who is stuck, who leaves, and who is to be replaced.
extension WorkerPool {
    /// - Parameter since: nobody is blamed for a silence before that time, in which the supervisor itself stood still.
    mutating func checkLiveness(since: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        endStuck(since: since)
        for number in slots.indices {
            replaceLeaving(number)
            recycle(number)
        }
        let settled = slots.compactMap(\.worker).filter { !$0.isEnded && !$0.isYoung(configuration.backoff) }
        if !settled.isEmpty { lastResort.reset() }
        let hasSettled = settled.contains { worker in crashLoop.began.map { worker.started > $0 } ?? false }
        if crashLoop.isOn, hasSettled, crashLoop.noteSettled() {
            board.set(.crashLoop, 0)
            for number in slots.indices { slots[number].due = now }
            onEvent(.crashLoopOver)
        }
    }

    /// Kills those that have been silent, or about to serve, for too long.
    mutating func endStuck(since: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        func silence(_ worker: Worker) -> Double? {
            guard !worker.isEnded else { return nil }
            let seconds = (now - max(worker.lastSign, since)) / .seconds(1)
            let isKnown = worker.isReady || worker.hasReported || ProcessState(of: worker.pid) == .stopped
            if isKnown, let limit = configuration.stallTimeout, seconds > limit { return seconds }
            let start = (now - max(worker.started, since)) / .seconds(1)
            return !worker.isReady && start > configuration.startDeadline ? start : nil
        }
        for number in slots.indices {
            if let worker = slots[number].worker, let seconds = silence(worker) {
                slots[number].worker?.end()
                onEvent(.stuck(slot: number, pid: worker.pid, seconds: seconds))
            }
            if let successor = slots[number].successor, let seconds = silence(successor) {
                slots[number].successor?.end()
                onEvent(.stuck(slot: number, pid: successor.pid, seconds: seconds))
            }
        }
        for number in retired.indices {
            guard let seconds = silence(retired[number]) else { continue }
            retired[number].end()
            onEvent(.stuck(slot: retired[number].slot, pid: retired[number].pid, seconds: seconds))
        }
    }

    /// One that somebody else has sent SIGTERM finishes what it has, which may take long, and serves no longer.
    private mutating func replaceLeaving(_ number: Int) {
        guard let worker = slots[number].worker, worker.isLeaving else { return }
        retire(worker)
        slots[number].worker = slots[number].successor
        slots[number].successor = nil
        slots[number].due = .now
    }

    private mutating func recycle(_ number: Int) {
        guard !slots[number].isToBeRecycled, let worker = slots[number].worker, let row = worker.row,
            !worker.isYoung(configuration.backoff)
        else { return }
        let (requests, memory) = (Int(row[.requests]), Int(row[.memory]))
        if let limit = slots[number].requestLimit, requests >= limit {
            slots[number].isToBeRecycled = true
            onEvent(.recycling(slot: number, pid: worker.pid, reason: .requests(requests)))
        } else if let limit = configuration.maxMemory, memory > limit {
            slots[number].isToBeRecycled = true
            onEvent(.recycling(slot: number, pid: worker.pid, reason: .memory(memory)))
        }
    }
}
