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
        case .workerReady(let slot, let pid, let seconds):
            debug(
                "worker serves",
                metadata: [
                    "slot": .stringConvertible(slot), "worker": .stringConvertible(pid),
                    "start_ms": .stringConvertible(Int((seconds * 1_000).rounded())),
                ])
        case .workerFailedToStart(let slot, let code):
            error(
                "worker not started",
                metadata: ["slot": .stringConvertible(slot), "cause": "\(String(cString: strerror(code)))"])
        case .workerEnded(let slot, let pid, let how):
            log(
                level: how == .exited(code: 0) ? .info : .error, "worker ended",
                metadata: [
                    "slot": .stringConvertible(slot), "worker": .stringConvertible(pid), "cause": "\(how.words)",
                ])
        case .respawning(_, seconds: 0): break
        case .respawning(let slot, let seconds):
            info(
                "worker waits for its next try",
                metadata: ["slot": .stringConvertible(slot), "seconds": .stringConvertible(seconds)])
        case .recycling(let slot, let pid, let reason):
            let cause =
                switch reason {
                case .requests(let count): "it has answered \(count) requests"
                case .memory(let bytes): "it has \(bytes) bytes in memory"
                }
            info(
                "worker to be replaced: it is worn out",
                metadata: [
                    "slot": .stringConvertible(slot), "worker": .stringConvertible(pid), "cause": "\(cause)",
                ])
        case .stuck(let slot, let pid, let seconds):
            error(
                "worker stuck",
                metadata: [
                    "slot": .stringConvertible(slot), "worker": .stringConvertible(pid),
                    "cause": "no sign of life for \(Int(seconds)) s; it is killed and replaced",
                ])
        case .crashLoop(let deaths, let pause):
            critical(
                "workers keep dying",
                metadata: [
                    "deaths": .stringConvertible(deaths),
                    "cause": "so many died at their start; one is tried every \(Int(pause)) s; their own lines say why",
                ])
        case .crashLoopOver: notice("workers live again")
        case .reloading: info("pool reloading")
        case .reloadFailed(let failure):
            error("reload failed", metadata: ["cause": "\(failure.words)"])
        case .reloaded(let generation):
            notice("pool reloaded", metadata: ["generation": .stringConvertible(generation)])
        case .reopenedLogs: info("log opened anew")
        case .socketNotGiven(let error):
            self.error("the socket stays as it was", metadata: ["cause": "\(error)"])
        case .draining(let signal):
            info("pool draining", metadata: ["signal": .stringConvertible(signal)])
        case .killed(let slot, let pid):
            error(
                "worker killed: it had not finished in time",
                metadata: ["slot": .stringConvertible(slot), "worker": .stringConvertible(pid)])
        case .stopped:
            info("pool stopped")
        }
    }
}

extension PoolEvent.Ending {
    fileprivate var words: String {
        switch self {
        case .exited(code: 0): "it had finished"
        case .exited(let code): "exit code \(code)"
        case .signalled(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
        }
    }
}

extension PoolEvent.ReloadFailure {
    fileprivate var words: String {
        switch self {
        case .refused(let how): "the program does not start with these settings (\(how.words)); nothing has changed"
        case .unanswered: "what is at the program's path is not this program, or another version; nothing has changed"
        case .silent(let seconds): "the test of the settings did not end in \(Int(seconds)) s; nothing has changed"
        case .newWorkerDied(let how):
            "a new worker died at its start (\(how.words)); the old ones go on, and it is tried again"
        case .system(let error): "\(error); nothing has changed"
        }
    }
}
