import Chat
import GRDB
import Threads

/// Runs queries one after another on one connection, each in its own short read.
final class ReadThread: Sendable {
    private typealias Query = @Sendable (inout Connection) -> Void

    private let inbox = Inbox<Query>()

    init(path: String) throws(ThreadError) {
        try BlockingThread.detach { [inbox] in
            var connection = Connection(path: path, readonly: true)
            while let queries = inbox.take() {
                for query in queries { query(&connection) }
            }
        }
    }

    deinit { inbox.close() }

    /// - Throws: ``ChatError``.
    func read<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            inbox.add { connection in
                do {
                    continuation.resume(returning: try connection.use(work))
                } catch {
                    continuation.resume(throwing: storageError(error))
                }
            }
        }
    }
}
