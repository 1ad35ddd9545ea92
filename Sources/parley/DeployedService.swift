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

        /// Where a redirect leads.
        var location: String? { (300..<400).contains(status) ? header("Location") : nil }

        /// The status, and where it leads or what an error object says.
        var summary: String {
            if let location { return "\(status), to \(location)" }
            let message = json?["message"]?.string ?? json?["error"]?["message"]?.string
            return message.map { "\(status), \($0)" } ?? "\(status)"
        }
    }

    /// Without a trailing `/`.
    let base: String
    private let client: CurlClient
    private let timeout: Duration?

    /// - Parameters:
    ///   - base: an address without a query; a `/` at its end does not count.
    ///   - timeout: how long to wait for each whole reply, in seconds; nil for what suits it.
    init(_ base: String, _ tls: TLS, timeout: Int?) {
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        self.timeout = timeout.map { .seconds($0) }
        var configuration = CurlClient.Configuration(
            connectTimeout: .seconds(min(timeout ?? 10, 10)), maximumResponseBytes: 4 << 20,
            userAgent: "parley-check", tls: tls)
        configuration.wantsCertificate = true
        client = CurlClient(configuration: configuration)
    }

    func get(_ path: String, token: String? = nil) async throws(CurlError) -> Reply {
        try await send(.get, path, token, [])
    }

    func post(_ path: String, token: String? = nil, _ body: [UInt8] = []) async throws(CurlError) -> Reply {
        try await send(.post, path, token, body)
    }

    /// Waits longer than Parley itself does unless it is told to, so that its own words come.
    func ask(_ question: [UInt8], token: String) async throws(CurlError) -> Reply {
        try await send(.post, "/chat", token, question, within: .seconds(75))
    }

    func delete(_ path: String, token: String) async throws(CurlError) -> Reply {
        try await send(.delete, path, token, [])
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ token: String?, _ body: [UInt8],
        within limit: Duration = .seconds(15)
    ) async throws(CurlError) -> Reply {
        let limit = timeout ?? limit
        let deadline = ContinuousClock.now + limit
        do throws(CurlError) {
            return try await send(method, path, token, body, by: deadline)
        } catch {
            guard error.kind == .timedOut, .now >= deadline else { throw error }
            throw CurlError(.timedOut, "no whole reply within \(limit.components.seconds) s")
        }
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ token: String?, _ body: [UInt8],
        by deadline: ContinuousClock.Instant
    ) async throws(CurlError) -> Reply {
        var headers: [(name: String, value: String)] = []
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        let request = try HTTPRequest(method: method, url: HTTPURL(base + path), headers: headers, body: body)
        let response = try await client.open(request, deadline: deadline)
        var text: [UInt8] = []
        while let piece = try await response.next() { text += piece }
        return Reply(
            status: response.status, header: { response.header($0) }, json: try? JSON(parsing: text),
            certificateEnd: await response.certificateEnd())
    }
}
