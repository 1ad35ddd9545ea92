import StrictJSON

/// A JSON Web Signature in its compact form (RFC 7515 §3.1), taken apart, its signature not looked at yet.
///
/// Refused: JSON that is not strict, such as a member named twice; base64url with padding or with unused bits that are
/// not zero; and `crit`, since nothing is understood here that a header may call critical.
struct CompactJWS {
    let header: [String: JSON]
    let payload: [UInt8]
    let signature: [UInt8]
    /// What the signature is over.
    let signed: ArraySlice<UInt8>

    /// - Throws: ``TokenFault``, for the log.
    init(_ text: String, maximumBytes: Int) throws(TokenFault) {
        let bytes = Array(text.utf8)
        guard bytes.count <= maximumBytes else { throw TokenFault("too long") }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw TokenFault("not three parts") }
        guard let signature = Base64URL.decoded(parts[2]) else { throw TokenFault("signature is not base64url") }
        guard let header = Base64URL.decoded(parts[0]) else { throw TokenFault("header is not base64url") }
        guard let payload = Base64URL.decoded(parts[1]) else { throw TokenFault("claims are not base64url") }
        self.header = try Self.object(header, "header")
        guard self.header["crit"] == nil else { throw TokenFault("a critical header") }
        self.payload = payload
        self.signature = signature
        signed = bytes[..<parts[1].endIndex]
    }

    /// - Throws: ``TokenFault`` when the payload is no object.
    func claims() throws(TokenFault) -> [String: JSON] { try Self.object(payload, "claims") }

    /// The key that it is said to be signed with.
    ///
    /// - Returns: nil when it does not say.
    /// - Throws: ``TokenFault`` when `kid` is anything but text.
    func keyID() throws(TokenFault) -> String? {
        guard let member = header["kid"] else { return nil }
        guard let name = member.string else { throw TokenFault("kid is no text") }
        return name
    }

    private static func object(_ bytes: [UInt8], _ name: String) throws(TokenFault) -> [String: JSON] {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw TokenFault("\(name): \(error)") }
        guard let object = json.object else { throw TokenFault("\(name): not an object") }
        return object
    }
}

/// Why a token is refused, for the log.
struct TokenFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
