import Chat
import GRDB
import Glibc

/// Copies of the database that stand for themselves, and the way back.
///
/// What they refuse: to write over a file that exists, and to take what is damaged, foreign or newer than this program.
public enum Backup {
    public struct Report: Sendable {
        public let exchanges: Int
        public let bytes: Int
        public let time: Duration
    }

    /// Where a backup grows until it is whole.
    public static func draft(of file: String) -> String { file + ".partial" }

    /// Writes the database as it is at one instant into a new file, while others read and write. Returning means that
    /// the file is whole, checked and on the disk; after a failure there is none.
    ///
    /// - Throws: ``BackupError``.
    public static func make(of path: String, to file: String, stateDirectory: String? = nil) throws -> Report {
        let start = ContinuousClock.now
        return try explained(at: path) {
            guard let database = try FileIdentity(path) else { throw StorageFailure.gone(path) }
            if let old = try FileIdentity(file) {
                throw BackupError(
                    old == database ? "\(file) is the database itself" : "\(file) is there already; name a new file")
            }
            let copy = try DatabaseCopy(at: draft(of: file))
            var connection = Connection(DatabaseFile(path, stateDirectory: stateDirectory), readonly: true)
            try connection.use { try copy.fill(from: $0) }
            let contents: DatabaseCopy.Contents
            do { contents = try copy.check() } catch let failure as StorageFailure {
                throw BackupError("\(path) cannot be backed up: \(failure.cause)")
            }
            try copy.keep(as: file)
            return Report(exchanges: contents.exchanges, bytes: contents.bytes, time: .now - start)
        }
    }

    static func explained<T>(at path: String, _ work: () throws -> T) throws -> T {
        do { return try work() } catch let error as BackupError { throw error } catch let error as DatabaseError {
            throw BackupError(
                StorageFailure("use", path, error)?.cause ?? "\(path): \(storageError(error).cause ?? "\(error)")")
        } catch {
            throw BackupError(storageError(error).cause ?? "\(error)")
        }
    }
}

/// Why there is no backup, or nothing was restored, in words for the operator.
public struct BackupError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
