import Chat
import GRDB
import Synchronization

/// Which part of the database is at fault.
public struct DatabaseHealth: Sendable, Equatable {
    /// Nil when reading works.
    public let reading: StorageFault?
    /// Nil when writing works.
    public let writing: StorageFault?
    /// The whole cause, for the log only; nil when both work.
    public let cause: String?
}

extension Database {
    /// Reads, and makes sure that writing works: something was written within the last second, or is now as a probe.
    ///
    /// Takes 4 s at the most; what has not come by then counts as locked.
    public func health() async -> DatabaseHealth {
        async let writing = probe.failure()
        let reading = await bounded.failure {
            try await self.reader.attempt { db in
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM (SELECT 1 FROM sessions LIMIT 1)")
            }
        }
        let (read, written) = (reading, await writing)
        return DatabaseHealth(
            reading: read.flatMap { StorageFault(of: $0, at: path) },
            writing: written.flatMap { StorageFault(of: $0, at: path) },
            cause: (read ?? written).map { storageError($0).cause ?? "\($0)" })
    }
}

/// Finds out whether the database takes a write, at most once a second, however many ask.
final class WriteProbe: Sendable {
    private struct State {
        var running: Task<(any Error)?, Never>?
        var last: (time: ContinuousClock.Instant, failure: (any Error)?)?
    }

    private static let interval = Duration.seconds(1)

    private let writer: GroupCommit
    private let path: String
    private let bounded: BoundedWait
    private let state = Mutex(State())

    init(_ writer: GroupCommit, _ path: String, _ bounded: BoundedWait) {
        self.writer = writer
        self.path = path
        self.bounded = bounded
    }

    /// - Returns: why nothing can be written; nil when it can.
    func failure() async -> (any Error)? {
        let now = ContinuousClock.now
        let success = writer.lastSuccess
        if let success, now - success < Self.interval { return nil }
        let last = state.withLock { $0.last }
        if let last, let failure = last.failure, now - last.time < Self.interval { return failure }
        return await bounded.failure(of: probe())
    }

    /// The one that is under way, or a new one.
    private func probe() -> Task<(any Error)?, Never> {
        state.withLock { state in
            if let running = state.running { return running }
            let task = Task { [self] in
                let failure = await write()
                end(failure)
                return failure
            }
            state.running = task
            return task
        }
    }

    private func end(_ failure: (any Error)?) {
        state.withLock { $0 = State(last: (.now, failure)) }
    }

    /// Writes a page that stays as it was.
    private func write() async -> (any Error)? {
        do {
            try await writer.attempt(durability: .relaxed) { db in
                let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
                try db.execute(sql: "PRAGMA user_version = \(version)")
            }
        } catch {
            return error
        }
        guard let space = FreeSpace(folder(of: path)), space.isShort else { return nil }
        writer.forgetSuccess()
        return StorageFailure(.diskFull, "the disk of \(path) is full")
    }
}
