import StrictJSON

/// The keys that an identity provider signs with, as it publishes them: a JWK Set (RFC 7517 §5).
///
/// Keys that cannot be used here are left out, as §5 asks. So are keys that share one name, since a token could not say
/// which it means; and secrets beside public keys: with both in a set, what everybody may know could be taken for a
/// secret.
struct KeySet: Sendable, Equatable {
    static let maximumKeys = 100

    private let source: JSON
    let keys: [VerificationKey]
    /// Why others were left out, for the log.
    let faults: [String]

    /// - Parameter algorithms: what may be signed with.
    /// - Throws: ``TokenFault`` when it is no set, or has too many keys.
    init(_ json: JSON, for algorithms: Set<SignatureAlgorithm>) throws(TokenFault) {
        guard let members = json["keys"]?.array else { throw TokenFault("no set of keys") }
        guard members.count <= Self.maximumKeys else { throw TokenFault("more than \(Self.maximumKeys) keys") }
        var keys: [VerificationKey] = []
        var faults: [String] = []
        for member in members {
            do throws(TokenFault) {
                let key = try VerificationKey(jwk: member)
                guard algorithms.contains(key.algorithm) else { throw TokenFault("\(key.algorithm) is not used here") }
                keys.append(key)
            } catch {
                faults.append("\(member["kid"]?.string?.prefix(60) ?? "a key without a name"): \(error)")
            }
        }
        if members.contains(where: { $0["kty"] == .string("oct") }),
            members.contains(where: { $0["kty"] != .string("oct") })
        {
            keys.removeAll { $0.algorithm == .hs256 }
            faults.append("secrets beside public keys")
        }
        for (id, count) in Dictionary(grouping: members.compactMap { $0["kid"]?.string }, by: \.self).mapValues(\.count)
        where count > 1 {
            keys.removeAll { $0.id == id }
            faults.append("\(id.prefix(60)): the name of \(count) keys")
        }
        (source, self.keys, self.faults) = (json, keys, faults)
    }

    static func == (one: KeySet, other: KeySet) -> Bool { one.source == other.source }

    /// - Returns: false when the key that it needs is not in this set, and may be in a newer one.
    /// - Throws: ``TokenFault`` when it is no good with whatever keys.
    func hasSigned(_ token: CompactJWS) throws(TokenFault) -> Bool {
        guard let algorithm = token.header["alg"]?.string.flatMap(SignatureAlgorithm.init(named:)) else {
            throw TokenFault("an alg that is not used here")
        }
        guard let id = try token.keyID() else {
            let fitting = keys.filter { $0.algorithm == algorithm }
            guard fitting.count <= 1 else { throw TokenFault("no kid, and \(fitting.count) keys that it may be") }
            // A key without a name may have been replaced.
            return fitting.first?.isSignature(token.signature, of: token.signed) ?? false
        }
        guard let key = keys.first(where: { $0.id == id }) else { return false }
        guard key.algorithm == algorithm else { throw TokenFault("alg is not that of its key") }
        guard key.isSignature(token.signature, of: token.signed) else { throw TokenFault("another signature") }
        return true
    }
}
