import ArgumentParser
import Chat
import Glibc
import Mail
import Models
import Outbox
import Pool
import Sessions
import SharedMemory
import Storage

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks settings, permissions, database, providers and nginx: what is wrong, and how to mend it.",
        discussion: """
            With --url it looks at a deployment from outside instead, and needs no settings: health, TLS, headers, limits, \
            a login, and one question that is asked twice, of which the second must come from the cache. The question is one \
            call of a model, which may cost money (--no-question). To see that addresses are limited it uses up what the \
            address of this machine may read in a minute (--no-limits).

            It deletes what it asked and ends its session; with --token-file both stay. Where Discord or a webhook is \
            told of exchanges, a check may leave its two there.

            Ends with 0 when all is well, with warnings too, and with 1 when something is wrong.

            For example:
              parley check --url https://chat.example.com
              parley check --url https://localhost:8443 --ca .run/tls/certificate.pem --json
            """)

    @OptionGroup var options: SettingOptions

    @Option(help: "The nginx configuration to test, such as .run/nginx/nginx.conf; /etc/nginx/nginx.conf by default.")
    var nginx: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup(title: "Of a deployment") var deployed: DeployedOptions

    func validate() throws {
        if deployed.url != nil {
            if nginx != nil { throw ValidationError("--nginx is for this machine, --url for one that is deployed") }
            return
        }
        guard !deployed.isAny else { throw ValidationError("this option goes with --url") }
    }

    func run() throws {
        var findings = Findings(isJSON: json)
        if let url = deployed.url {
            let check = try DeploymentCheck(url, deployed)
            findings = try wait { [findings] in
                var found = findings
                await check.run { found.add($0) }
                return found
            }
        } else {
            do { try checkHere(&findings) } catch let fault as SettingFault {
                findings.add(
                    fault.reason.split(separator: "\n").map {
                        Finding.wrong("settings", String($0), mend: "correct that; `parley config` lists the settings")
                    })
            }
        }
        findings.finish()
        if !findings.areWell { throw ExitCode.failure }
    }

    private func checkHere(_ findings: inout Findings) throws {
        let settings = try options.settings()
        findings.add(.well("settings", "read"))
        findings.add(
            Permissions.check(settings, file: options.file ?? ProcessEnvironment.all[SettingSources.fileVariable]))
        findings.add(Self.openFiles(settings))
        findings.add(Self.pool(settings.socket))
        findings.add(try wait { await Self.database(settings) })
        findings.add(Storage.Backup.leftovers(of: settings.database.path).map(Self.leftover))
        findings.add(try wait { await Self.providers(settings) })
        if let discord = try settings.sources.discord() { findings.add(try wait { await Self.discord(discord) }) }
        if settings.authMode == .code { findings.add(try wait { try await Self.mail(settings) }) }
        if settings.authMode == .external { findings.add(try wait { try await Self.identityProvider(settings) }) }
        // Others than root cannot read a system's certificates.
        if nginx != nil || geteuid() == 0 { findings.add(NginxTest.run(nginx)) }
    }

    private static func openFiles(_ settings: Settings) -> Finding {
        let (limit, needed) = (OpenFiles.raiseLimit(), OpenFiles.needed(forInFlight: settings.maxInFlight))
        return limit >= needed
            ? .well("open files", "\(limit)")
            : .wrong(
                "open files", "a worker may have \(limit) and needs \(needed)",
                mend: "raise the limit (LimitNOFILE= of a systemd unit, ulimit -n), or lower CHAT_MAX_IN_FLIGHT")
    }

    private static func leftover(_ path: String) -> Finding {
        .wrong("leftover", "\(path): a restore was killed before this was whole", mend: "rm \(path)")
    }

    /// What is wrong with a pool that runs; nothing is wrong where none does.
    private static func pool(_ socket: String) -> [Finding] {
        let found: PoolStatus?
        do { found = try PoolStatus.read(board: PoolConfiguration.boardPath(socketPath: socket)) } catch {
            return [.wrong("pool", "\(error)", mend: "run this as the user that the pool runs as")]
        }
        guard let status = found, !status.isDraining else { return [] }
        var findings: [Finding] = []
        if status.isSupervisorStopped {
            findings.append(
                .wrong(
                    "pool", "its supervisor \(status.supervisor) is stopped",
                    mend: "let it go on: kill -CONT \(status.supervisor); or kill it and start the pool again"))
        }
        if !PoolStatus.hasSocket(at: socket) {
            findings.append(
                .wrong(
                    "socket", "\(socket) is gone though a pool runs on it",
                    mend: "make it anew: kill -HUP \(status.supervisor); one of systemd's: restart parley.socket"))
        }
        return findings.isEmpty ? [.well("pool", "supervisor \(status.supervisor) on \(socket)")] : findings
    }

    private static func database(_ settings: Settings) async -> Finding {
        let path = settings.database.path
        guard access(path, F_OK) == 0 else {
            if access(settings.sharedNames.start + "-lock", F_OK) == 0 {
                return .wrong(
                    "database", "\(path) is gone",
                    mend: "put it back, `parley restore FILE`, or `parley migrate` to begin a new one")
            }
            return .well("database", "\(path) is not there yet; `parley serve` or `parley migrate` makes it")
        }
        do {
            let database = try Database(settings)
            try await database.checkIntegrity()
            if let cause = await database.health().cause {
                return .wrong("database", cause, mend: "free space on its disk, or mend what this says")
            }
            return .well("database", path)
        } catch {
            let cause = (error as? ChatError)?.cause ?? "\(error)"
            return .wrong(
                "database", "\(path): \(cause)",
                mend: "make its folder writable for this user, free space on its disk, or restore the file")
        }
    }

    private static func mail(_ settings: Settings) async throws -> Finding {
        guard let fault = try await settings.sources.mailServer().fault() else {
            return .well("mail server", try settings.sources.required(Catalog.smtpURL))
        }
        return .wrong(
            "mail server", fault, mend: "check the settings CHAT_SMTP_…, the way to that host, and its certificate")
    }

    private static func discord(_ discord: Discord) async -> Finding {
        guard let fault = await discord.fault() else { return .well("Discord", "knows its webhook or channel") }
        return .wrong(
            "Discord", fault, mend: "check the settings CHAT_DISCORD_…, the bot's permissions, and the way to that host"
        )
    }

    private static func identityProvider(_ settings: Settings) async throws -> [Finding] {
        let provider = try settings.sources.identityProvider()
        if let fault = await provider.fault() {
            return [
                .wrong(
                    "identity provider", fault, mend: "check CHAT_JWKS_URL, the way to that host, and its certificate")
            ]
        }
        let keys = Finding.well("identity provider", provider.issuer)
        guard let login = try settings.sources.pageLogin() else { return [keys] }
        guard let fault = await login.fault() else {
            return [keys, .well("chat page's login", login.allowed.joined(separator: ", "))]
        }
        return [
            keys,
            .wrong(
                "chat page's login", fault,
                mend: "check CHAT_JWT_ISSUER and CHAT_OIDC_ORIGINS, and the way to that host"),
        ]
    }

    private static func providers(_ settings: Settings) async -> [Finding] {
        let builder: ProviderBuilder
        do { builder = try ProviderBuilder(settings) } catch {
            return [.wrong("providers", "\(error)", mend: "correct that setting")]
        }
        let board = Self.circuitBoard(settings)
        var findings: [Finding] = []
        if settings.callsProviders {
            if let fault = await Upstream.load() {
                return [.wrong("libcurl", fault, mend: "install it: apt-get install libcurl4")]
            }
            findings.append(.well("libcurl", "can be loaded"))
        }
        for name in settings.providers {
            do {
                let built = try builder.provider(name)
                try await built.provider.probe()
                // Whoever mended a key does not want to wait for its cool-down.
                if let board { try built.circuit(on: board, settings.sources).close() }
                findings.append(.well("provider \(name)", built.model))
            } catch let failure as ModelFailure {
                findings.append(
                    .wrong(
                        "provider \(name)", "\(failure.reason): \(failure.detail)",
                        mend: "check CHAT_\(name.uppercased())_API_KEY and _BASE_URL, and the way to that host"))
            } catch {
                findings.append(.wrong("provider \(name)", "\(error)", mend: "correct that setting"))
            }
        }
        return findings
    }
}

extension Check {
    /// The pool's own, if there is one: a file that this user makes might shut the workers out.
    private static func circuitBoard(_ settings: Settings) -> CircuitBoard? {
        let path = settings.boardPath
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return (try? Board(existing: file, path, [CircuitBoard.section], isWritable: true)).map(CircuitBoard.init)
    }
}
