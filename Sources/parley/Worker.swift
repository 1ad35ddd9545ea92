import API
import Chat
import EventLoop
import FastCGI
import Glibc
import Logging
import Models
import Outbox
import Pool
import Storage
import Tracing

/// The process that answers requests: one of a pool on a shared socket, or one request of a CGI server.
enum Worker {
    /// The last opens the log file anew, the others end.
    static let signals = [SIGTERM, SIGINT, SIGUSR1]

    /// Serves the listening socket on descriptor 0 until SIGTERM or SIGINT, finishes what it holds, and exits.
    static func run() async -> Never {
        ProcessEnvironment.preferBatches()
        let supervised = Supervised()
        let starting = report(to: supervised) { WorkerReport(requests: 0, inFlight: 0, memory: 0, note: "") }
        do {
            let (settings, log) = try loaded()
            LogOutput.lines.neverWait()
            let service = try await Service(settings, log: log, isPooled: true)
            await prepare(service.database, log)
            if await service.relay?.start() != true { log.warning("other workers cannot follow answers made here") }
            // Now rather than while the first question waits.
            if settings.callsProviders || settings.authMode == .external, let fault = await Upstream.load() {
                log.error("providers cannot be called", metadata: ["cause": "\(fault)"])
            }
            raiseLimit(settings, log)
            let limits = Limits(bodyBytes: try settings.sources.required(Catalog.completionBody))
            let listener = Listener(descriptor: STDIN_FILENO, limits: limits, responder: service.responder) { error in
                log.warning("dropped connection", metadata: ["cause": "\(error)"])
            }
            try await listener.start()
            starting?.cancel()
            report(to: supervised) {
                WorkerReport(
                    requests: listener.answered, inFlight: listener.inFlight, memory: ProcessEnvironment.residentBytes,
                    lastError: LogOutput.lastError, note: service.providers.summary)
            }
            supervised?.ready()
            log.info("worker ready", metadata: ["version": "\(Version.text)"])
            let purging = LoopActor.start {
                await Purge.keepUp(
                    service.database, settings.purgePolicy, log, service.audit, clock: LoopClock())
            }
            LoopActor.start { await forgetPurged(service.memory) }
            service.sender.start()
            let reason = try await stopReason(settings, service.audit, log)
            supervised?.draining()
            purging.cancel()
            log.info(
                "worker draining", metadata: ["cause": "\(reason)", "in_flight": .stringConvertible(listener.inFlight)])
            let deadline = ContinuousClock.now + .seconds(settings.drainSeconds)
            // At once, so that another worker goes on.
            LoopActor.start { await service.sender.stop(by: deadline) }
            let isEmpty = await listener.drain(deadline: deadline)
            await drain(service, deadline)
            if !isEmpty { log.error("worker stopped with requests in flight") }
            await purging.value
            await service.database.close()
            end(isEmpty ? 0 : unfinished)
        } catch {
            log(refusal: error)
            end(Refusal.code)
        }
    }

    /// The exit code of a worker whose time was up with requests in flight.
    static let unfinished: Int32 = 1

    /// Deleted answers leave the memory of a worker that nobody asks, too.
    private static func forgetPurged(_ memory: MemoryCache) async {
        while true {
            try? await LoopClock().sleep(for: .seconds(1))
            memory.forgetPurged()
        }
    }

    /// Waits for answers whose callers are gone and may come back, in whichever worker, and for those whom other workers
    /// pass on.
    private static func drain(_ service: Service, _ deadline: ContinuousClock.Instant) async {
        while !service.streams.isEmpty || service.relay?.isIdle == false, ContinuousClock.now < deadline {
            try? await LoopClock().sleep(for: .milliseconds(20))
        }
        // Who is told of exchanges may take its time, and what is cut off is sent again.
        await service.sender.stop(by: min(deadline, .now + .seconds(5)))
        await service.login.finish(by: deadline)
        await service.spans?.flush(by: .now + .seconds(2))
    }

    /// Answers the request that the environment and standard input describe.
    static func runCGI() async -> Never {
        do {
            let (settings, log) = try loaded()
            let service = try await Service(settings, log: log, isPooled: false)
            await prepare(service.database, log)
            let limits = Limits(bodyBytes: try settings.sources.required(Catalog.completionBody))
            let code = await CGI.respond(with: service.responder, limits: limits)
            _ = LogOutput.lines.flush(within: .seconds(1))
            CGI.hangUp()
            await service.spans?.flush(by: .now + .seconds(1))
            await service.login.finish(by: .now + .seconds(60))
            try? await service.database.checkpoint()  // else the next process does
            end(code)
        } catch {
            log(refusal: error)
            let broken = BrokenService(cause: "cannot start", telemetry: LogOutput(level: .info))
            end(await CGI.respond(with: broken, limits: Limits()))
        }
    }

    /// Ends the process with nothing under way that `exit` takes apart, and the log written if somebody reads it.
    private static func end(_ code: Int32) -> Never {
        let hasStopped = EventLoop.stop(within: .seconds(1))
        _ = LogOutput.lines.flush(within: .seconds(1))
        if hasStopped { exit(code) }
        _exit(code)
    }

    /// A database that cannot be opened now may be mended while we run: requests get a 503 until then.
    private static func prepare(_ database: Database, _ log: Logger) async {
        do { try await database.prepare() } catch {
            log.error("database not available", metadata: ["cause": "\((error as? ChatError)?.cause ?? "\(error)")"])
        }
    }

    private static func raiseLimit(_ settings: Settings, _ log: Logger) {
        let (limit, needed) = (OpenFiles.raiseLimit(), OpenFiles.needed(forInFlight: settings.maxInFlight))
        guard limit < needed else { return }
        log.warning(
            "too few open files for CHAT_MAX_IN_FLIGHT",
            metadata: ["limit": .stringConvertible(limit), "needed": .stringConvertible(needed)])
    }

    /// Tells the supervisor every second how this worker does, from its very start on: on the event loop, so that a
    /// worker whose loop is held up says nothing.
    ///
    /// - Returns: nil where there is no supervisor.
    @discardableResult
    private static func report(
        to supervised: Supervised?, _ state: @escaping @Sendable () -> WorkerReport
    ) -> Task<Void, Never>? {
        guard let supervised else { return nil }
        return LoopActor.start {
            repeat { supervised.report(state()) } while (try? await LoopClock().sleep(for: .seconds(1))) != nil
        }
    }

    /// Ends a worker as its supervisor or its terminal asks, and when the supervisor is gone.
    private static func stopReason(_ settings: Settings, _ audit: AuditFile?, _ log: Logger) async throws -> String {
        let (reasons, continuation) = AsyncStream.makeStream(of: String.self)
        let file = settings.logFile.map(LogFile.init)
        try Signals.wait(for: signals) { signal in
            if signal == SIGUSR1 {
                log.reopen(file)
                audit?.reopen()
            } else {
                continuation.yield("signal \(signal)")
            }
        }
        Lifeline.watch { continuation.yield("the supervisor is gone") }
        for await reason in reasons { return reason }
        return "cancelled"
    }

    private static func loaded() throws -> (Settings, Logger) {
        let sources = try SettingSources(environment: ProcessEnvironment.all)
        let settings = try Settings(sources, cores: ProcessEnvironment.cores)
        var fault: SettingFault?
        do { try settings.logFile.map(LogFile.init)?.open() } catch { fault = error }
        LogOutput.use(try settings.sources.optional(Catalog.logFormat))
        let log = Logger.parley(settings.logLevel)
        // Better to serve with the log where it is than not to serve.
        if let fault { log.error("log file not available", metadata: ["cause": "\(fault)"]) }
        return (settings, log)
    }

    private static func log(refusal error: any Error) {
        Logger.parley(.info).critical("cannot start", metadata: ["cause": "\(error)"])
    }
}

extension Logger {
    static func parley(_ level: Logger.Level) -> Logger {
        Logger(label: "parley") { _ in LogOutput(level: level) }
    }

    /// Opens the log file anew, after it was renamed.
    ///
    /// - Returns: false when there is none, or it cannot be opened; the log then goes where it went before.
    @discardableResult
    func reopen(_ file: LogFile?) -> Bool {
        guard let file else { return false }
        do { try file.open() } catch {
            self.error("log file not available", metadata: ["cause": "\(error)"])
            return false
        }
        LogOutput.lines.neverWait()
        return true
    }
}
