import API
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
    static let oidcClient = Setting<String>(
        "CHAT_OIDC_CLIENT_ID", nil,
        "The public client that the chat page logs people in as, with the identity provider; without one it does not.",
        parse: name)
    static let oidcScope = Setting<String>(
        "CHAT_OIDC_SCOPE", "openid email", "What the chat page asks the identity provider for."
    ) { text throws(SettingFault) in
        let words = text.split(separator: " ")
        // RFC 6749, 3.3.
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }), words.contains("openid")
        else { throw SettingFault("must be words with openid among them; is “\(text)”") }
        return words.joined(separator: " ")
    }
    static let oidcOrigins = Setting<[WebOrigin]>(
        "CHAT_OIDC_ORIGINS", nil, "Origins besides the issuer's that the chat page may ask for tokens, between commas.",
        write: { $0.map(\.text).joined(separator: ",") }, parse: origins)

    private static let origins: @Sendable (String) throws(SettingFault) -> [WebOrigin] = { text throws(SettingFault) in
        var origins: [WebOrigin] = []
        for word in text.split(whereSeparator: { $0 == "," || $0 == " " }) {
            guard let origin = WebOrigin(of: String(word)), origin.text == word.lowercased() else {
                throw SettingFault(
                    "takes origins such as https://login.example.com, https or on this machine; is “\(text)”")
            }
            if !origins.contains(origin) { origins.append(origin) }
        }
        return origins
    }
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

extension SettingSources {
    /// - Returns: nil where pages do not log people in with a provider.
    func openIDClient() throws(SettingFault) -> OpenIDClient? {
        guard try required(Catalog.authMode) == .external, let id = try optional(Catalog.oidcClient) else { return nil }
        return OpenIDClient(
            issuer: try required(Catalog.issuer), id: id, audience: try required(Catalog.audience),
            scope: try required(Catalog.oidcScope))
    }

    /// - Returns: nil where pages do not log people in with a provider.
    func pageLogin() throws(SettingFault) -> PageLogin? {
        guard let client = try openIDClient() else { return nil }
        guard let login = PageLogin(issuer: client.issuer, others: try optional(Catalog.oidcOrigins) ?? []) else {
            throw SettingFault(
                "CHAT_OIDC_CLIENT_ID needs an issuer that a page can ask: CHAT_JWT_ISSUER is no https address, or "
                    + "has a query: “\(client.issuer)”")
        }
        if let clients = try optional(Catalog.clients), !clients.isEmpty, !clients.contains(client.id) {
            throw SettingFault(
                "CHAT_JWT_CLIENTS does not name “\(client.id)”, which is CHAT_OIDC_CLIENT_ID: what the chat page is "
                    + "given would be refused")
        }
        return login
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
