import ArgumentParser
import Chat
import EventLoop
import Logging
import Outbox
import SharedMemory
import Storage

struct Outbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what Discord and a webhook are yet to be told of, and sends it.",
        discussion: """
            A pool sends by itself. Where Parley runs as CGI nobody does: run `parley outbox --send` now and then, from \
            cron say. What cannot be sent is left for the next time, and given up after a day; it ends with 1 then.
            """)

    @OptionGroup var options: SettingOptions

    @Flag(help: "Send what is due, once.")
    var send = false

    @Flag(help: "Send again what was given up, and try again what was stopped.")
    var retry = false

    func run() throws {
        let settings = try options.settings()
        try settings.database.mustExist()
        let board = try Board.shared(settings, log: .parley(settings.logLevel))
        let database = try Database(settings)
        let deliveries = try settings.sources.deliveries()
        let (retry, send) = (retry, send)
        let (lines, isWell) = try Migrate.explained(settings) {
            try wait {
                try await database.prepare()
                var (lines, isWell): ([String], Bool) = ([], true)
                if retry {
                    for kind in OutboxKind.allCases {
                        let count = try await database.revive(kind)
                        if count > 0 { lines.append("\(kind.rawValue): \(count) are to be sent again") }
                    }
                    OutboxBoard(on: board).resume()
                    OutboxBoard(on: board).noteArrival()
                }
                if send {
                    let (line, isDone) = try await Self.send(deliveries, database, board)
                    lines.append(line)
                    isWell = isDone
                }
                for kind in OutboxKind.allCases {
                    let counts = try await database.counts(of: kind)
                    guard counts != OutboxCounts() || settings.sources.outboxKinds.contains(kind) else { continue }
                    var status = OutboxBoard(on: board).status(of: kind)
                    status.counts = counts
                    lines.append("\(kind.rawValue): \(status.text)")
                    if let fault = try await database.fault(of: kind) { lines.append("  last failure: \(fault)") }
                }
                await database.close()
                return (lines, isWell)
            }
        }
        print(lines.isEmpty ? "Nobody is told of exchanges." : lines.joined(separator: "\n"))
        if !isWell { throw ExitCode.failure }
    }

    private static func send(
        _ deliveries: [any Delivery], _ database: Database, _ board: Board
    ) async throws -> (line: String, isDone: Bool) {
        let log = Logger.parley(.info)
        let sender = Sender(
            deliveries, store: database, board: OutboxBoard(on: board), background: .loop, onEvent: { log.note($0) })
        guard let (sent, isWell) = try await sender.drain() else {
            return ("A worker sends: nothing is to be done here.", true)
        }
        return ("\(sent) sent", isWell)
    }
}
