import Chat
import GRDB
import Synchronization
import Threads

/// What a commit promises.
enum Durability: Sendable {
    /// It survives a power cut.
    case full
    /// Other processes see it at once, but a power cut may undo it: for what means nothing once its process is gone.
    case relaxed
}

/// Commits all writes that are waiting as one transaction: one fsync serves many, and each caller returns only after
/// it. A group of nothing but relaxed writes needs no fsync.
///
/// When a group fails, nothing of it is kept. Where the file is the reason (locked, full, damaged), that is every
/// write's answer: trying each alone would make the last one wait for all the others' time-outs. Where one write is the
/// reason, each is tried alone, so that it takes no other down with it.
///
/// Writes stay in the ``Inbox`` until the database is locked for them, so that one which waits too long can be refused.
/// Those who wait for a group are resumed one right after the other: an event loop wakes up once for all of them.
final class GroupCommit: Sendable {
    /// A group larger than this would delay its first write for the sake of its last.
    private static let largestGroup = 256

    private let inbox: Inbox<AnyWrite>
    private let successes = Successes()

    init(_ file: DatabaseFile, _ background: Background) throws(ThreadError) {
        inbox = Inbox(path: file.path, background)
        try BlockingThread.detach { [inbox, successes] in
            var thread = WriterThread(file, inbox, successes)
            while inbox.wait() { thread.commit() }
        }
    }

    deinit { inbox.close() }

    /// When something was last committed; nil before the first time, and after a failure of the file.
    var lastSuccess: ContinuousClock.Instant? { successes.last.withLock { $0 } }

    func forgetSuccess() { successes.last.withLock { $0 = nil } }

    /// How many writes were committed.
    var writes: Int { successes.writes.load(ordering: .relaxed) }

    /// - Parameter work: whatever it throws undoes all that it changed.
    /// - Returns: what `work` returned, after its commit.
    /// - Throws: ``ChatError``.
    func write<T: Sendable>(durability: Durability = .full, _ work: @escaping @Sendable (Statements) throws -> T)
        async throws -> T
    {
        do { return try await add(durability, isPatient: false, isLast: false, work) } catch {
            throw storageError(error)
        }
    }

    /// - Parameters:
    ///   - isPatient: waits for a lock for as long as it takes.
    ///   - isLast: closes the connection afterwards (``Connection/finish()``).
    /// - Throws: what went wrong, as it was.
    func attempt<T: Sendable>(
        durability: Durability = .full, isPatient: Bool = false, isLast: Bool = false,
        _ work: @escaping @Sendable (GRDB.Database) throws -> T
    ) async throws -> T {
        try await add(durability, isPatient: isPatient, isLast: isLast) { try work($0.database) }
    }

    private func add<T: Sendable>(
        _ durability: Durability, isPatient: Bool, isLast: Bool, _ work: @escaping @Sendable (Statements) throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            inbox.add(Write(durability, isLast: isLast, work, continuation), isPatient: isPatient)
        }
    }

    private struct WriterThread {
        private let inbox: Inbox<AnyWrite>
        private let successes: Successes
        private let lock: FileLock
        private var connection: Connection
        private var statements: Statements?

        init(_ file: DatabaseFile, _ inbox: Inbox<AnyWrite>, _ successes: Successes) {
            self.inbox = inbox
            self.successes = successes
            lock = FileLock(file)
            connection = Connection(file, readonly: false)
        }

        /// - Parameter chosen: the group; nil for those that wait once the database is locked for them.
        mutating func commit(_ chosen: [AnyWrite]? = nil) {
            let inbox = inbox
            var (group, kept) = (chosen ?? [], statements)
            do {
                defer { statements = kept }
                try lock.locked { isNew in
                    let isRelaxed = chosen?.allSatisfy(\.isRelaxed) ?? inbox.allSatisfy(\.isRelaxed)
                    try connection.use(durably: !isRelaxed, mayBegin: isNew) { database in
                        let statements = try Statements.of(database, keptIn: &kept)
                        try statements.transaction {
                            if chosen == nil {
                                group = inbox.take(GroupCommit.largestGroup) { !isRelaxed || $0.isRelaxed }
                            }
                            for write in group { try write.perform(statements) }
                        }
                    }
                }
            } catch {
                if group.count > 1, Self.isOfOneWrite(error) {
                    for write in group { commit([write]) }
                } else {
                    if !(error is ChatError) { successes.last.withLock { $0 = nil } }
                    for write in group.isEmpty ? inbox.take() : group { write.finish(error) }
                }
                return
            }
            successes.last.withLock { $0 = .now }
            successes.writes.add(group.count, ordering: .relaxed)
            if group.contains(where: \.isLast) {
                _ = try? lock.locked(atMost: .seconds(1)) { _ in try connection.finish() }
            }
            for write in group { write.finish(nil) }
        }

        /// Whether one of the writes is the reason, and not the file or the lock before it.
        private static func isOfOneWrite(_ error: any Error) -> Bool {
            guard let error = error as? DatabaseError else {
                return !(error is StorageFailure || error is WALRemoved || (error as? ChatError)?.code == .unavailable)
            }
            switch error.resultCode {
            case .SQLITE_ERROR, .SQLITE_CONSTRAINT, .SQLITE_TOOBIG, .SQLITE_MISMATCH, .SQLITE_RANGE: return true
            default: return false
            }
        }
    }
}

private final class Successes: Sendable {
    let last = Mutex<ContinuousClock.Instant?>(nil)
    let writes = Atomic(0)
}

/// A write on its way, whatever its result.
private class AnyWrite: Job, @unchecked Sendable {
    let isRelaxed: Bool
    /// The connection is closed after it, as one of a process that ends.
    let isLast: Bool

    init(_ durability: Durability, isLast: Bool) {
        isRelaxed = durability == .relaxed
        self.isLast = isLast
    }

    /// Runs inside the transaction and keeps its result for ``finish(_:)``.
    func perform(_ db: Statements) throws {}
    /// Told nil after the commit, or why there was none.
    func finish(_ error: (any Error)?) {}
    func refuse(_ error: any Error) { finish(error) }
}

/// `@unchecked Sendable`: `result` is the one thing here that changes, and only the writer's thread uses it. A write that the
/// inbox refuses on another thread never reaches that one.
private final class Write<T: Sendable>: AnyWrite, @unchecked Sendable {
    private let work: @Sendable (Statements) throws -> T
    private let continuation: CheckedContinuation<T, any Error>
    private var result: T?

    init(
        _ durability: Durability, isLast: Bool, _ work: @escaping @Sendable (Statements) throws -> T,
        _ continuation: CheckedContinuation<T, any Error>
    ) {
        self.work = work
        self.continuation = continuation
        super.init(durability, isLast: isLast)
    }

    override func perform(_ db: Statements) throws { result = try work(db) }

    override func finish(_ error: (any Error)?) {
        if let result, error == nil { return continuation.resume(returning: result) }
        continuation.resume(throwing: error ?? ChatError.storage("a write was committed without its result"))
    }
}
