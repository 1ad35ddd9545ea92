import Foundation
import Testing

extension Deployment {
    /// Makes an API key with the command line's options.
    ///
    /// - Returns: its secret.
    func newKey(_ options: String...) async throws -> String {
        func secret(_ name: String) throws -> String {
            try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8).filter { $0 != "\n" }
        }
        let made = try await EndToEndTests.run(
            Program.path, ["key", "create", "--json"] + options,
            environment: [
                "CHAT_JWT_SECRET": try secret("jwt-secret"), "CHAT_KEY_SECRET": try secret("key-secret"),
                "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite", "CHAT_ENV_FILE": "",
            ])
        let object = try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any]
        return try #require(object?["key"] as? String, "\(made)")
    }
}
