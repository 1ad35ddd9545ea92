import API
import Chat
import Glibc
import Logging
import Metrics
import Outbox
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
    let outbox: OutboxBoard
    /// Those that are told of exchanges: of another one the board may have old numbers.
    let kinds: [OutboxKind]

    init(_ metrics: Metrics, _ providers: Providers, _ outbox: OutboxBoard, _ kinds: [OutboxKind]) {
        (self.metrics, self.providers, self.outbox, self.kinds) = (metrics, providers, outbox, kinds)
        for provider in providers.health { metrics.expect(provider.model, of: provider.name) }
    }

    func page() -> [UInt8] {
        let circuits = providers.health.map { ($0.name, $0.circuit == "closed" ? 0.0 : 1) }
        return metrics.page(
            version: Version.text,
            gauges: [
                Gauge(
                    "parley_circuit_open", "Whether a provider is left alone because it fails.", label: "provider",
                    circuits),
                told("parley_outbox_pending", "Exchanges that are yet to be told.") { Double($0.counts.pending) },
                told("parley_outbox_dead", "Exchanges that were given up.") { Double($0.counts.dead) },
                told("parley_outbox_oldest_seconds", "How long the first of those that wait has waited.") {
                    $0.age.map { $0 / .seconds(1) } ?? 0
                },
            ])
    }

    private func told(_ name: String, _ help: String, _ value: (OutboxStatus) -> Double) -> Gauge {
        Gauge(
            name, help, label: "kind",
            OutboxKind.allCases.map { kind in
                (kind.rawValue, value(kinds.contains(kind) ? outbox.status(of: kind) : OutboxStatus()))
            })
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
            guard known.withLock({ $0.remove(pid) }) == nil, how != .exited(code: 0),
                how != .exited(code: Worker.unfinished)
            else { return }
            metrics()?.countRestart(how.isKill ? .killed : .crashed)
        default: break
        }
    }

    private func count(_ reason: WorkerRestart, _ pid: pid_t) {
        guard known.withLock({ $0.insert(pid).inserted }) else { return }
        metrics()?.countRestart(reason)
    }
}
