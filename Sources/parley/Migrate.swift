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

    /// - Parameter beginningAnew: makes the database also where one was removed.
    static func migrate(_ settings: Settings, beginningAnew: Bool = false) throws {
        let database = try Database(
            path: settings.database.path, messageLimit: settings.messageLimit, reservationLifetime: .zero)
        do { try wait { try await database.prepare(beginningAnew: beginningAnew) } } catch let error as ChatError {
            throw SettingFault("The database \(settings.database.path) cannot be used: \(error.cause ?? error.message)")
        }
    }
}
