import ArgumentParser
import Chat
import Logging
import Sessions

struct Secret: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes and replaces the secret that signs the tokens of sessions.",
        discussion: """
            For example:
              parley secret make
              parley secret rotate
              parley secret retire

            A rotated secret stays beside the new one, and so do the sessions that it signed. People and API keys stay \
            who they are: they do not depend on it (CHAT_IDENTITY_KEY, CHAT_KEY_SECRET).
            """,
        subcommands: [SecretMake.self, SecretRotate.self, SecretRetire.self])
}

struct SecretMake: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Prints a new secret, good for CHAT_JWT_SECRET and CHAT_KEY_SECRET.")

    func run() { print(TokenSecret.random()) }
}

struct SecretRotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Puts a new secret before the one that signs tokens now, in the file where that is.",
        discussion: """
            Nobody has to log in again: the old secret's tokens stay good until they expire, or until the next \
            rotation. With --end-sessions, for a secret that somebody has seen, they end at the reload.
            """)

    @OptionGroup var place: SecretPlace

    @Flag(help: "Keep no old secret: everybody has to log in again.")
    var endSessions = false

    func run() throws {
        try place.change(.secretRotated) { secret, identity in
            let new = TokenSecret.random()
            return (endSessions ? new : "\(new),\(secret.currentText)", identity)
        } then: { hours in
            endSessions
                ? "All sessions end with the reload."
                : "The old secret's tokens stay good. Once they have expired, \(hours) hours after the reload: "
                    + "parley secret retire"
        }
    }
}

struct SecretRetire: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Drops the secret before the present one: what it signed ends.")

    @OptionGroup var place: SecretPlace

    func run() throws {
        try place.change(.secretRetired) { secret, identity in
            guard secret.hasPrevious else { throw SettingFault("there is no secret before the present one") }
            return (secret.currentText, identity)
        } then: { _ in
            "Sessions that only the old secret's tokens stand for end with the reload."
        }
    }
}

/// Where the secret is, and how what comes of it is handed over.
struct SecretPlace: ParsableArguments {
    @OptionGroup var options: SettingOptions

    @Option(help: "The file of settings to change; the one in which CHAT_JWT_SECRET is found by default.")
    var file: String?

    @Flag(name: .customLong("print"), help: "Change nothing, and print the settings to set instead.")
    var isPrinted = false

    /// - Parameters:
    ///   - action: for the audit log.
    ///   - change: makes the new text of CHAT_JWT_SECRET, and the key that people are known by.
    ///   - advice: for people, from the hours that a session lives.
    func change(
        _ action: AuditEvent.Action,
        _ change: (TokenSecret, IdentityKey) throws -> (secret: String, identity: IdentityKey),
        then advice: (_ hours: String) -> String
    ) throws {
        // A file that is named may have this secret alone, and the command's own sources the rest.
        let own = try options.sources(ignoresUnknown: file != nil)
        let sources = try file.map { try SettingSources(environment: [:], file: $0) } ?? own
        guard let found = sources.find(Catalog.jwtSecret) else {
            throw SettingFault(
                "CHAT_JWT_SECRET is not set\(file.map { " in \($0)" } ?? ""): make one with `parley secret make`")
        }
        let secret = try Catalog.jwtSecret.value(of: found.text)
        let known = try sources.optional(Catalog.identityKey) ?? own.optional(Catalog.identityKey)
        let identity = known ?? IdentityKey(of: secret)
        let new = try change(secret, identity)
        let settings = [
            (Catalog.jwtSecret.name, new.secret), (Catalog.identityKey.name, new.identity.text),
        ]
        if isPrinted { return print(settings.map { "\($0)=\($1)" }.joined(separator: "\n")) }
        guard let path = sources.file, file != nil || found.source == path else {
            throw SettingFault(
                "CHAT_JWT_SECRET comes from the \(found.source), which this cannot change: name the file that it is "
                    + "kept in (--file), or have the new settings printed (--print)")
        }
        let hours = try own.required(Catalog.jwtHours)
        let kept = try SecretFile(path)
        let audit = try AuditFile(own.find(Catalog.auditLog) == nil ? sources : own, .parley(.info))
        for (name, value) in settings { kept.set(name, to: value) }
        try kept.replace()
        audit?.record(AuditEvent(action, of: settings.map(\.0)))
        print(
            """
            \(kept.path) has new secrets. They count from the next reload (systemctl reload parley, or SIGHUP to \
            `parley serve`), or with the next start where they are taken from the file into the environment.
            \(advice(decimal(hours)))
            """)
    }
}
