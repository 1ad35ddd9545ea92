import Chat
import FastCGI

/// Makes the page of counters that Prometheus reads.
public protocol MetricsSource: Sendable {
    /// - Throws: ``ChatError``, when there are none.
    func page() throws -> [UInt8]
}

extension ChatService {
    /// For programs on this machine alone, whatever the web server lets through: numbers of the whole service are no
    /// caller's business. What came by a proxy did not come from here, and an address that a caller names proves nothing. It
    /// is no part of the contract's document.
    func showMetrics(_ context: inout RequestContext) async throws {
        let request = context.request
        guard ["127.0.0.1", "::1"].contains(request.remoteAddress), request.header("X_FORWARDED_FOR") == nil,
            request.header("FORWARDED") == nil
        else { throw ChatError(.forbidden, "This path is not open to your address") }
        guard let metrics else { throw ChatError(.unavailable, "Nothing is counted: the server's log says why") }
        try await context.send(200, metrics.page(), type: Self.metricsType)
    }

    private static let metricsType = "text/plain; version=0.0.4; charset=utf-8"
}
