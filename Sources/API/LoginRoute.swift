import Chat
import FastCGI
import StrictJSON

/// This server as an identity provider knows it: a public client of OpenID Connect, such as the chat page. Nothing of it
/// is secret.
public struct OpenIDClient: Sendable {
    public let issuer: String
    public let id: String
    /// What this server is called in the tokens that it takes.
    public let audience: String
    public let scope: String

    public init(issuer: String, id: String, audience: String, scope: String) {
        (self.issuer, self.id, self.audience, self.scope) = (issuer, id, audience, scope)
    }
}

/// GET /auth/login: how people log in here.
extension ChatService {
    func showLogin(_ context: inout RequestContext) async throws {
        let (mode, client): (String, OpenIDClient?) =
            switch login {
            case .open: ("open", nil)
            case .code: ("code", nil)
            case .external(let client): ("external", client)
            }
        let body = JSONWriter.object { json in
            json.member("mode", mode)
            guard let client else { return }
            json.object("provider") { json in
                json.member("issuer", client.issuer)
                json.member("client_id", client.id)
                json.member("audience", client.audience)
                json.member("scope", client.scope)
            }
        }
        try await context.send(200, body)
    }

    static let loginModeSchema = Schema.record(
        "How people log in.",
        [
            "mode": .word(
                "`open`: with an email address; `code`: with an address and a code that is sent there; `external`: "
                    + "with an identity provider, whose tokens are sent as a session's are.",
                ["open", "code", "external"]),
            "provider": .record(
                "The identity provider, where a page may log in with it: by OpenID Connect's authorization code flow "
                    + "with PKCE.",
                [
                    "issuer": .text("Below it is `/.well-known/openid-configuration`."),
                    "client_id": .text("A public client's: it has no secret."),
                    "audience": .text("Whom a token must be for (`aud`)."), "scope": .text("What to ask for."),
                ]),
        ], optional: ["provider"])
}
