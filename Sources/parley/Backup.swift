import ArgumentParser
import FastCGI
import Glibc
import Storage

struct Backup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a checked copy of the database into a new file, while the pool runs.",
        discussion: "The copy is one file, which only its owner can read. `parley restore` brings it back.")

    @OptionGroup var options: SettingOptions

    @Argument(help: "The file to make; there must be none of that name.")
    var file: String

    func validate() throws {
        guard file != "-", !file.isEmpty, !file.hasSuffix("/") else {
            throw ValidationError("FILE must be a file's name")
        }
    }

    func run() throws {
        let settings = try options.settings()
        try Interruption.remove(Storage.Backup.draft(of: file))
        let report = try Storage.Backup.make(
            of: settings.database.path, to: file, stateDirectory: settings.stateDirectory)
        print(
            "\(file): \(report.exchanges) exchanges, \(report.bytes) bytes, checked, in \(report.time.tenths) s")
    }
}

/// Takes an unfinished file away when the program is stopped.
enum Interruption {
    static func remove(_ path: String) throws {
        let signals = [SIGINT, SIGTERM, SIGHUP]
        Signals.block(signals)
        try Signals.wait(for: signals) { signal in
            for ending in ["", "-wal", "-shm", "-journal"] { unlink(path + ending) }
            _exit(128 + signal)
        }
    }
}

extension Duration {
    /// Seconds, with one digit behind the point.
    fileprivate var tenths: String {
        let tenths = (components.seconds * 10) + components.attoseconds / 100_000_000_000_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}
