public import Chat
public import FoundationEssentials
import GRDB
import Threads

/// Sessions, exchanges and shared answers in one SQLite file (WAL), used by every worker at once.
///
/// Reads run one after another on a thread of their own. Writes that arrive together are committed together
/// (``GroupCommit``): returning from a write means that it is on the disk, but for reservations and leases, which mean
/// nothing once their process is gone. What cannot be begun within 2 s, because of a lock, is refused (``Inbox``). No SQL stands
/// outside this target.
///
/// What it refuses: a schema that is newer than this program; to make a new file in place of one that was removed
/// (``Connection``); to write into a file that has no name any more (``OpenDatabase``), or is damaged when it is opened.
/// A file that cannot be opened, read or written makes the call at hand fail with ``ChatError`` `.unavailable`, and the
/// next call opens it anew: service resumes by itself.
public final class Database: Sendable {
    let reader: ReadThread
    let writer: GroupCommit
    let path: String
    let probe: WriteProbe
    let bounded: BoundedWait
    private let file: DatabaseFile
    let messageLimit: Int
    /// How long an expired answer is kept, in milliseconds.
    let staleLifetime: Int64
    /// The most bytes of answers.
    let answerBytes: Int
    /// This process, as the owner of leases.
    let holder: LivenessLock
    let now: @Sendable () -> Date
    let onBudgetAlert: @Sendable (BudgetAlert) -> Void
    /// Where the workers tell each other which answers were deleted.
    let purged: (any PurgedAnswers)?
    let outbox: OutboxIntake

    /// Opens nothing yet: see ``prepare()``.
    ///
    /// - Parameters:
    ///   - path: the database file; its folder must exist.
    ///   - messageLimit: the most exchanges of one session.
    ///   - staleLifetime: how long an expired answer is kept.
    ///   - answerBytes: the most bytes of answers; the oldest go.
    ///   - stateDirectory: where the files are by which processes lock each other out; nil for beside the database.
    ///   - background: what waiting goes by, and where it is waited.
    ///   - purged: where the workers tell each other which answers were deleted; nil where there is one worker alone.
    ///   - outbox: who is to be told of exchanges; nobody by default.
    ///   - onBudgetAlert: told once when a key has spent four fifths of its budget.
    /// - Throws: when its threads cannot be started.
    public init(
        path: String, messageLimit: Int, staleLifetime: Duration = .zero,
        answerBytes: Int = .max, stateDirectory: String? = nil, now: @escaping @Sendable () -> Date = { Date() },
        background: Background = Background(), purged: (any PurgedAnswers)? = nil,
        outbox: OutboxIntake = OutboxIntake([]),
        onBudgetAlert: @escaping @Sendable (BudgetAlert) -> Void = { _ in }
    ) throws {
        let file = DatabaseFile(path, stateDirectory: stateDirectory)
        let writer = try GroupCommit(file, background)
        reader = try ReadThread(file, background) {
            _ = try? await writer.write(durability: .relaxed) { _ in }
        }
        bounded = BoundedWait { deadline in try? await background.clock.sleep(for: deadline - .now) }
        file.whenUnusable { [weak reader] waits in reader?.letGo(waits: waits) ?? true }
        self.writer = writer
        self.path = path
        self.file = file
        probe = WriteProbe(writer, path, bounded)
        self.messageLimit = messageLimit
        self.staleLifetime = Int64(staleLifetime.milliseconds)
        self.answerBytes = answerBytes
        self.now = now
        self.onBudgetAlert = onBudgetAlert
        self.purged = purged
        self.outbox = outbox
        holder = LivenessLock(path: file.livenessPath)
    }

    /// For an ``ExchangeIDGenerator``: a number that no other process has that uses this database now, until this one ends.
    ///
    /// - Returns: nil when there is none to be had; each further call gives another.
    public func claimWorkerNumber() -> Int? { WorkerNumber.claim(in: file.livenessPath) }

    /// Brings the schema up to date. Makes the file if there never was one: none of this name, and no file of its lock.
    ///
    /// - Parameters:
    ///   - beginningAnew: makes the file also where one was removed.
    ///   - isPatient: waits for other processes, and for a long migration, for as long as it takes. Else it returns as
    ///     any write does, and the migration goes on.
    /// - Throws: ``ChatError`` `.unavailable`, whose `cause` says what is wrong.
    public func prepare(beginningAnew: Bool = false, isPatient: Bool = false) async throws {
        if beginningAnew { file.beginAnew() }
        do { try await writer.attempt(isPatient: isPatient) { _ in } } catch { throw storageError(error) }
    }

    /// Lets go of the file, for a process that ends: when the last one has, everything is in the database file alone.
    /// Returns also when the files are not in order, or somebody holds the lock.
    public func close() async {
        await reader.close()
        try? await writer.attempt(durability: .relaxed, isLast: true) { _ in }
    }

    /// Empties the log (WAL) into the database file if it is longer than a small one: for a process that may be the last
    /// to use the file, before it ends.
    ///
    /// The first process that opens the file reads the whole log, and cannot know what of it is in the file already
    /// (walIndexRecover of SQLite's wal.c). If each were alone, as under a CGI server, the log would grow for ever and
    /// each start would take longer: 10 ms at 20 MB.
    public func checkpoint() async throws {
        guard let log = try FileIdentity(path + "-wal"), log.size > Self.smallWAL else { return }
        try await emptyLog(within: .seconds(2))
    }

    /// Writes all of the log into the database file, and makes it empty.
    ///
    /// - Throws: when somebody reads what is in it for too long.
    func emptyLog(within limit: Duration) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            do {
                try BlockingThread.detach { [file] in
                    var connection = Connection(file, readonly: false)
                    continuation.resume(
                        with: Result {
                            try FileLock(file).locked(atMost: limit) { _ in
                                try connection.use { db in _ = try db.checkpoint(.truncate) }
                            }
                        })
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Bytes, of some 70 exchanges: read in 0.5 ms.
    private static let smallWAL = 1 << 20

    /// Whether a newer program has written the file.
    public func isNewer() async throws -> Bool {
        try await reader.read { db in try Schema.migrator.hasBeenSuperseded(db.database) }
    }

    /// Reads the whole file. Returning means that SQLite finds nothing wrong with it.
    public func checkIntegrity() async throws {
        try await reader.read { db in
            let verdict = try String.fetchOne(db.database, sql: "PRAGMA quick_check(1)")
            guard verdict == "ok" else { throw ChatError.storage("damaged: \(verdict ?? "no verdict")") }
        }
    }
}

extension Date {
    /// Milliseconds since 1970, as every time in the database is stored.
    var stored: Int64 { Int64((timeIntervalSince1970 * 1_000).rounded(.down)) }

    init(stored milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1_000) }
}
