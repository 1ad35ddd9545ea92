/// A response that has begun. Dropping it ends it: an abandoned transfer costs nothing.
public final class Transfer: Sendable {
    public let status: Int
    private let headers: [(name: String, value: String)]
    private let exchange: Exchange
    /// Keeps the driver alive as long as there is something to read.
    private let client: CurlClient

    init(_ head: Exchange.Head, _ exchange: Exchange, client: CurlClient) {
        status = head.status
        headers = head.headers
        self.exchange = exchange
        self.client = client
    }

    deinit {
        cancel()
    }

    /// The first header of that name, whatever its case.
    public func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name == name }?.value
    }

    /// The next bytes of the body, as many as have arrived; nil once the body is complete.
    ///
    /// One task at a time. Cancelling it ends the transfer. What arrived before a failure comes before its error.
    public func next() async throws(CurlError) -> [UInt8]? {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                switch exchange.awaitBody(continuation) {
                case .delivered: break
                case .deliveredFromPause: client.send(.resume(exchange))
                case .waiting(let deadline?): client.send(.watch(exchange, deadline))
                case .waiting(nil): break
                }
            }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }

    /// Sets the instant at which ``next()`` gives up with `.timedOut`, earlier or later than before.
    ///
    /// It counts only while somebody waits: the time that the consumer takes is not held against the other side. The
    /// driver looks at most every 10 ms.
    public func moveDeadline(to deadline: ContinuousClock.Instant) {
        if exchange.moveDeadline(to: deadline) { client.send(.watch(exchange, deadline)) }
    }

    /// Ends the transfer: unread bytes are dropped, and ``next()`` throws `.cancelled`, however much had arrived.
    public func cancel() {
        if exchange.cancel() { client.send(.drop(exchange)) }
    }
}
