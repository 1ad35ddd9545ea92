import Chat
import Dispatch
import GRDB
import Threads

/// Runs queries one after another on one connection, each in its own short read.
final class ReadThread: Sendable {
    private struct State {
        var connection: Connection
        var statements: Statements?
    }

    private struct Read: Job {
        let run: @Sendable (inout State) -> Void
        var refusal: @Sendable (any Error) -> Void = { _ in }

        func refuse(_ error: any Error) { refusal(error) }
    }

    private let inbox: Inbox<Read>
    private let mend: @Sendable () async -> Void

    /// - Parameter mend: writes nothing, but lets the writing connection see to a WAL that was removed.
    init(_ file: DatabaseFile, _ background: Background, mend: @escaping @Sendable () async -> Void) throws(ThreadError)
    {
        self.mend = mend
        inbox = Inbox(path: file.path, background)
        try BlockingThread.detach { [inbox] in
            var state = State(connection: Connection(file, readonly: true))
            while inbox.wait() {
                for read in inbox.take(1) { read.run(&state) }
            }
        }
    }

    deinit { inbox.close() }

    /// Has the connection closed, after the reads before it; the next read opens it anew.
    ///
    /// - Parameter waits: blocks until that is done, for a second at most.
    /// - Returns: false when it was waited for in vain.
    func letGo(waits: Bool) -> Bool {
        let done = DispatchSemaphore(value: 0)
        inbox.add(
            Read { state in
                state.connection.drop()
                done.signal()
            }, isPatient: true)
        return !waits || done.wait(timeout: .now() + .seconds(1)) == .success
    }

    /// Returns when the connection is closed.
    func close() async {
        await withCheckedContinuation { continuation in
            inbox.add(
                Read { state in
                    state.connection.drop()
                    continuation.resume()
                } refusal: { _ in
                    continuation.resume()
                })
        }
    }

    /// - Throws: ``ChatError``.
    func read<T: Sendable>(_ work: @escaping @Sendable (Statements) throws -> T) async throws -> T {
        do { return try await mended(work) } catch { throw storageError(error) }
    }

    /// - Throws: what went wrong, as it was.
    func attempt<T: Sendable>(_ work: @escaping @Sendable (GRDB.Database) throws -> T) async throws -> T {
        try await mended { try work($0.database) }
    }

    private func mended<T: Sendable>(_ work: @escaping @Sendable (Statements) throws -> T) async throws -> T {
        do { return try await once(work) } catch is WALRemoved {
            await mend()
            return try await once(work)
        }
    }

    private func once<T: Sendable>(_ work: @escaping @Sendable (Statements) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            inbox.add(
                Read { state in
                    continuation.resume(
                        with: Result {
                            var kept = state.statements
                            defer { state.statements = kept }
                            return try state.connection.use { try work(Statements.of($0, keptIn: &kept)) }
                        })
                } refusal: {
                    continuation.resume(throwing: $0)
                })
        }
    }
}
