internal import EventLoop

/// A response that has begun. Dropping it ends it: an abandoned transfer costs nothing.
public final class Transfer: Sendable {
    public let status: Int
    private let headers: [(name: String, value: String)]
    private let state: TransferState
    /// Keeps the driver alive as long as there is something to read.
    private let client: CurlClient

    init(_ head: TransferState.Head, _ state: TransferState, client: CurlClient) {
        status = head.status
        headers = head.headers
        self.state = state
        self.client = client
    }

    deinit {
        Task { @LoopActor [state] in state.cancel() }
    }

    /// The first header of that name, whatever its case.
    public func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name == name }?.value
    }

    /// The next bytes of the body, as many as have arrived; nil once the body is complete.
    ///
    /// One task at a time. Cancelling it ends the transfer. What arrived before a failure comes before its error.
    public func next() async throws(CurlError) -> [UInt8]? { try await state.next() }

    /// Sets the instant at which ``next()`` gives up with `.timedOut`, earlier or later than before.
    ///
    /// It counts only while somebody waits: the time that the consumer takes is not held against the other side.
    public func moveDeadline(to deadline: ContinuousClock.Instant) async { await state.moveDeadline(to: deadline) }

    /// When the other side's certificate ends, as `Nov 29 07:40:19 2027 GMT`. Known once the body is complete, to the
    /// transfer that made the connection, where ``CurlClient/Configuration/wantsCertificate`` is set.
    public func certificateEnd() async -> String? { await state.certificateEnd }

    /// Says that the transfer is a stream under way: where there are many such, what comes may be read a moment later
    /// (150 ms at most), together with what comes meanwhile.
    public func gather() async { await state.gather() }

    /// Ends the transfer: unread bytes are dropped, and ``next()`` throws `.cancelled`, however much had arrived.
    public func cancel() async { await state.cancel() }
}
