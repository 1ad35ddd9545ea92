import ArgumentParser
import Outbox
import Pool

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the pool: its workers, what they do, and how the providers are.",
        discussion: """
            Ends with 0 when a pool runs, with 3 when none does. With --watch it shows each second what was asked in the \
            last ten, and ends with 0.
            """)

    @OptionGroup var options: SettingOptions

    @Flag(help: "Go on, until q or Ctrl-C: a page on a terminal, a line a second elsewhere.")
    var watch = false

    func run() throws {
        // A mistake in the settings must not hide the pool that goes on without them.
        let sources = try options.sources(ignoresUnknown: true)
        let socket = try sources.required(Catalog.socket)
        if watch { return StatusWatch(socket: socket, sources: sources).run() }
        guard let status = try PoolStatus.read(board: PoolConfiguration.boardPath(socketPath: socket)) else {
            print("No pool runs on \(socket).")
            throw ExitCode(3)
        }
        print(StatusTable(status, socket: socket))
        let outbox = OutboxStatus.lines(sources)
        if !outbox.isEmpty { print(outbox.joined(separator: "\n")) }
    }
}

/// What `parley status` prints.
struct StatusTable: CustomStringConvertible {
    let description: String

    init(_ status: PoolStatus, socket: String) {
        var lines = [
            "pool on \(socket): supervisor \(status.supervisor), up \(Self.span(status.age)), "
                + "\(status.workers.count { $0.state == .serving }) of \(status.wanted) workers serve, "
                + "reloads \(status.reloads), died at their start \(status.earlyDeaths)"
        ]
        if status.isSupervisorStopped {
            let silence = status.supervisorSilence.map { "no sign of life for \(Self.span($0))" } ?? "it is halted"
            lines.append("THE SUPERVISOR IS STOPPED: \(silence); nobody replaces workers, and no signal is heeded")
        }
        if !status.isDraining, !PoolStatus.hasSocket(at: socket) {
            lines.append("THE SOCKET IS GONE: nobody can connect until a reload (SIGHUP) makes it anew")
        }
        if status.isDraining { lines.append("IT STOPS: the workers finish what they have") }
        if status.isInCrashLoop { lines.append("WORKERS KEEP DYING at their start; the log says why") }
        lines.append("")
        let head = ["SLOT", "PID", "STATE", "AGE", "REQUESTS", "IN FLIGHT", "MEMORY", "LAST SIGN", "LAST ERROR"]
        let rows = status.workers.map(Self.row)
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [head] + rows {
            let cells = zip(row, widths).enumerated().map { index, cell in
                index == head.count - 1 ? cell.0 : Self.cell(cell.0, cell.1, toTheRight: index != 2)
            }
            lines.append(cells.joined(separator: "  "))
        }
        // The workers share what they know of the providers.
        if let newest = status.workers.filter({ !$0.note.isEmpty }).min(by: { $0.silence ?? 0 < $1.silence ?? 0 }) {
            lines += ["", "providers: \(newest.note)"]
        }
        description = lines.joined(separator: "\n")
    }

    private static func row(_ worker: PoolStatus.Worker) -> [String] {
        [
            "\(worker.slot)", "\(worker.pid)", "\(worker.state)", span(worker.age), "\(worker.requests)",
            "\(worker.inFlight)", worker.memory == 0 ? "–" : "\((worker.memory + 524_288) / 1_048_576) MiB",
            worker.silence.map(span) ?? "–",
            worker.lastError.map { "\(span(worker.lastErrorAge)) ago: \($0)" } ?? "–",
        ]
    }

    private static func cell(_ text: String, _ width: Int, toTheRight: Bool) -> String {
        let space = String(repeating: " ", count: width - text.count)
        return toTheRight ? space + text : text + space
    }

    /// Seconds in the two largest units that say something.
    static func span(_ seconds: Double) -> String {
        let whole = Int(seconds)
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3_600: return "\(whole / 60) min \(whole % 60) s"
        case ..<86_400: return "\(whole / 3_600) h \(whole / 60 % 60) min"
        default: return "\(whole / 86_400) d \(whole / 3_600 % 24) h"
        }
    }
}
