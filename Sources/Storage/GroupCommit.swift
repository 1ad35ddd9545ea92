import Chat
import GRDB
import Synchronization
import Threads

/// Commits all writes that are waiting as one transaction: one fsync serves many, and each caller returns only after
/// it. A group of nothing but passing writes, which mean nothing once their process is gone, needs no fsync.
///
/// When a group fails, nothing of it is kept. Where the file is the reason (locked, full, damaged), that is every
/// write's answer: trying each alone would make the last one wait for all the others' time-outs. Where one write is the
/// reason, each is tried alone, so that it takes no other down with it.
///
/// Writes stay in the ``Inbox`` until the database is locked for them, so that one which waits too long can be refused.
final class GroupCommit: Sendable {
    private struct Write: Job {
        let isPassing: Bool
        /// The connection is closed after it, as one of a process that ends.
        let isLast: Bool
        /// Runs inside the transaction and keeps its result for `finish`.
        let perform: @Sendable (GRDB.Database) throws -> Void
        /// Told nil after the commit, or why there was none.
        let finish: @Sendable ((any Error)?) -> Void

        func refuse(_ error: any Error) { finish(error) }
    }

    /// A group larger than this would delay its first write for the sake of its last.
    private static let largestGroup = 256

    private let inbox: Inbox<Write>
    private let successes = Successes()

    init(path: String, _ trust: FileTrust) throws(ThreadError) {
        inbox = Inbox(path: path)
        try BlockingThread.detach { [inbox, successes] in
            var connection = Connection(path: path, readonly: false, trust)
            let lock = FileLock(path: path + "-lock")
            while inbox.wait() { Self.commit(from: inbox, on: &connection, lock, successes) }
        }
    }

    deinit { inbox.close() }

    /// When something was last committed; nil before the first time, and after a failure of the file.
    var lastSuccess: ContinuousClock.Instant? { successes.last.withLock { $0 } }

    func forgetSuccess() { successes.last.withLock { $0 = nil } }

    /// Whether no write waits now.
    var isIdle: Bool { inbox.isEmpty }

    /// - Throws: ``ChatError``.
    func write<T: Sendable>(isPassing: Bool = false, _ work: @escaping @Sendable (GRDB.Database) throws -> T)
        async throws -> T
    {
        do { return try await attempt(isPassing: isPassing, work) } catch { throw storageError(error) }
    }

    /// - Parameters:
    ///   - isPassing: other processes see it at once, but a power cut may undo it.
    ///   - isPatient: waits for a lock for as long as it takes.
    ///   - isLast: closes the connection afterwards (``Connection/finish()``).
    ///   - work: throws ``ChatError`` to refuse; whatever it changed before is undone.
    /// - Returns: what `work` returned, after its commit.
    /// - Throws: what went wrong, as it was.
    func attempt<T: Sendable>(
        isPassing: Bool = false, isPatient: Bool = false, isLast: Bool = false,
        _ work: @escaping @Sendable (GRDB.Database) throws -> T
    ) async throws -> T {
        let kept = Kept<T>()
        return try await withCheckedThrowingContinuation { continuation in
            inbox.add(
                Write(
                    isPassing: isPassing, isLast: isLast,
                    perform: { db in
                        let value = try work(db)
                        kept.value.withLock { $0 = value }
                    },
                    finish: { error in
                        if let error {
                            continuation.resume(throwing: error)
                        } else if let value = kept.value.withLock({ $0 }) {
                            continuation.resume(returning: value)
                        } else {
                            continuation.resume(throwing: ChatError.storage("a write was committed without its result"))
                        }
                    }), isPatient: isPatient)
        }
    }

    /// - Parameter chosen: the group; nil for those that wait once the database is locked for them.
    private static func commit(
        _ chosen: [Write]? = nil, from inbox: Inbox<Write>, on connection: inout Connection, _ lock: FileLock,
        _ successes: Successes
    ) {
        var group = chosen ?? []
        var refusals: [ChatError?] = []
        do {
            try lock.locked { isNew in
                let isPassing = chosen?.allSatisfy(\.isPassing) ?? inbox.allSatisfy(\.isPassing)
                try connection.use(durably: !isPassing, mayBegin: isNew) { db in
                    try db.inTransaction(.immediate) {
                        if chosen == nil {
                            group = inbox.take(largestGroup) { !isPassing || $0.isPassing }
                        }
                        refusals = try group.map { try refusal(of: $0, in: db) }
                        return .commit
                    }
                }
            }
        } catch {
            if group.count > 1, isOfOneWrite(error) {
                for write in group { commit([write], from: inbox, on: &connection, lock, successes) }
            } else {
                if !(error is ChatError) { successes.last.withLock { $0 = nil } }
                for write in group.isEmpty ? inbox.take() : group { write.finish(error) }
            }
            return
        }
        successes.last.withLock { $0 = .now }
        if group.contains(where: \.isLast) {
            _ = try? lock.locked(atMost: .seconds(1)) { _ in try connection.finish() }
        }
        for (write, refusal) in zip(group, refusals) { write.finish(refusal) }
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

    /// A write that refuses before it changes anything leaves the group whole; any other failure ends the transaction.
    private static func refusal(of write: Write, in db: GRDB.Database) throws -> ChatError? {
        let changes = db.totalChangesCount
        do {
            try write.perform(db)
            return nil
        } catch let error as ChatError where db.totalChangesCount == changes {
            return error
        }
    }
}

private final class Successes: Sendable {
    let last = Mutex<ContinuousClock.Instant?>(nil)
}

/// Carries a write's result past the commit.
private final class Kept<T: Sendable>: Sendable {
    let value = Mutex<T?>(nil)
}
