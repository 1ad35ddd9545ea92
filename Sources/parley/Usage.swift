import API
public import ArgumentParser
public import Chat
import Storage

struct Usage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what questions have cost: by API key, by model or by day.",
        discussion: """
            For example: parley usage --by model --since 30d
            Days are in UTC, and 400 of them are kept. Costs are sums of what is known: UNPRICED tells how many \
            requests are not in them, because the model has no price (CHAT_PRICES) or the worker was killed in the \
            call. SAVED is what cached answers would have cost, ESTIMATED how many requests have tokens that the \
            provider did not count. Those who ask without a key share one row, “sessions”.
            """)

    @OptionGroup var options: SettingOptions

    @Option(help: "What a row is of.")
    var by = UsageGrouping.key

    @Option(
        help: ArgumentHelp(
            "The first day: a date such as 2026-11-01, or how long ago, such as 30d; the first that is kept by default.",
            valueName: "day"))
    var since: String?

    @Flag(help: "Print CSV, with amounts in whole pico-dollars (a dollar is 1,000,000,000,000).")
    var csv = false

    @Flag(help: "Print a JSON array, with amounts in pico-dollars.")
    var json = false

    func validate() throws {
        guard !(csv && json) else { throw ValidationError("--csv and --json are two forms: give one of them") }
        _ = try first()
    }

    func run() throws {
        let settings = try options.settings()
        try settings.database.mustExist()
        let database = try Database(settings)
        let first = try first()
        let rows = try Migrate.explained(settings) {
            try wait {
                try await database.prepare()
                return try await database.usage(by: by, since: first, for: nil)
            }
        }
        if json {
            print(String(decoding: UsageReply.array(rows, by: by), as: UTF8.self))
        } else {
            print(csv ? UsageText.csv(rows, by: by) : UsageText.table(rows, by: by))
        }
    }

    private func first() throws -> UsageDay? {
        do { return try since.map { try UsageDay($0, field: "--since") } } catch let error as ChatError {
            throw ValidationError(error.message)
        }
    }
}

extension UsageGrouping: ExpressibleByArgument {}
