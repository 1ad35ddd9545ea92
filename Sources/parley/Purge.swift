import ArgumentParser
import Chat
import FastCGI
import Glibc
import Logging
import Sessions
import Storage
import Synchronization

struct Purge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deletes what is not to be kept, now, while the pool runs.",
        discussion: """
            What a worker deletes beside its requests: exchanges past CHAT_RETENTION_DAYS, cached answers that nobody may \
            be given any more, addresses that are not to be kept in clear, sessions that ended long ago and have no \
            exchanges, and daily usage (parley usage) after 400 days. Reservations that workers left behind when they \
            were killed become exchanges that are marked unsettled. While the pool writes, it goes slowly: some hundred \
            exchanges a second. Ctrl-C ends it after its present step; what went by then stays deleted.
            """)

    @OptionGroup var options: SettingOptions

    @Option(help: "Delete exchanges older than this, whatever CHAT_RETENTION_DAYS says.")
    var days: Int?

    func validate() throws {
        guard days.map({ (1...36_500).contains($0) }) ?? true else {
            throw ValidationError("--days must be from 1 to 36500")
        }
    }

    func run() throws {
        let settings = try options.settings()
        try settings.database.mustExist()
        let database = try Database(settings)
        var policy = settings.purgePolicy
        policy.retentionDays = days ?? policy.retentionDays
        let signals = Signals.heeded([SIGINT, SIGTERM, SIGHUP])
        let (counts, fault) = try wait { [policy] () async throws -> (Storage.Purge.Counts, (any Error)?) in
            var purge = Storage.Purge(database, policy)
            var fault: (any Error)?
            do {
                try await database.prepare()
                try Signals.wait(for: signals) { signal in told.store(signal, ordering: .releasing) }
                while told.load(ordering: .acquiring) == 0, let rest = try await purge.step() {
                    try await Task.sleep(for: rest)
                }
            } catch { fault = error }
            await database.close()
            return (purge.counts, fault)
        }
        // However it ended: what went is gone.
        if counts.exchanges > 0 {
            try AuditFile.record(AuditEvent(.purged, count: counts.exchanges), settings.sources)
        }
        if fault == nil || counts != Storage.Purge.Counts() {
            print("Deleted: \(counts.text.map { "\($0) \($1)" }.joined(separator: ", ")).")
        }
        try Migrate.explained(settings) { () throws -> Void in if let fault { throw fault } }
        let signal = told.load(ordering: .acquiring)
        if signal != 0 { throw ExitCode(128 + signal) }
    }
}

/// The signal that told `parley purge` to end; 0 before one has.
private let told = Atomic<Int32>(0)

extension Purge {
    /// Between two rounds of a pool.
    private static let interval = Duration.seconds(600)

    /// What a worker does beside its requests until its task is cancelled, one of the pool at a time. What went is told
    /// also when the round was not finished.
    static func keepUp(
        _ database: Database, _ policy: PurgePolicy, _ log: Logger, _ audit: AuditFile?, clock: any Clock<Duration>
    ) async {
        while !Task.isCancelled {
            var purge = Storage.Purge(database, policy)
            do {
                if try database.claimsPurging() {
                    while let rest = try await purge.step() { try await clock.sleep(for: rest) }
                }
            } catch is CancellationError {
                // The worker ends.
            } catch {
                log.warning("not purged", metadata: ["cause": "\((error as? ChatError)?.cause ?? "\(error)")"])
            }
            tell(purge.counts, log, audit)
            try? await clock.sleep(for: interval)
        }
    }

    private static func tell(_ counts: Storage.Purge.Counts, _ log: Logger, _ audit: AuditFile?) {
        guard counts != Storage.Purge.Counts() else { return }
        if counts.exchanges > 0 { audit?.record(AuditEvent(.purged, count: counts.exchanges)) }
        let facts = counts.text.map { count, name in
            (name.replacing(" ", with: "_"), Logger.MetadataValue.stringConvertible(count))
        }
        log.info("purged", metadata: Logger.Metadata(uniqueKeysWithValues: facts))
    }
}

extension Storage.Purge.Counts {
    fileprivate var text: [(Int, String)] {
        [
            (exchanges, "exchanges"), (answers, "answers"), (sessions, "sessions"), (addresses, "addresses"),
            (reservations, "reservations"), (usage, "usage rows"),
        ]
    }
}

extension Settings {
    var purgePolicy: PurgePolicy {
        PurgePolicy(
            retentionDays: retentionDays, keepsAddresses: addresses == .full, answerSeconds: cacheLifetimes.longest)
    }
}
