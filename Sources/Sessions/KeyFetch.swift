import Curl
import StrictJSON

/// Gets a provider's set of keys over HTTP.
///
/// Refused: redirects, every status but 200, more than 256 KiB, JSON that is not strict, and whatever takes too long,
/// slow senders too.
struct KeyFetch: Sendable {
    private static let maximumBytes = 256 << 10

    private let address: KeyAddress
    /// For all of it.
    private let timeout: Duration
    private let client = CurlClient(configuration: .init(maximumResponseBytes: maximumBytes))

    init(_ address: KeyAddress, timeout: Duration) { (self.address, self.timeout) = (address, timeout) }

    /// - Throws: ``TokenFault``, for the log.
    func callAsFunction() async throws(TokenFault) -> KeySet {
        let bytes: [UInt8]
        do { bytes = try await body() } catch { throw TokenFault(error.detail) }
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw TokenFault("what came is no JSON: \(error)") }
        let set = try KeySet(json, for: [.rs256, .es256, .edDSA])
        guard !set.keys.isEmpty else {
            throw TokenFault("no key that can be used (\(set.faults.prefix(3).joined(separator: "; ")))")
        }
        return set
    }

    private func body() async throws(CurlError) -> [UInt8] {
        let deadline = ContinuousClock.now + timeout
        let request = try HTTPRequest(method: .get, url: address.url, headers: [("Accept", "application/json")])
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
