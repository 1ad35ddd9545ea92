import ArgumentParser
import Chat
import Storage

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Makes the database, or brings it up to date.")

    @OptionGroup var options: SettingOptions

    func run() throws {
        let settings = try options.settings()
        try settings.database.makeFolder()
        try Self.migrate(settings)
        print("The database is up to date: \(settings.database.path)")
    }

    static func migrate(_ settings: Settings) throws {
        let database = try Database(
            path: settings.database.path, messageLimit: settings.messageLimit, reservationLifetime: .zero)
        do { try wait { try await database.prepare() } } catch let error as ChatError {
            throw SettingFault("The database \(settings.database.path) cannot be used: \(error.cause ?? error.message)")
        }
    }
}
