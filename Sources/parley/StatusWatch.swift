import API
import FoundationEssentials
import Glibc
import Metrics
import Pool
import SharedMemory

/// `parley status --watch`: the pool each second, a page on a terminal and a line elsewhere, until q or Ctrl-C.
///
/// What is told of requests is of the last ten seconds. A pool that stops and starts again goes on being watched.
struct StatusWatch {
    let socket: String
    /// Where the counters are.
    let sources: SettingSources
    private static let window = 10

    func run() {
        if let terminal = Terminal() {
            var look = Look(self)
            while true {
                terminal.draw(look.page)
                switch terminal.wait(.seconds(1)) {
                case .tick: look = look.next()
                case .resized: break
                case .end: return
                }
            }
        } else {
            Ending.watch()
            var look = Look(self)
            while !Ending.hasCome {
                // A signal ends the sleep.
                var rest = timespec(tv_sec: 1, tv_nsec: 0)
                guard nanosleep(&rest, nil) == 0 else { continue }
                look = look.next()
                print(look.line)
                guard StandardOutput.fault() == nil else { return }
            }
        }
    }

    /// - Returns: nil where nobody counts yet.
    /// - Throws: why the counters cannot be read.
    private func totals() throws -> MetricsTotals? {
        let metrics = try sources.sharedNames().metrics
        let file = open(metrics, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw BoardError.system(call: "open", subject: metrics, errno: errno)
        }
        defer { close(file) }
        return MetricsTotals(try Board(existing: file, metrics, [Metrics.section]))
    }

    /// What was there at one moment, and shortly before.
    private struct Look {
        let watch: StatusWatch
        let status: PoolStatus?
        let fault: String?
        /// None where the counters cannot be read now: older ones are not what is asked.
        private var samples: [(at: ContinuousClock.Instant, totals: MetricsTotals)] = []
        /// Why they cannot.
        private var metricsFault: String?

        init(_ watch: StatusWatch) { self.init(watch, []) }

        private init(_ watch: StatusWatch, _ before: [(at: ContinuousClock.Instant, totals: MetricsTotals)]) {
            self.watch = watch
            do {
                status = try PoolStatus.read(board: PoolConfiguration.boardPath(socketPath: watch.socket))
                fault = nil
            } catch { (status, fault) = (nil, "\(error)") }
            do {
                guard let totals = try watch.totals() else { return }
                samples = before.suffix(StatusWatch.window)
                samples.append((.now, totals))
            } catch { metricsFault = "counters cannot be read: \(error)" }
        }

        func next() -> Look { Look(watch, samples) }

        private var rates: String {
            guard let first = samples.first, let last = samples.last else {
                return metricsFault ?? "nothing is counted yet"
            }
            let seconds = first.at.duration(to: last.at) / .seconds(1)
            return LiveRates(from: first.totals, to: last.totals, in: seconds).words
        }

        private var absence: String { fault ?? "No pool runs on \(watch.socket)." }

        var page: String {
            let pool = status.map { StatusTable($0, socket: watch.socket).description } ?? absence
            return "\(Date().iso8601)\n\(rates)\n\n\(pool)\n\nq ends this"
        }

        var line: String {
            // Programs that another server starts are counted, and are no pool.
            guard let status else { return "\(Date().iso8601) \(rates). \(absence)" }
            let serving = status.workers.count { $0.state == .serving }
            let inFlight = status.workers.reduce(0) { $0 + $1.inFlight }
            let notes = status.workers.filter { !$0.note.isEmpty }
            let note = notes.min { $0.silence ?? 0 < $1.silence ?? 0 }?.note
            return "\(Date().iso8601) \(rates), in flight \(inFlight), workers \(serving) of \(status.wanted)"
                + (note.map { ", providers: \($0)" } ?? "")
        }
    }
}
