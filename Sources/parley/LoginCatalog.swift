import Chat
import FoundationEssentials
import Mail

/// The settings of logging in.
extension Catalog {
    static let authMode = Setting<AuthMode>.choice(
        "CHAT_AUTH_MODE", .open,
        "How people log in. open: with an email address, which is not proved; code: with six digits sent to it; external: with an identity provider."
    )
    static let smtpURL = Setting<String>(
        "CHAT_SMTP_URL", nil,
        "Server that takes the mail with codes: smtps://HOST, or smtp://HOST for STARTTLS; ports 465 and 587 by default."
    ) { text throws(SettingFault) in
        do throws(MailServer.Fault) { _ = try MailServer(url: text) } catch {
            throw SettingFault("takes smtps://HOST or smtp://HOST: \(error.reason)")
        }
        return text
    }
    static let smtpFrom = Setting<Email>("CHAT_SMTP_FROM", nil, "Address that codes come from.") {
        text throws(SettingFault) in
        do { return try Email(text) } catch { throw SettingFault("must be an address such as name@example.com") }
    }
    static let smtpUser = Setting.text(
        "CHAT_SMTP_USER", nil, "Name that the mail server knows this program by, if it wants one.")
    static let smtpPassword = Setting.text("CHAT_SMTP_PASSWORD", nil, "Password of that name.", isSecret: true)
    static let smtpTLS = Setting<MailServer.Security>.choice(
        "CHAT_SMTP_TLS", .required,
        "required: without TLS no mail is sent; off: in clear, to a relay on this machine only, port 25 by default.")
    static let smtpAuthorities = Setting<String>(
        "CHAT_SMTP_CA_FILE", nil,
        "File of certificates, in PEM, that may vouch for the mail server instead of the system's."
    ) { text throws(SettingFault) in
        _ = try SettingFile.contents(of: text, atMost: 1 << 20)
        return text
    }
    static let codesPerMailbox = Setting.whole(
        "CHAT_CODES_PER_MAILBOX", 20, 1...10_000, "Codes that one mailbox is sent in a day, a quarter of them at once.")
    static let codesPerClient = Setting.whole(
        "CHAT_CODES_PER_CLIENT", 200, 1...1_000_000,
        "Codes that one network address may ask for in a day, a quarter of them at once.")
}

extension SettingSources {
    /// What the way to log in lacks, a line each.
    func loginFaults() -> [String] {
        guard let mode = try? required(Catalog.authMode) else { return [] }
        let needed =
            switch mode {
            case .open: [String]()
            case .code: [Catalog.smtpURL.name, Catalog.smtpFrom.name]
            case .external: [Catalog.jwksURL.name, Catalog.issuer.name, Catalog.audience.name]
            }
        let missing = needed.filter { name in !Catalog.all.contains { $0.name == name && find($0) != nil } }
        guard missing.isEmpty else {
            return missing.map { "CHAT_AUTH_MODE=\(mode.rawValue) needs \($0), which is not set" }
        }
        do throws(SettingFault) {
            switch mode {
            case .open: break
            case .code: _ = try mailServer()
            case .external: _ = try pageLogin()
            }
        } catch { return [error.reason] }
        return []
    }

    /// Where codes are sent by.
    func mailServer() throws(SettingFault) -> MailServer {
        let (user, password) = (try optional(Catalog.smtpUser), try optional(Catalog.smtpPassword))
        guard (user == nil) == (password == nil) else {
            throw SettingFault("CHAT_SMTP_USER and CHAT_SMTP_PASSWORD go together: only one of them is set")
        }
        var login: (user: String, password: String)?
        if let user, let password { login = (user, password) }
        let (url, security) = (try required(Catalog.smtpURL), try required(Catalog.smtpTLS))
        let authorities = try optional(Catalog.smtpAuthorities)
        do throws(MailServer.Fault) {
            return try MailServer(url: url, login: login, security: security, authorities: authorities)
        } catch {
            throw SettingFault("CHAT_SMTP_URL and CHAT_SMTP_TLS do not fit: \(error.reason)")
        }
    }
}
