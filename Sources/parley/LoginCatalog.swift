import Chat

/// The settings of logging in.
extension Catalog {
    static let authMode = Setting<AuthMode>.choice(
        "CHAT_AUTH_MODE", .open,
        "How people log in. open: with an email address, which is not proved; code: with six digits sent to it; external: with an identity provider."
    )
}

extension SettingSources {
    /// What the way to log in lacks, a line each.
    func loginFaults() -> [String] {
        guard let mode = try? required(Catalog.authMode) else { return [] }
        let needed =
            switch mode {
            case .open: [String]()
            case .code: ["CHAT_SMTP_URL", "CHAT_SMTP_FROM"]
            case .external: ["CHAT_JWKS_URL"]
            }
        return needed.filter { name in !Catalog.all.contains { $0.name == name && find($0) != nil } }
            .map { "CHAT_AUTH_MODE=\(mode.rawValue) needs \($0), which is not set" }
    }
}
