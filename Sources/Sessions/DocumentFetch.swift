import Curl
import StrictJSON

/// Gets a document of a provider over HTTP: its keys, or what it says of itself.
///
/// Refused: redirects, every status but 200, more than 256 KiB, JSON that is not strict, and whatever takes too long,
/// slow senders too.
struct DocumentFetch: Sendable {
    private static let maximumBytes = 256 << 10

    private let url: HTTPURL
    /// For all of it.
    private let timeout: Duration
    private let client = CurlClient(configuration: .init(maximumResponseBytes: maximumBytes))

    init(_ url: HTTPURL, timeout: Duration) { (self.url, self.timeout) = (url, timeout) }

    /// - Throws: ``TokenFault``, for the log.
    func callAsFunction() async throws(TokenFault) -> JSON {
        let bytes: [UInt8]
        do { bytes = try await body() } catch { throw TokenFault(error.detail) }
        do { return try JSON(parsing: bytes) } catch { throw TokenFault("what came is no JSON: \(error)") }
    }

    private func body() async throws(CurlError) -> [UInt8] {
        let deadline = ContinuousClock.now + timeout
        let request = try HTTPRequest(method: .get, url: url, headers: [("Accept", "application/json")])
        let transfer = try await client.open(request, deadline: deadline)
        guard transfer.status == 200 else { throw CurlError(.malformed, "status \(transfer.status)") }
        var body: [UInt8] = []
        while let bytes = try await transfer.next() {
            guard .now < deadline else { throw CurlError(.timedOut, "it took too long") }
            body += bytes
        }
        return body
    }
}
