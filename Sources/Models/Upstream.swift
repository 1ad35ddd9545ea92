internal import Curl

/// Language models behind HTTP, and what keeps them usable: retry, circuit breaker, fallback.
///
///     Fallback ─▶ CircuitBreaking ─▶ Retrying ─▶ Gemini, OpenAICompatible ─▶ StreamedCall ─▶ libcurl
///                       │                               │                        │
///                  CircuitBoard                         └── reply format ──▶ ReplyReader ◀── SSEParser
///              (shared by the pool)
///
/// Every provider is asked for a stream, also when the caller wants one plain reply: a silence, a stall, a cut or a
/// broken chunk is then known at once. A reply counts as an answer only when the provider said that it is finished.
///
/// Refused: a reply that ends early, has neither text nor tool calls, isn't the provider's format or is too large; one
/// that its filter stopped; settings that could leak a key or forge a request. Nothing is tried again once somebody has
/// seen text or a call.
///
/// This value is the network that providers share: connections, name look-ups, one thread. One a process is enough.
public struct Upstream: Sendable {
    let client: CurlClient

    /// - Parameters:
    ///   - connectTimeout: for look-up, TCP and TLS together.
    ///   - maximumReplyBytes: of one reply, headers included.
    public init(connectTimeout: Duration = .seconds(5), maximumReplyBytes: Int = 8 << 20) {
        client = CurlClient(
            configuration: .init(connectTimeout: connectTimeout, maximumResponseBytes: maximumReplyBytes))
    }

    /// Loads libcurl, as the first call would do otherwise.
    ///
    /// - Returns: why it cannot be loaded; nil when it is there.
    public static func load() async -> String? {
        do {
            try await CurlClient.load()
            return nil
        } catch {
            return error.detail
        }
    }
}
