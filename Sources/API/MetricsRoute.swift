import Chat
import FastCGI

/// Makes the page of counters that Prometheus reads.
public protocol MetricsSource: Sendable {
    /// - Throws: ``ChatError``, when there are none.
    func page() throws -> [UInt8]
}

extension ChatService {
    /// For programs on this machine alone, whatever the web server lets through: numbers of the whole service are no
    /// caller's business. It is no part of the contract's document.
    func showMetrics(_ context: inout RequestContext) async throws {
        guard ["127.0.0.1", "::1"].contains(context.request.remoteAddress) else {
            throw ChatError(.forbidden, "This path is not open to your address")
        }
        guard let metrics else { throw ChatError.storage("no metrics are kept") }
        try await context.send(200, metrics.page(), type: Self.metricsType)
    }

    private static let metricsType = "text/plain; version=0.0.4; charset=utf-8"
}
