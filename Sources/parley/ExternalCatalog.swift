import Chat
import Logging
import Sessions

/// The settings of an identity provider.
extension Catalog {
    static let jwksURL = Setting<KeyAddress>(
        "CHAT_JWKS_URL", nil, "Where the identity provider publishes the keys that it signs tokens with."
    ) { text throws(SettingFault) in
        do throws(ChatError) { return try KeyAddress(text) } catch { throw SettingFault(rule: error) }
    }
    static let issuer = Setting<String>(
        "CHAT_JWT_ISSUER", nil,
        "The identity provider, as its tokens name it (iss), such as https://id.example.com/realms/main.",
        parse: name)
    static let audience = Setting<String>(
        "CHAT_JWT_AUDIENCE", nil, "This server, as the identity provider's tokens name it (aud).", parse: name)
    static let clients = Setting.list(
        "CHAT_JWT_CLIENTS",
        "Clients whose tokens are taken (azp or client_id), between commas. Any by default.")

    private static let name: @Sendable (String) throws(SettingFault) -> String = { text throws(SettingFault) in
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw SettingFault("must be printable ASCII without spaces; is “\(text)”")
        }
        return text
    }
}

extension SettingSources {
    func identityProvider() throws(SettingFault) -> IdentityProvider {
        IdentityProvider(
            keys: try required(Catalog.jwksURL), issuer: try required(Catalog.issuer),
            audience: try required(Catalog.audience), clients: try optional(Catalog.clients) ?? [])
    }
}

extension Logger {
    /// What becomes of fetching an identity provider's keys.
    func noteKeys(_ count: Int?, _ detail: String) {
        guard let count else { return error("identity provider has no keys for us", metadata: ["cause": "\(detail)"]) }
        notice(
            "identity provider's keys are new",
            metadata: ["keys": .stringConvertible(count), "left_out": "\(detail.isEmpty ? "none" : detail)"])
    }
}
