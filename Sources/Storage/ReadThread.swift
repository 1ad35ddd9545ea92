import Chat
import GRDB
import Threads

/// Runs queries one after another on one connection, each in its own short read.
final class ReadThread: Sendable {
    private struct Query: Job {
        let run: @Sendable (inout Connection) -> Void
        var refusal: @Sendable (any Error) -> Void = { _ in }

        func refuse(_ error: any Error) { refusal(error) }
    }

    private let inbox: Inbox<Query>
    private let mend: @Sendable () async -> Void

    /// - Parameter mend: writes nothing, but lets the writing connection see to a log that was removed.
    init(path: String, _ trust: FileTrust, mend: @escaping @Sendable () async -> Void) throws(ThreadError) {
        self.mend = mend
        inbox = Inbox(path: path)
        try BlockingThread.detach { [inbox] in
            var connection = Connection(path: path, readonly: true, trust)
            while inbox.wait() {
                for query in inbox.take(1) { query.run(&connection) }
            }
        }
    }

    deinit { inbox.close() }

    /// Has the connection closed, after the reads before it; the next read opens it anew.
    func letGo() { inbox.add(Query { $0.drop() }, isPatient: true) }

    /// Returns when the connection is closed.
    func close() async {
        await withCheckedContinuation { continuation in
            inbox.add(
                Query { connection in
                    connection.drop()
                    continuation.resume()
                } refusal: { _ in
                    continuation.resume()
                })
        }
    }

    /// - Throws: ``ChatError``.
    func read<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        do { return try await attempt(work) } catch { throw storageError(error) }
    }

    /// - Throws: what went wrong, as it was.
    func attempt<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        do { return try await once(work) } catch is WALRemoved {
            await mend()
            return try await once(work)
        }
    }

    private func once<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            inbox.add(
                Query { connection in
                    continuation.resume(with: Result { try connection.use(work) })
                } refusal: {
                    continuation.resume(throwing: $0)
                })
        }
    }
}
