import Chat
import FoundationEssentials
import StrictJSON

/// What an identity provider's token says (RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §2), as far as it counts
/// here.
struct ExternalClaims {
    /// Seconds that the provider's clock may be ahead of ours. An expired token is expired: its issuer gives another.
    static let leeway: TimeInterval = 60
    /// Beyond it a number is not exact in every reader (RFC 8259 §6).
    private static let latestDate = 0x1p53
    private static let longestSubject = 1_000
    /// Of access tokens (RFC 9068 §2.1) and of ID tokens. A token that says it is something else, such as a logout
    /// token, is for somebody else to read.
    private static let types: Set = ["jwt", "at+jwt", "application/at+jwt", "application/jwt"]

    let subject: String
    let expires: Date
    /// What the token is known by among those of its issuer and subject.
    let name: String

    /// - Throws: ``TokenFault``.
    init(_ token: CompactJWS, for provider: IdentityProvider, at now: Date) throws(TokenFault) {
        if let type = token.header["typ"] {
            guard let text = type.string, Self.types.contains(text.lowercased()) else {
                throw TokenFault("another typ")
            }
        }
        for member in ["b64", "zip", "enc"] where token.header[member] != nil { throw TokenFault("a header \(member)") }
        let claims = try token.claims()
        guard claims["iss"] == .string(provider.issuer) else { throw TokenFault("another issuer") }
        try Self.checkParties(claims, provider)
        // Who has it must prove more than that (RFC 7800 §3), and nothing here could be shown the proof.
        guard claims["cnf"] == nil else { throw TokenFault("it is bound to a key") }
        guard claims["events"] == nil else { throw TokenFault("it tells of an event") }
        guard let subject = claims["sub"]?.string, (1...Self.longestSubject).contains(subject.utf8.count) else {
            throw TokenFault("no subject")
        }
        guard let expires = try Self.date(claims, "exp") else { throw TokenFault("no exp") }
        guard expires > now else { throw TokenFault("it has expired") }
        for name in ["nbf", "iat"] {
            if let date = try Self.date(claims, name), date.timeIntervalSince(now) > Self.leeway {
                throw TokenFault("\(name) is in the future")
            }
        }
        (self.subject, self.expires) = (subject, expires)
        if let id = claims["jti"] {
            guard let text = id.string, !text.isEmpty else { throw TokenFault("jti is no text") }
            name = "jti " + text
        } else {
            // Its signature could be another, as ES256 signs with chance.
            name = "claims " + Base64URL.text(token.payload)
        }
    }

    private static func checkParties(_ claims: [String: JSON], _ provider: IdentityProvider) throws(TokenFault) {
        let audiences =
            switch claims["aud"] {
            case .string(let one)?: [one]
            case .array(let many)?: many.compactMap(\.string)
            default: [String]()
            }
        guard audiences.contains(provider.audience) else { throw TokenFault("another audience") }
        for name in ["azp", "client_id"] {
            guard let party = claims[name] else { continue }
            guard let text = party.string else { throw TokenFault("\(name) is no text") }
            guard provider.clients.isEmpty || provider.clients.contains(text) else {
                throw TokenFault("another client")
            }
        }
        // Without a name its client is the audience itself.
        guard
            claims["azp"] != nil || claims["client_id"] != nil || provider.clients.isEmpty
                || provider.clients.contains(provider.audience) && audiences == [provider.audience]
        else { throw TokenFault("no client") }
    }

    private static func date(_ claims: [String: JSON], _ name: String) throws(TokenFault) -> Date? {
        guard let claim = claims[name] else { return nil }
        guard let seconds = claim.double, (0..<latestDate).contains(seconds) else {
            throw TokenFault("\(name) is no date")
        }
        return Date(timeIntervalSince1970: seconds)
    }
}
