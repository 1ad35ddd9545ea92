import Chat
import FoundationEssentials
import StrictJSON

/// What a session's token says: these six claims and no other, or it is none of ours.
struct SessionClaims {
    private static let issuer = "parley"
    private static let audience = "parley-chat"
    private static let names: Set = ["sub", "jti", "iat", "exp", "iss", "aud"]
    /// Seconds that the clock of a machine which signed it may be ahead.
    private static let leeway = 60.0
    /// Beyond it a number is not exact in every reader (RFC 8259 §6).
    private static let latestDate = 0x1p53

    let user: UserID
    let session: SessionID
    let created: Date
    let expires: Date

    init(_ session: Session) {
        user = session.user
        self.session = session.id
        created = session.created
        expires = session.expires
    }

    /// Expiry is judged by the authenticator, on every request.
    ///
    /// - Throws: ``TokenFault``.
    init(_ claims: JSON, at now: Date) throws(TokenFault) {
        guard let members = claims.object, Set(members.keys) == Self.names else {
            throw TokenFault("claims that are not ours")
        }
        guard members["iss"] == .string(Self.issuer) else { throw TokenFault("another issuer") }
        guard members["aud"] == .string(Self.audience) else { throw TokenFault("another audience") }
        guard let user = members["sub"]?.string.flatMap(UserID.init) else { throw TokenFault("no user in it") }
        guard let session = members["jti"]?.string.flatMap(SessionID.init) else { throw TokenFault("no session in it") }
        self.user = user
        self.session = session
        created = try Self.date(members, "iat")
        expires = try Self.date(members, "exp")
        guard created.timeIntervalSince(now) <= Self.leeway else { throw TokenFault("made in the future") }
    }

    private static func date(_ members: [String: JSON], _ name: String) throws(TokenFault) -> Date {
        guard let seconds = members[name]?.double, (0..<latestDate).contains(seconds) else {
            throw TokenFault("\(name) is no date")
        }
        return Date(timeIntervalSince1970: seconds)
    }

    var json: [UInt8] {
        JSONWriter.object { json in
            json.member("sub", user.rawValue)
            json.member("jti", session.rawValue)
            json.member("iat", Int(created.timeIntervalSince1970))
            json.member("exp", Int(expires.timeIntervalSince1970.rounded(.up)))
            json.member("iss", Self.issuer)
            json.member("aud", Self.audience)
        }
    }
}
