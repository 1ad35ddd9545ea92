import Curl
import FoundationEssentials
import StrictJSON

/// A deployment, as a caller from outside reaches it.
struct DeployedService: Sendable {
    struct Reply: Sendable {
        let status: Int
        let header: @Sendable (String) -> String?
        let json: JSON?
        /// When the certificate ends; nil for all replies but the first of a connection.
        let certificateEnd: String?

        /// The status, and what an error object says.
        var summary: String {
            let message = json?["message"]?.string ?? json?["error"]?["message"]?.string
            return message.map { "\(status), \($0)" } ?? "\(status)"
        }
    }

    private static let patience = Duration.seconds(60)
    private let base: String
    private let client: CurlClient

    /// - Parameter base: an address without a query; a `/` at its end does not count.
    init(_ base: String, _ tls: TLS) {
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        var configuration = CurlClient.Configuration(
            connectTimeout: .seconds(10), maximumResponseBytes: 4 << 20, userAgent: "parley-check", tls: tls)
        configuration.wantsCertificate = true
        client = CurlClient(configuration: configuration)
    }

    func get(_ path: String, token: String? = nil) async throws(CurlError) -> Reply {
        try await send(.get, path, token, [])
    }

    func post(_ path: String, token: String? = nil, _ body: [UInt8] = []) async throws(CurlError) -> Reply {
        try await send(.post, path, token, body)
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ token: String?, _ body: [UInt8]
    ) async throws(CurlError) -> Reply {
        var headers: [(name: String, value: String)] = []
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        let request = try HTTPRequest(method: method, url: HTTPURL(base + path), headers: headers, body: body)
        let response = try await client.open(request, deadline: .now + Self.patience)
        var text: [UInt8] = []
        while let piece = try await response.next() { text += piece }
        return Reply(
            status: response.status, header: { response.header($0) }, json: try? JSON(parsing: text),
            certificateEnd: await response.certificateEnd())
    }
}
