import Logging
import Models
import SharedMemory

extension Settings {
    var boardPath: String { database.path + "-board" }
}

extension Board {
    /// What each owner has on the board of the processes of one database.
    static let sections = [CircuitBoard.section]

    /// The board of all processes; where that cannot be, one of this process alone, which then finds out for itself.
    static func shared(_ settings: Settings, log: Logger) throws -> Board {
        do { return try Board.open(settings.boardPath, sections) } catch {
            log.warning("workers cannot tell each other which provider is down", metadata: ["cause": "\(error)"])
            return try Board(sections)
        }
    }
}
