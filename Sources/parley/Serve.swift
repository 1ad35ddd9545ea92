import ArgumentParser
import Chat
import FastCGI
import Glibc
import Logging
import Models
import Pool
import Storage

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens the socket and keeps a pool of workers on it, until SIGTERM or SIGINT.")

    @OptionGroup var options: SettingOptions

    func run() throws {
        Signals.block([SIGCHLD, SIGTERM, SIGINT, SIGHUP])
        let settings = try options.settings()
        let log = Logger.parley(settings.logLevel)
        // What would stop every worker stops the start instead.
        _ = try Providers(settings, on: try CircuitBoard(), log: log)
        try settings.database.makeFolder()
        do { try Migrate.migrate(settings) } catch {
            // Workers answer 503 until the database is mended; a pool that does not start would answer nothing.
            log.error("database not available", metadata: ["cause": "\(error)"])
        }
        // A new pool finds out anew which provider is down.
        try CircuitBoard.shared(settings, log: log).reset()
        let supervisor = Supervisor(
            PoolConfiguration(
                executable: ProcessEnvironment.executable, arguments: [],
                environment: settings.sources.workerEnvironment(ProcessEnvironment.all), socketPath: settings.socket,
                workers: settings.workers,
                drainDeadline: settings.drainSeconds + 5)
        ) { event in
            log.log(event)
        }
        StartPages.giveBack()
        throw ExitCode(try supervisor.run())
    }
}
