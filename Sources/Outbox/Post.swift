import Crypto
import Curl
import Glibc
import StrictJSON

/// What a receiver said, or why it said nothing.
struct PostReply: Sendable {
    let status: Int
    /// Empty when it did not come whole.
    let body: [UInt8]
    private let header: @Sendable (String) -> String?

    subscript(name: String) -> String? { header(name) }

    /// The members of a body that is a JSON object; none of any other.
    var json: [String: JSON] { (try? JSON(parsing: body, .tolerant))?.object ?? [:] }

    /// How long it asks to wait, in its header.
    var retryAfter: Duration? {
        header("Retry-After").flatMap { RetryAfter.parse($0, now: time(nil)) }.map { min($0, .seconds(86_400)) }
    }

    init(status: Int, body: [UInt8], header: @escaping @Sendable (String) -> String?) {
        (self.status, self.body, self.header) = (status, body, header)
    }
}

/// Sends JSON to a receiver.
struct Poster: Sendable {
    /// For all of it.
    private static let timeout = Duration.seconds(15)

    private let client: CurlClient

    init(userAgent: String) {
        client = CurlClient(configuration: .init(maximumResponseBytes: 256 << 10, userAgent: userAgent))
    }

    /// - Throws: ``CurlError`` when there was no status.
    func post(
        _ body: [UInt8], to url: HTTPURL, headers: [(name: String, value: String)]
    ) async throws(CurlError) -> PostReply {
        try await send(
            HTTPRequest(
                method: .post, url: url, headers: [("Content-Type", "application/json")] + headers, body: body))
    }

    func get(_ url: HTTPURL, headers: [(name: String, value: String)]) async throws(CurlError) -> PostReply {
        try await send(HTTPRequest(method: .get, url: url, headers: headers))
    }

    private func send(_ request: HTTPRequest) async throws(CurlError) -> PostReply {
        let deadline = ContinuousClock.now + Self.timeout
        let transfer = try await client.open(request, deadline: deadline)
        var body: [UInt8] = []
        do throws(CurlError) {
            while let bytes = try await transfer.next() {
                body += bytes
                if .now >= deadline { throw CurlError(.timedOut, "it took too long") }
            }
        } catch { body = [] }
        return PostReply(status: transfer.status, body: body) { transfer.header($0) }
    }
}

/// An address to send to: https, or this machine itself.
public struct OutboundURL: Sendable, Hashable {
    let url: HTTPURL

    public var text: String { url.text }

    /// - Throws: ``OutboxFault``.
    public init(_ text: String) throws(OutboxFault) {
        do { url = try HTTPURL(text) } catch { throw OutboxFault("cannot be used: \(error.detail)") }
        let isLocal = ["localhost", "127.0.0.1", "[::1]"].contains(url.host.lowercased())
        guard text.lowercased().hasPrefix("https:") || isLocal else {
            throw OutboxFault("must be https, unless it is on this machine")
        }
    }
}

/// An invalid setting, in words that do not have its value.
public struct OutboxFault: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Names settings without telling them.
///
/// - Returns: not zero.
func fingerprint(of settings: String...) -> UInt64 {
    let digest = SHA256.hash(data: Array(settings.joined(separator: "\0").utf8))
    return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } | 1
}
