import Chat
import Glibc
import Logging
import Models
import Outbox
import SharedMemory
import Storage

// What the processes of one database share while they run: its locks and their board, beside it or in a folder of their
// own.

extension Setting<String> {
    /// A folder that must be there, and that this user may write into.
    static func folder(_ name: String, _ help: String) -> Self {
        Setting(name, nil, help) { text throws(SettingFault) in
            let folder = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            let isWritable = folder >= 0 && faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0
            let code = errno
            if folder >= 0 { close(folder) }
            guard isWritable else {
                throw SettingFault(
                    "must be a folder that this program can write into; “\(text)”: \(String(cString: strerror(code)))")
            }
            return text
        }
    }
}

/// The names of what they share.
struct SharedNames {
    /// What all of them begin with.
    let start: String

    init(_ database: DatabaseLocation, stateDirectory: String?) {
        start =
            stateDirectory.map { $0 + "/" + (database.path.split(separator: "/").last ?? "") } ?? database.path
    }

    var board: String { start + "-board" }
    var metrics: String { start + "-metrics" }
}

extension SettingSources {
    func sharedNames() throws(SettingFault) -> SharedNames {
        SharedNames(try required(Catalog.database), stateDirectory: try optional(Catalog.stateDirectory))
    }
}

extension Settings {
    var sharedNames: SharedNames { SharedNames(database, stateDirectory: stateDirectory) }
    var boardPath: String { sharedNames.board }
    var metricsPath: String { sharedNames.metrics }
}

extension Database {
    /// The one that the settings name.
    convenience init(
        _ settings: Settings, purged: (any PurgedAnswers)? = nil, outbox: OutboxIntake = OutboxIntake([]),
        onBudgetAlert: @escaping @Sendable (BudgetAlert) -> Void = { _ in }
    ) throws {
        try self.init(
            path: settings.database.path, messageLimit: settings.messageLimit,
            staleLifetime: .seconds(settings.staleSeconds),
            answerBytes: settings.cacheStoreBytes, stateDirectory: settings.stateDirectory, background: .loop,
            purged: purged, outbox: outbox, onBudgetAlert: onBudgetAlert)
    }
}

extension Board {
    /// What each owner has on the board of the processes of one database.
    static let sections = [
        CircuitBoard.section, PurgeBoard.section, CallCeiling.section, OutboxBoard.section, MailBoard.section,
    ]

    /// The board of all processes; where that cannot be, one of this process alone, which then finds out for itself.
    static func shared(_ settings: Settings, log: Logger) throws -> Board {
        do { return try Board.open(settings.boardPath, sections) } catch {
            log.warning(
                "workers cannot tell each other which provider is down, and which cached answers were deleted",
                metadata: ["cause": "\(error)"])
            return try Board(sections)
        }
    }
}
