import ArgumentParser
import Chat
import Logging
import Sessions
import Storage

struct Purge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deletes what is not to be kept, now, while the pool runs.",
        discussion: """
            What a worker deletes beside its requests: exchanges past CHAT_RETENTION_DAYS, cached answers that nobody may \
            be given any more, addresses that are not to be kept in clear, sessions that ended long ago and have no \
            exchanges, and daily usage (parley usage) after 400 days. Reservations that workers left behind when they \
            were killed become exchanges that are marked unsettled. While the pool writes, it goes slowly: some hundred \
            exchanges a second.
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
        let counts = try Migrate.explained(settings) {
            try wait { [policy] in
                var purge = Storage.Purge(database, policy)
                try await database.prepare()
                while let rest = try await purge.step() { try await Task.sleep(for: rest) }
                await database.close()
                return purge.counts
            }
        }
        if counts.exchanges > 0 {
            try AuditFile.record(AuditEvent(.purged, count: counts.exchanges), settings.sources)
        }
        print("Deleted: \(counts.text.map { "\($0) \($1)" }.joined(separator: ", ")).")
    }
}

extension Purge {
    /// Between two rounds of a pool.
    private static let interval = Duration.seconds(600)

    /// What a worker does beside its requests until it ends, one of the pool at a time.
    static func keepUp(
        _ database: Database, _ policy: PurgePolicy, _ log: Logger, _ audit: AuditFile?, clock: any Clock<Duration>
    ) async {
        while true {
            do {
                if try database.claimsPurging() {
                    var purge = Storage.Purge(database, policy)
                    while let rest = try await purge.step() { try await clock.sleep(for: rest) }
                    if purge.counts.exchanges > 0 {
                        audit?.record(AuditEvent(.purged, count: purge.counts.exchanges))
                    }
                    if purge.counts != Storage.Purge.Counts() {
                        let counts = purge.counts.text.map { count, name in
                            (name.replacing(" ", with: "_"), Logger.MetadataValue.stringConvertible(count))
                        }
                        log.info("purged", metadata: Logger.Metadata(uniqueKeysWithValues: counts))
                    }
                }
            } catch {
                log.warning("not purged", metadata: ["cause": "\((error as? ChatError)?.cause ?? "\(error)")"])
            }
            try? await clock.sleep(for: interval)
        }
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
