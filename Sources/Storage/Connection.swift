import Chat
import GRDB

/// One SQLite connection that is opened when first used, and anew after a failure that a fresh one may not have.
///
/// Belongs to one thread.
struct Connection {
    private let path: String
    private let readonly: Bool
    private var queue: DatabaseQueue?
    /// SQLite's `synchronous`, as it was last set on `queue`.
    private var isDurable: Bool?

    /// A locked database is waited for this long, in seconds, then the call fails.
    static let busyTimeout = 2.0

    init(path: String, readonly: Bool) {
        self.path = path
        self.readonly = readonly
    }

    /// Runs `work` outside any transaction.
    ///
    /// - Parameter durably: whether a commit waits for the disk. In WAL mode NORMAL does not; the next FULL commit brings
    ///   all before it to the disk. Nil for reading.
    mutating func use<T>(durably: Bool? = nil, _ work: (GRDB.Database) throws -> T) throws -> T {
        let queue = try self.queue ?? open()
        self.queue = queue
        do {
            if let durably, durably != isDurable {
                isDurable = nil
                try queue.writeWithoutTransaction { db in
                    try db.execute(sql: "PRAGMA synchronous = \(durably ? "FULL" : "NORMAL")")
                }
                isDurable = durably
            }
            return try queue.writeWithoutTransaction(work)
        } catch let error as DatabaseError where error.mayHealByReopening {
            self.queue = nil
            isDurable = nil
            throw error
        }
    }

    private func open() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = readonly ? "parley.read" : "parley.write"
        configuration.readonly = readonly
        configuration.busyMode = .timeout(Self.busyTimeout)
        configuration.foreignKeysEnabled = true
        if !readonly { configuration.journalMode = .wal }
        configuration.prepareDatabase { db in
            // KiB; the kernel keeps the file in memory anyway, once for all workers.
            try db.execute(sql: "PRAGMA cache_size = -512")
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        if !readonly { try Schema.bringUpToDate(queue) }
        return queue
    }
}

extension DatabaseError {
    /// Busy, full and constraint errors pass on an open connection; these do not.
    fileprivate var mayHealByReopening: Bool {
        switch resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_SCHEMA,
            .SQLITE_ERROR:
            true
        default: false
        }
    }
}

/// The application's error for whatever went wrong in the database; SQL and paths stay in the cause.
func storageError(_ error: any Error) -> ChatError {
    switch error {
    case let error as ChatError: error
    case let error as DatabaseError:
        .storage("SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")")
    default: .storage("\(error)")
    }
}
