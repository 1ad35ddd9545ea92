public import Chat
public import SharedMemory
internal import Synchronization

/// What the whole pool has done, in numbers that only grow, as Prometheus reads them.
///
///     each request, each call of a provider ─→ atomic adds ─→ one file ─→ GET /metrics of any worker
///
/// All processes of one database add to the same words: a worker that is replaced, reloaded or killed takes nothing with
/// it, and a stop and a start go on from where they were. Counts that a killed worker held in hand are not made: its
/// requests had no reply. Every label is out of a closed set: nothing that a caller sends is in it.
///
/// It refuses to count its own page, and to name more routes and models than it has places for: those are `other`.
public final class Metrics: Telemetry, ModelAttemptObserver {
    /// Where it is read, which counts for nothing.
    public static let path = "/metrics"
    public static let section = Layout.section

    let words: SharedWords
    private let routes: [String: Int]
    private let calls = Mutex<[Call: Int]>([:])

    /// - Parameters:
    ///   - board: has ``section``.
    ///   - routes: all that a report can have.
    public init(on board: Board, routes: [String] = []) {
        words = board[Layout.section]
        _ = Layout.routes.place(of: Layout.unknown, in: words)
        _ = Layout.calls.place(of: Call.other.name, in: words)
        var places: [String: Int] = [:]
        for route in routes where route != Self.path { places[route] = Layout.routes.place(of: route, in: words) }
        self.routes = places
    }

    /// A model that will be asked: its counters are there from the start, at zero.
    public func expect(_ model: String, of provider: String) { _ = place(of: Call(provider: provider, model: model)) }

    public func record(_ report: RequestReport) {
        guard report.route != Self.path else { return }
        let (route, trace) = (routes[report.route] ?? 0, report.trace)
        words.add(1, to: Layout.requests(route, Layout.method(report.method), Layout.code(report.status)))
        if let time = trace.nanoseconds(in: .request) { Layout.durations[route].add(time, to: words) }
        for (index, stage) in Layout.stages.enumerated() {
            if let time = trace.nanoseconds(in: stage) { Layout.stageTimes[index].add(time, to: words) }
        }
        if let outcome = trace.cache { words.add(1, to: Layout.cacheOutcome(outcome)) }
        if trace.saved > .zero { words.add(UInt64(trace.saved.picodollars), to: Layout.saved) }
    }

    public func record(_ attempt: ModelAttempt) {
        let call = place(of: Call(provider: attempt.provider, model: attempt.model))
        let time = (attempt.end - attempt.start) / .nanoseconds(1)
        Layout.callTimes(call, attempt.outcome).add(UInt64(max(0, time)), to: words)
        if let usage = attempt.usage {
            Layout.tokens(call, .input).add(UInt64(usage.prompt), to: words)
            Layout.tokens(call, .output).add(UInt64(usage.completion), to: words)
        }
        if let cost = attempt.cost { words.add(UInt64(cost.picodollars), to: Layout.cost(call)) }
    }

    /// The supervisor counts a worker that ended, or is to end, before its time.
    public func countRestart(_ reason: WorkerRestart) { words.add(1, to: Layout.restart(reason)) }

    private func place(of call: Call) -> Int {
        calls.withLock { calls in
            if let place = calls[call] { return place }
            let place = Layout.calls.place(of: call.name, in: words) ?? 0
            calls[call] = place
            return place
        }
    }
}

/// Why a worker had to be replaced, but for a reload.
public enum WorkerRestart: String, Sendable, CaseIterable {
    /// It ended by itself: a fault of the program, or of its settings.
    case crashed
    /// By an operator, or by the kernel for its memory.
    case killed
    /// It gave no sign of life.
    case stuck
    /// It had answered as many requests as it may.
    case requests
    /// It had as much memory as it may.
    case memory
    /// The system did not start it.
    case failed
}

/// A provider and its model, as the settings name them.
struct Call: Hashable {
    static let other = Call(provider: Layout.other, model: Layout.other)

    let provider: String
    let model: String

    /// As it stands in the file.
    var name: String { "\(provider)\u{0}\(model)" }
}
