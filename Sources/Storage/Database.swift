import Chat
import FoundationEssentials
import GRDB

/// Sessions, exchanges and shared answers in one SQLite file (WAL, `synchronous=FULL`), used by every worker at once.
///
/// Reads run one after another on a thread of their own. Writes that arrive together are committed together
/// (``GroupCommit``): returning from a write means that it is on the disk, but for places and leases, which mean nothing
/// once their process is gone. No SQL stands outside this target.
///
/// What it refuses: a schema that is newer than this program. A file that cannot be opened, read or written makes the
/// call at hand fail with ``ChatError`` `.unavailable`, and the next call opens it anew: service resumes by itself.
public final class Database: Sendable {
    let reader: ReadThread
    let writer: GroupCommit
    let messageLimit: Int
    /// How long a reserved message is kept for a worker that may have died, in milliseconds.
    let reservationLifetime: Int64
    /// How long an expired answer is kept, in milliseconds.
    let staleLifetime: Int64
    /// This process, as the owner of leases.
    let holder: Holder

    /// Opens nothing yet: see ``prepare()``.
    ///
    /// - Parameters:
    ///   - path: the database file; its folder must exist.
    ///   - messageLimit: the most exchanges of one session.
    ///   - reservationLifetime: longer than any request may take.
    ///   - staleLifetime: how long an expired answer is kept.
    /// - Throws: when its threads cannot be started.
    public init(path: String, messageLimit: Int, reservationLifetime: Duration, staleLifetime: Duration = .zero) throws
    {
        reader = try ReadThread(path: path)
        writer = try GroupCommit(path: path)
        self.messageLimit = messageLimit
        self.reservationLifetime = Int64(reservationLifetime.milliseconds)
        self.staleLifetime = Int64(staleLifetime.milliseconds)
        holder = Holder(path: path + "-holders")
    }

    /// Creates the file if need be and brings its schema up to date.
    ///
    /// - Throws: ``ChatError`` `.unavailable`, whose `cause` says what is wrong.
    public func prepare() async throws {
        try await writer.write { _ in }
    }

    /// Returning means that the database answers queries.
    public func check() async throws {
        try await reader.read { db in
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM (SELECT 1 FROM sessions LIMIT 1)")
        }
    }

    /// Reads the whole file. Returning means that SQLite finds nothing wrong with it.
    public func checkIntegrity() async throws {
        try await reader.read { db in
            let verdict = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
            guard verdict == "ok" else { throw ChatError.storage("damaged: \(verdict ?? "no verdict")") }
        }
    }
}

extension Date {
    /// Milliseconds since 1970, as every time in the database is stored.
    var stored: Int64 { Int64((timeIntervalSince1970 * 1_000).rounded(.down)) }

    init(stored milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1_000) }
}
