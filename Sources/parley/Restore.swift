import ArgumentParser
import Chat
import FastCGI
import Glibc
import Storage

struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a backup the database again, also while the pool runs.",
        discussion: "The former database is kept beside it, and its name is printed.")

    @OptionGroup var options: SettingOptions

    @Argument(help: "A file that `parley backup` made.")
    var file: String

    func run() throws {
        // It is seconds. Whoever ends it would have to find out how far it came; whoever halts it (Ctrl-Z, or its
        // terminal when it writes in the background) would halt every write of the service.
        Signals.block([SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU])
        let settings = try options.settings()
        let path = settings.database.path
        try settings.database.makeFolder()
        let restored = try Storage.Backup.restore(file, to: path, stateDirectory: settings.stateDirectory)
        try AuditFile.record(AuditEvent(.restored, count: restored.exchanges), settings.sources)
        for leftover in restored.leftovers { print("Removed \(leftover), which an earlier restore left unfinished.") }
        print("\(path) is now \(file): \(restored.exchanges) exchanges, \(restored.bytes) bytes")
        switch restored.former {
        case nil: print("There was no database before.")
        case let former?:
            print("The former database is \(former)\(restored.wasUnusable ? "; it could not be used" : "")")
        }
    }
}
