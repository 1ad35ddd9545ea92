import API
import ArgumentParser
import Chat
import FoundationEssentials
import Sessions
import Storage

struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes, shows and ends API keys: how programs ask, and what they may cost.",
        discussion: """
            A key works wherever a session's token does (Authorization: Bearer …), and has a history of its own. Its secret \
            is shown once, when it is made or rotated. <key> is its id or, where only one has it, its name.

            For example:
              parley key create --name ci --expires 90d --rpm 60 --budget 20usd/month
              parley key list
              parley key rotate ci --grace 24h
              parley key revoke ci
            """,
        subcommands: [KeyCreate.self, KeyList.self, KeyShow.self, KeyRevoke.self, KeyRotate.self])
}

struct KeyCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a key, and prints its secret once.",
        discussion: """
            For example:
              parley key create --name ci --expires 90d --rpm 60 --budget 20usd/month

            A budget is an amount with up to 6 digits after the point and a period: day, week (from Monday), month or \
            total, in UTC. A key that has one cannot ask a model whose price is not known.
            """)

    @OptionGroup var common: KeyOptions

    @Option(help: "What the key is for.")
    var name: String

    @Option(help: ArgumentHelp("When it ends by itself, such as 90d or 12h; never by default.", valueName: "time"))
    var expires: String?

    @Option(help: ArgumentHelp("The models that it may ask, between commas; all by default.", valueName: "names"))
    var models: String?

    @Option(help: ArgumentHelp("Requests a minute; any number by default.", valueName: "n"))
    var rpm: Int?

    @Option(
        help: ArgumentHelp("Tokens a minute, prompt and completion together; any number by default.", valueName: "n"))
    var tpm: Int?

    @Option(help: ArgumentHelp("Calls under way at once; any number by default.", valueName: "n"))
    var parallel: Int?

    @Option(
        help: ArgumentHelp(
            "The most that it may cost, such as 20usd/month or 0.50usd/day; no bound by default.",
            valueName: "amount/period"))
    var budget: String?

    @Flag(help: "A key that makes and ends keys over HTTP (/v1/keys), and cannot ask a model.")
    var management = false

    func run() throws {
        let grant = try refusable {
            try APIKey.Grant(
                name: name,
                expires: try expires.map { Date() + (try TimeSpan($0, field: "--expires")).seconds },
                models: models?.split(separator: ",").map { $0.filter { !$0.isWhitespace } },
                limits: RateLimits(requests: rpm, tokens: tpm, parallel: parallel),
                budget: budget.map { try Budget($0, field: "--budget") }, isManagement: management)
        }
        try common.use { registry in
            let (key, token) = try await registry.make(grant, for: nil)
            return (
                KeyReply.object(key, token: token), KeyText.made(key, token),
                AuditEvent(.keyCreated, of: [key.id.rawValue])
            )
        }
    }
}

struct KeyList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the keys, the newest first, with what they have spent.")

    @OptionGroup var common: KeyOptions

    func run() throws {
        try common.use { registry in
            let keys = try await registry.keys(for: nil)
            return (KeyReply.array(keys), KeyText.table(keys), nil)
        }
    }
}

struct KeyShow: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows one key.")

    @OptionGroup var common: KeyOptions

    @Argument(help: "Its id or its name.")
    var key: String

    func run() throws {
        try common.use { [key] registry in
            let key = try await registry.key(key, for: nil)
            return (KeyReply.object(key), KeyText.description(of: key), nil)
        }
    }
}

struct KeyRevoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Ends a key for good, from the next request on, in every worker.")

    @OptionGroup var common: KeyOptions

    @Argument(help: "Its id or its name.")
    var key: String

    func run() throws {
        try common.use { [key] registry in
            let key = try await registry.revoke(key, for: nil)
            return (
                KeyReply.object(key), "\(key.id.rawValue) (\(key.grant.name)) is revoked.",
                AuditEvent(.keyRevoked, of: [key.id.rawValue])
            )
        }
    }
}

struct KeyRotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Gives a key a new secret, and prints it once; all else stays.")

    @OptionGroup var common: KeyOptions

    @Argument(help: "Its id or its name.")
    var key: String

    @Option(
        help: ArgumentHelp(
            "How long the old secret works beside the new one, such as 24h; it ends at once by default.",
            valueName: "time"))
    var grace: String?

    func run() throws {
        let grace = try grace.map { text in try refusable { try TimeSpan(text, field: "--grace") } }
        try common.use { [key] registry in
            let (key, token) = try await registry.rotate(key, grace: grace, for: nil)
            return (
                KeyReply.object(key, token: token), KeyText.made(key, token),
                AuditEvent(.keyRotated, of: [key.id.rawValue])
            )
        }
    }
}

/// What every subcommand of `parley key` takes.
struct KeyOptions: ParsableArguments {
    @OptionGroup var options: SettingOptions

    @Flag(help: "Print JSON.")
    var json = false

    /// With what is to be kept of it.
    typealias Output = (json: [UInt8], text: String, event: AuditEvent?)

    /// Runs work on the database's keys, and prints what it returns: as JSON, or as text.
    func use(_ work: @escaping @Sendable (any APIKeyRegistry) async throws -> Output) throws {
        let settings = try options.settings()
        guard let secret = settings.keySecret else {
            throw SettingFault(
                "CHAT_KEY_SECRET is not set, so that there are no API keys: make one with `openssl rand -hex 32`, and give "
                    + "it to the pool as well")
        }
        try settings.database.mustExist()
        let database = try Database(settings)
        let output = try Migrate.explained(settings) {
            try refusable { () throws -> Output in
                try wait { () async throws -> Output in
                    try await database.prepare()
                    return try await work(KeyRegistry(store: database, secret: secret))
                }
            }
        }
        if let event = output.event { try AuditFile.record(event, settings.sources) }
        print(json ? String(decoding: output.json, as: UTF8.self) : output.text)
        guard let event = output.event, [.keyCreated, .keyRotated].contains(event.action), StandardOutput.fault() != nil
        else { return }
        StandardOutput.tell("the new secret is lost: rotate the key again, parley key rotate \(event.objects.joined())")
    }
}

/// A rule that was broken, in the rule's own words.
private func refusable<Value>(_ work: () throws -> Value) throws -> Value {
    do { return try work() } catch let error as ChatError where error.code != .unavailable {
        throw SettingFault(error.message)
    }
}
