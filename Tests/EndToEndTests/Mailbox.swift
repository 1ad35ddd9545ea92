import Foundation
import Testing

/// A mail server of Tests/Clients/mailbox.py, which ends with this value.
final class Mailbox: Sendable {
    struct Mail: Sendable, Decodable {
        let from: String
        let to: [String]
        let headers: [String: String]
        let text: String
        let tls: Bool
        let user: String?

        /// The only six digits in a row.
        var code: String? {
            text.split { !$0.isNumber }.map(String.init).first { $0.utf8.count == 6 }
        }
    }

    private let process: RunningProcess
    private let folder: String
    private let settings: [String: String]

    /// - Parameters:
    ///   - kind: smtps, starttls, clear or bare.
    ///   - login: the name and the password that it wants.
    init(_ kind: String, login: (user: String, password: String)? = nil) async throws {
        let python = Program.repository + "/.build/clients"
        let installed = try await EndToEndTests.run(
            Program.repository + "/Tests/Clients/install", [python], environment: ProcessInfo.processInfo.environment)
        try #require(installed.code == 0, "\(installed.errors)")
        folder = try Deployment.newFolder()
        process = try RunningProcess(
            python + "/bin/python",
            [Program.repository + "/Tests/Clients/mailbox.py", folder, kind]
                + (login.map { [$0.user, $0.password] } ?? []),
            environment: ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 })
        let said = try await process.output(until: "\n")
        let port = try #require(said.split(separator: "\n")[0].split(separator: " ").last)
        var settings = [
            "CHAT_AUTH_MODE": "code", "CHAT_SMTP_URL": "\(kind == "smtps" ? "smtps" : "smtp")://localhost:\(port)",
            "CHAT_SMTP_FROM": "parley@example.org", "CHAT_SMTP_CA_FILE": folder + "/certificate.pem",
        ]
        if kind == "clear" { settings["CHAT_SMTP_TLS"] = "off" }
        if let login { (settings["CHAT_SMTP_USER"], settings["CHAT_SMTP_PASSWORD"]) = (login.user, login.password) }
        self.settings = settings
    }

    deinit {
        process.signal(SIGTERM)
        process.waitBlocking()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The file that has all mails, a line each.
    var file: String { folder + "/mails" }

    /// What a program needs to send its codes here.
    func settings(_ others: [String: String] = [:]) -> [String: String] { settings.merging(others) { $1 } }

    /// - Returns: all mails to an address, once there are so many.
    func mails(to address: String, count: Int = 1) async throws -> [Mail] {
        @Sendable func parse(_ text: String) -> [Mail] {
            text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Mail.self, from: Data($0.utf8)) }
                .filter { $0.to == [address] }
        }
        return parse(try await process.output(until: "mail \(count) to \(address)") { parse($0).count >= count })
    }
}

extension Deployment {
    /// Asks for a code, and opens a session with it.
    func logIn(_ email: String, by mailbox: Mailbox, mail number: Int = 1) async throws -> Reply {
        let asked = try await post("/auth/email", ["email": email])
        try #require(asked.status == 202, "\(asked)\(log)")
        let code = try #require(try await mailbox.mails(to: email, count: number)[number - 1].code)
        return try await post("/auth/email", ["email": email, "code": code])
    }
}
