import API
import Chat
import Glibc
import Logging
import Metrics
import Pool
import SharedMemory
import Synchronization

extension Metrics {
    /// Those of all processes of one database, in a file beside its board.
    ///
    /// - Returns: nil where that cannot be: counters of one worker would fall whenever another tells its own.
    static func shared(_ settings: Settings, log: Logger) -> Metrics? {
        do {
            let board = try Board.open(settings.metricsPath, [Metrics.section])
            return Metrics(on: board, routes: ChatService.routes)
        } catch {
            log.warning("nothing is counted for GET /metrics", metadata: ["cause": "\(error)"])
            return nil
        }
    }
}

/// What GET /metrics tells.
struct MetricsPage: MetricsSource {
    let metrics: Metrics
    let providers: Providers

    init(_ metrics: Metrics, _ providers: Providers) {
        (self.metrics, self.providers) = (metrics, providers)
        for provider in providers.health { metrics.expect(provider.model, of: provider.name) }
    }

    func page() -> [UInt8] {
        let circuits = providers.health.map { ($0.name, $0.circuit == "closed" ? 0.0 : 1) }
        return metrics.page(
            version: Version.text,
            gauges: [
                Gauge(
                    "parley_circuit_open", "Whether a provider is left alone because it fails.", label: "provider",
                    circuits)
            ])
    }
}

/// Counts the workers that the supervisor replaces, each once.
final class RestartCount: Sendable {
    private let metrics: @Sendable () -> Metrics?
    /// Their end is no news.
    private let known = Mutex<Set<pid_t>>([])

    /// - Parameter metrics: asked each time, since workers are seldom replaced, and a pool begins without its folder.
    init(_ metrics: @escaping @Sendable () -> Metrics?) { self.metrics = metrics }

    func note(_ event: PoolEvent) {
        switch event {
        case .recycling(_, let pid, .requests): count(.requests, pid)
        case .recycling(_, let pid, .memory): count(.memory, pid)
        case .stuck(_, let pid, _): count(.stuck, pid)
        // It had a successor, or needs none.
        case .killed(_, let pid): known.withLock { _ = $0.insert(pid) }
        case .workerFailedToStart: metrics()?.countRestart(.failed)
        case .workerEnded(_, let pid, let how):
            guard known.withLock({ $0.remove(pid) }) == nil, how != .exited(code: 0) else { return }
            metrics()?.countRestart(how.isKill ? .killed : .crashed)
        default: break
        }
    }

    private func count(_ reason: WorkerRestart, _ pid: pid_t) {
        guard known.withLock({ $0.insert(pid).inserted }) else { return }
        metrics()?.countRestart(reason)
    }
}
