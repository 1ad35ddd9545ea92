import Chat
import FoundationEssentials
import JWTKit

/// What a session's token says: all six claims, or it is none of ours.
struct SessionClaims: JWTPayload {
    static let issuer = "parley"
    static let audience = "parley-chat"

    let sub: SubjectClaim
    let jti: IDClaim
    let iat: IssuedAtClaim
    let exp: ExpirationClaim
    let iss: IssuerClaim
    /// A single string, which RFC 7519 §4.1.3 allows. jwt-kit's claim, which may be a list, takes a CGI process
    /// a fortieth of its time to decode.
    let aud: String

    init(_ session: Session) {
        sub = SubjectClaim(value: session.user.rawValue)
        jti = IDClaim(value: session.id.rawValue)
        iat = IssuedAtClaim(value: session.created)
        exp = ExpirationClaim(value: session.expires)
        iss = IssuerClaim(value: Self.issuer)
        aud = Self.audience
    }

    /// Expiry is judged by the authenticator, which has the clock.
    func verify(using algorithm: some JWTAlgorithm) throws {
        guard iss.value == Self.issuer else {
            throw JWTError.claimVerificationFailure(failedClaim: iss, reason: "another issuer")
        }
        guard aud == Self.audience else {
            throw JWTError.claimVerificationFailure(failedClaim: nil, reason: "another audience")
        }
    }
}

/// jwt-kit takes the algorithm from the key and lets the header say what it likes; here it must say HS256, and must not
/// name extensions that have to be understood (RFC 7515 §4.1.11).
struct StrictParser: JWTParser {
    var jsonDecoder: any JWTJSONDecoder = .defaultForJWT

    func parse<Payload: JWTPayload>(_ token: some DataProtocol, as type: Payload.Type) throws
        -> (header: JWTHeader, payload: Payload, signature: Data)
    {
        let parts = try DefaultJWTParser(jsonDecoder: jsonDecoder).parse(token, as: type)
        guard parts.header.alg == "HS256" else { throw JWTError.malformedToken(reason: "alg is not HS256") }
        guard parts.header.crit == nil else { throw JWTError.malformedToken(reason: "crit is not supported") }
        return parts
    }
}
