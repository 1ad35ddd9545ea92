import ArgumentParser
import Chat
import Storage

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Makes the database, or brings it up to date.")

    @OptionGroup var options: SettingOptions

    @Flag(help: "Refuse to begin a new database where one was removed, as `parley serve` does.")
    var unlessRemoved = false

    func run() throws {
        let settings = try options.settings()
        try settings.database.makeFolder()
        try Self.migrate(settings, beginningAnew: !unlessRemoved)
        print("The database is up to date: \(settings.database.path)")
    }

    /// - Parameters:
    ///   - beginningAnew: makes the database also where one was removed.
    ///   - limit: how long it is waited for; nil for as long as it takes. The work goes on all the same.
    static func migrate(_ settings: Settings, beginningAnew: Bool = false, limit: Duration? = nil) throws {
        let database = try Database(settings)
        try explained(settings) {
            try wait(atMost: limit) {
                try await database.prepare(beginningAnew: beginningAnew, isPatient: true)
                // Under the database's lock: the last one out deletes the WAL while SQLite's own lock is held, and a
                // worker that opens the file just then would take the WAL for one that somebody removed.
                await database.close()
            }
        }
    }

    /// - Throws: ``SettingFault`` when the database was written by a newer program. Any other fault of it is no reason to
    ///   refuse: it may be mended while the pool runs.
    static func checkVersion(_ settings: Settings) throws {
        let database = try Database(settings)
        let isNewer = try? wait(atMost: .seconds(5)) { try await database.isNewer() }
        guard isNewer != true else {
            throw SettingFault(
                "the database \(settings.database.path) was written by a newer version of this program; install that")
        }
    }

    /// Names the database, and all that is known of what is wrong with it.
    static func explained<T>(_ settings: Settings, _ work: () throws -> T) throws -> T {
        let what = "The database \(settings.database.path)"
        do { return try work() } catch let error as ChatError {
            throw SettingFault("\(what) cannot be used: \(error.cause ?? error.message)")
        } catch is TookTooLong {
            throw SettingFault("\(what) is locked by another process, or takes long to bring up to date")
        }
    }
}
