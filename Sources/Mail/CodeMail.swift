import Chat
import Glibc

/// The mail that a code comes in (RFC 5322). Nothing of it but the recipient's address comes from a caller, and no
/// address can have white space or a control character.
struct CodeMail: Sendable {
    let code: LoginCode
    let sender: Email
    let recipient: Email
    /// What to log in to.
    let site: String
    /// Seconds since 1970.
    let date: Int
    /// Letters, digits, `-` and `_`, of this mail alone.
    let id: String

    var bytes: [UInt8] {
        let domain = sender.address.split(separator: "@")[1]
        let lines = [
            "From: <\(sender.address)>",
            "To: <\(recipient.address)>",
            "Subject: Your code for \(site)",
            "Date: \(Self.text(of: date))",
            "Message-ID: <\(id)@\(domain)>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            "Somebody, most likely you, is logging in to \(site) with this address. The code is",
            "",
            "    \(code.digits)",
            "",
            "It is good for \(Int(LoginCode.lifetime) / 60) minutes, once. Give it to nobody: who has it can be you there.",
            "If it was not you, there is nothing to do: without the code nobody gets in.",
            "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// In the words of RFC 5322, 3.3, which are those of the C locale.
    private static func text(of seconds: Int) -> String {
        var (time, parts) = (time_t(seconds), tm())
        gmtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S +0000", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
