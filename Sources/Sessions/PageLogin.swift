import Curl
import StrictJSON

/// Logging in with a page: what a provider must say of itself (OpenID Connect Discovery 1.0) so that a page which may
/// call only these origins can get its tokens.
public struct PageLogin: Sendable {
    private let issuer: String
    private let document: HTTPURL
    private let origins: [WebOrigin]

    /// - Parameter others: what the page may call besides the issuer.
    /// - Returns: nil for an issuer that no page can find anything at: it is no address, or has a query or a fragment.
    public init?(issuer: String, others: [WebOrigin] = []) {
        guard let origin = WebOrigin(of: issuer), let address = try? HTTPURL(issuer), !address.hasQueryOrFragment,
            let document = try? HTTPURL(
                (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration")
        else { return nil }
        (self.issuer, self.document) = (issuer, document)
        origins = [origin] + others.filter { $0 != origin }
    }

    /// What the page may call.
    public var allowed: [String] { origins.map(\.text) }

    /// Why no page can log in with it; nil when one can, as far as its document tells.
    public func fault() async -> String? {
        let provider: JSON
        do throws(TokenFault) { provider = try await DocumentFetch(document, timeout: .seconds(5))() } catch {
            return "\(document.text): \(error)"
        }
        guard provider["issuer"] == .string(issuer) else {
            return "\(document.text) is of the issuer \(provider["issuer"]?.string ?? "?"), not of \(issuer)"
        }
        for name in ["authorization_endpoint", "token_endpoint"] {
            guard let endpoint = provider[name]?.string, let origin = WebOrigin(of: endpoint) else {
                return "\(document.text) has no \(name) that a page can use"
            }
            guard name != "token_endpoint" || origins.contains(origin) else {
                return "the token endpoint is at \(origin.text), which CHAT_OIDC_ORIGINS does not have"
            }
        }
        // Some that can do it do not say so.
        if let methods = provider["code_challenge_methods_supported"]?.array, !methods.contains(.string("S256")) {
            return "it knows no PKCE with S256"
        }
        return nil
    }
}
