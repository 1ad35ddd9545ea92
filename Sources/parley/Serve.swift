import ArgumentParser
import Chat
import EventLoop
import FastCGI
import Glibc
import Logging
import Metrics
import Models
import Outbox
import Pool
import SharedMemory
import Storage

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens the socket and keeps a pool of workers on it, until SIGTERM or SIGINT.",
        discussion: """
            SIGHUP reads the settings and the program anew, without losing a request. SIGUSR1 opens the log file anew. \
            Under systemd's socket activation the socket is systemd's.
            """)

    @OptionGroup var options: SettingOptions

    /// The socket of the running pool, which a reload keeps.
    @Option(name: .customLong("test"), help: .hidden)
    var runningSocket: String?

    @Option(name: .customLong("running-database"), help: .hidden)
    var runningDatabase: String?

    /// Not given where the running pool's is the database's own folder.
    @Option(name: .customLong("running-state"), help: .hidden)
    var runningState: String?

    func run() throws {
        Signals.block([SIGCHLD, SIGIO, SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        // Whoever reads the log may go; the pool stays.
        signal(SIGPIPE, SIG_IGN)
        let plan: Plan
        do { plan = try Plan(options.settings()) } catch {
            Refusal.tell(error)
            throw ExitCode(Refusal.code)
        }
        if let runningSocket { return try plan.test(runningSocket, runningDatabase, runningState) }
        let code: Int32
        do { code = try plan.carryOut() } catch {
            Refusal.tell(error)
            throw ExitCode.failure
        }
        throw ExitCode(code)
    }
}

/// A pool that can be started: what would stop every worker stops the start instead.
private struct Plan {
    let settings: Settings
    let access: SocketAccess
    let log: Logger
    /// Nil where none is kept.
    let audit: AuditFile?

    init(_ settings: Settings) throws {
        self.settings = settings
        access = try SocketAccess(settings.sources)
        try settings.logFile.map(LogFile.init)?.open()
        LogOutput.use(try settings.sources.optional(Catalog.logFormat))
        log = .parley(settings.logLevel)
        audit = try AuditFile(settings.sources, log)
        _ = try Providers(settings, on: CircuitBoard(on: try Board(Board.sections)), ceiling: nil, log: log)
    }

    /// The test before a reload.
    ///
    /// - Parameters:
    ///   - socket: the one that the pool has, and keeps.
    ///   - database: the one that the pool has. Another must be there and in order; the faults of this one are no reason
    ///     against a reload.
    ///   - state: where the locks of that one are. Workers of before and after the reload must see each other's.
    func test(_ socket: String, _ database: String?, _ state: String?) throws {
        do {
            guard settings.socket == socket else {
                throw SettingFault(
                    "CHAT_SOCKET was \(socket) and is \(settings.socket): a reload keeps the socket, so stop and start")
            }
            if settings.database.path == database, settings.stateDirectory != state {
                let (before, now) = (state ?? "not set", settings.stateDirectory ?? "not set")
                throw SettingFault(
                    "CHAT_STATE_DIR was \(before) and is \(now): the workers of a reload share it, so stop and start")
            }
            // A service manager's socket is not given to anybody here.
            if ProcessEnvironment.all["LISTEN_FDS"] == nil { try access.check() }
            try Migrate.checkVersion(settings)
            if settings.database.path != database {
                try settings.database.makeFolder()
                try Migrate.migrate(settings, limit: .seconds(4))
            }
        } catch {
            Refusal.tell(error)
            throw ExitCode(Refusal.code)
        }
        print(Self.testAnswer)
    }

    /// What the test before a reload says when all is well. Every version says it.
    private static let testAnswer = "parley can take over"

    /// - Returns: the process's exit code, after the pool has stopped.
    func carryOut() throws -> Int32 {
        let restarts = RestartCount { [settings, log] in Metrics.shared(settings, log: log) }
        let before = SettingDigests.take()
        let supervisor = Supervisor(
            try configuration,
            onStart: { [self] isReload in
                prepare(isReload)
                let changed = before.map { SettingDigests(settings, after: $0).changed(since: $0) } ?? []
                // In effect with the first new worker, whatever becomes of the others.
                if !changed.isEmpty { audit?.record(AuditEvent(.settingsChanged, of: changed)) }
            },
            onReopen: { [log, audit, file = settings.logFile.map(LogFile.init)] in
                audit?.reopen()
                return log.reopen(file)
            },
            onEvent: { [log] event in
                log.log(event)
                restarts.note(event)
                // The pool goes on in another image of this process, which knows of no lines that wait.
                if case .reloading = event { _ = LogOutput.lines.flush(within: .seconds(1)) }
            })
        // A log that nobody reads must not hold up the pool either.
        LogOutput.lines.neverWait()
        defer { _ = LogOutput.lines.flush(within: .seconds(1)) }
        return try supervisor.run()
    }

    /// A reload leaves the database to its workers, which bring it up to date as they open it: the supervisor must not
    /// wait for a lock that one of them holds.
    private func prepare(_ isReload: Bool) {
        do {
            try settings.database.makeFolder()
            if !isReload { try Migrate.migrate(settings, limit: .seconds(20)) }
        } catch {
            // Workers answer 503 until the database is mended; a pool that does not start would answer nothing.
            log.error("database not available", metadata: ["cause": "\(error)"])
        }
        // Of versions before the board.
        unlink(settings.database.path + "-circuits")
        // A new pool finds out anew which provider is down.
        guard let board = try? Board.shared(settings, log: log) else { return }
        CircuitBoard(on: board).reset()
        OutboxBoard(on: board).beginEra()
    }

    private var configuration: PoolConfiguration {
        get throws(SettingFault) {
            let sources = settings.sources
            var pool = PoolConfiguration(
                executable: "/proc/self/exe",
                environment: sources.workerEnvironment(ProcessEnvironment.all), socketPath: settings.socket,
                workers: settings.workers)
            (pool.socketMode, pool.socketOwner, pool.socketGroup) = (access.mode, access.owner, access.group)
            pool.drainDeadline = settings.drainSeconds + 5
            pool.stallTimeout = try sources.limit(Catalog.workerStallTimeout)
            pool.maxRequests = try sources.limit(Catalog.workerMaxRequests)
            pool.maxMemory = try sources.limit(Catalog.workerMaxMemory)
            let arguments = Array(CommandLine.arguments.dropFirst())
            let program = ProcessEnvironment.executable
            pool.workerName = program
            pool.relaunch = PoolConfiguration.Relaunch(
                executable: program,
                testArguments: arguments
                    + ["--test", settings.socket, "--running-database", settings.database.path]
                    + (settings.stateDirectory.map { ["--running-state", $0] } ?? []),
                testAnswer: Self.testAnswer,
                arguments: arguments,
                environment: SettingDigests(settings).environment(ProcessEnvironment.all))
            return pool
        }
    }
}

extension SettingSources {
    /// Nil for 0, which stands for never.
    fileprivate func limit<Value: Numeric>(_ setting: Setting<Value>) throws(SettingFault) -> Value? {
        let value = try required(setting)
        return value == 0 ? nil : value
    }
}

/// How a program says that it does not start: a line a fault on a terminal, else log lines.
enum Refusal {
    /// EX_CONFIG of sysexits.h.
    static let code: Int32 = 78

    static func tell(_ error: any Error) {
        if isatty(STDERR_FILENO) == 1 {
            StandardOutput.tell("\(error)")
        } else {
            let log = Logger.parley(.info)
            for line in "\(error)".split(separator: "\n") {
                log.critical("cannot start", metadata: ["cause": "\(line)"])
            }
        }
    }
}
