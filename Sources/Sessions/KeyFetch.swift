import StrictJSON

/// Gets a provider's set of keys.
struct KeyFetch: Sendable {
    private let document: DocumentFetch

    init(_ address: KeyAddress, timeout: Duration) { document = DocumentFetch(address.url, timeout: timeout) }

    /// - Throws: ``TokenFault``, for the log.
    func callAsFunction() async throws(TokenFault) -> KeySet {
        let set = try KeySet(try await document(), for: [.rs256, .es256, .edDSA])
        guard !set.keys.isEmpty else {
            throw TokenFault("no key that can be used (\(set.faults.prefix(3).joined(separator: "; ")))")
        }
        return set
    }
}
