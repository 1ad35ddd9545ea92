internal import CCurl

/// How much of the other side's TLS is asked for. The default is what a call that carries a secret needs.
public struct TLS: Sendable {
    public enum Versions: Sendable {
        /// TLS 1.2 and newer.
        case current
        case only13
        /// TLS 1.1 and older, which a server should refuse: for a look whether it does.
        case outdated
    }

    /// A PEM file of the authorities that are believed; nil for the system's.
    public var authorities: String?
    /// Whether the certificate must be good, and for that host. Where it need not be, nothing secret may be sent.
    public var isVerified: Bool
    public var versions: Versions

    public init(authorities: String? = nil, isVerified: Bool = true, versions: Versions = .current) {
        self.authorities = authorities
        self.isVerified = isVerified
        self.versions = versions
    }
}

extension EasyHandle {
    func prepare(_ tls: TLS) -> CURLcode {
        var codes: [CURLcode] = []
        switch tls.versions {
        case .current: codes.append(ccurl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)))
        case .only13: codes.append(ccurl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_3)))
        case .outdated:
            // Debian's OpenSSL would refuse them itself above security level 0.
            codes += [
                ccurl_set_long(easy, CURLOPT_SSLVERSION, ccurl_outdated_tls),
                ccurl_set_string(easy, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0"),
            ]
        }
        if let authorities = tls.authorities { codes.append(ccurl_set_string(easy, CURLOPT_CAINFO, authorities)) }
        if !tls.isVerified {
            codes += [
                ccurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0), ccurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0),
            ]
        }
        return codes.first { $0 != CURLE_OK } ?? CURLE_OK
    }
}
