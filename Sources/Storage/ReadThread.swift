import Chat
import GRDB
import Threads

/// Runs queries one after another on one connection, each in its own short read.
final class ReadThread: Sendable {
    private typealias Query = @Sendable (inout Connection) -> Void

    private let inbox = Inbox<Query>()
    private let mend: @Sendable () async -> Void

    /// - Parameter mend: writes nothing, but lets the writing connection see to a log that was removed.
    init(path: String, _ standing: Standing, mend: @escaping @Sendable () async -> Void) throws(ThreadError) {
        self.mend = mend
        try BlockingThread.detach { [inbox] in
            var connection = Connection(path: path, readonly: true, standing)
            while let queries = inbox.take() {
                for query in queries { query(&connection) }
            }
        }
    }

    deinit { inbox.close() }

    /// Has the connection closed, after the reads before it; the next read opens it anew.
    func letGo() { inbox.add { $0.drop() } }

    /// - Throws: ``ChatError``.
    func read<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        do { return try await attempt(work) } catch { throw storageError(error) }
    }

    /// - Throws: what went wrong, as it was.
    func attempt<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        do { return try await once(work) } catch is LogRemoved {
            await mend()
            return try await once(work)
        }
    }

    private func once<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            inbox.add { connection in continuation.resume(with: Result { try connection.use(work) }) }
        }
    }
}
