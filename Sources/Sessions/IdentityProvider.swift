public import Chat
import Curl

/// Whose tokens are taken, and where the keys are that they are signed with.
public struct IdentityProvider: Sendable {
    let keys: KeyAddress
    /// As its tokens say it, letter by letter.
    public let issuer: String
    /// What this server is called in them.
    public let audience: String
    /// Whom they may have been issued to; empty for anybody.
    let clients: Set<String>

    public init(keys: KeyAddress, issuer: String, audience: String, clients: [String] = []) {
        (self.keys, self.issuer, self.audience, self.clients) = (keys, issuer, audience, Set(clients))
    }

    /// Why its keys cannot be had; nil when they can.
    public func fault() async -> String? {
        do throws(TokenFault) { _ = try await KeyFetch(keys, timeout: .seconds(5))() } catch { return "\(error)" }
        return nil
    }
}

/// Where a provider publishes its keys. Whoever could change them on their way could log in as anybody: https, or this
/// machine itself.
public struct KeyAddress: Sendable {
    let url: HTTPURL

    /// - Throws: ``ChatError`` `.invalidField`.
    public init(_ text: String) throws(ChatError) {
        do { url = try HTTPURL(text) } catch { throw .invalid("CHAT_JWKS_URL", "cannot be used: \(error.detail)") }
        let isLocal = ["localhost", "127.0.0.1", "[::1]"].contains(url.host.lowercased())
        guard text.lowercased().hasPrefix("https:") || isLocal else {
            throw .invalid("CHAT_JWKS_URL", "must be https, unless it is on this machine")
        }
    }
}
