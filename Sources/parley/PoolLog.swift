import Glibc
import Logging
import Pool

extension Logger {
    /// One line for each thing that happens to the pool.
    func log(_ event: PoolEvent) {
        switch event {
        case .listening(let path):
            info("listening", metadata: ["socket": "\(path)"])
        case .workerStarted(let slot, let pid):
            info("worker started", metadata: ["slot": .stringConvertible(slot), "worker": .stringConvertible(pid)])
        case .workerFailedToStart(let slot, let code):
            error(
                "worker not started",
                metadata: ["slot": .stringConvertible(slot), "cause": "\(String(cString: strerror(code)))"])
        case .workerEnded(let slot, let pid, let how):
            let (level, cause): (Logger.Level, String) =
                switch how {
                case .exited(code: 0): (.info, "it had finished")
                case .exited(let code): (.error, "exit code \(code)")
                case .signalled(let signal): (.error, "signal \(signal)")
                }
            log(
                level: level, "worker ended",
                metadata: [
                    "slot": .stringConvertible(slot), "worker": .stringConvertible(pid), "cause": "\(cause)",
                ])
        case .respawning(let slot, let seconds):
            info(
                "worker to be replaced",
                metadata: ["slot": .stringConvertible(slot), "seconds": .stringConvertible(seconds)])
        case .draining(let signal):
            info("pool draining", metadata: ["signal": .stringConvertible(signal)])
        case .killed(let slot, let pid):
            error(
                "worker killed: it outlived the drain deadline",
                metadata: ["slot": .stringConvertible(slot), "worker": .stringConvertible(pid)])
        case .stopped:
            info("pool stopped")
        }
    }
}
