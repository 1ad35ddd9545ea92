import Foundation
import Testing

/// The program's other commands on a deployment's data, and the API keys that one of them makes.
extension Deployment {
    /// Runs the program with the deployment's own secrets.
    ///
    /// - Returns: what it printed, or, where it is to fail, what it said.
    func parley(_ arguments: [String], fails: Bool = false) async throws -> String {
        let ended = try await EndToEndTests.run(
            Program.path, arguments,
            environment: [
                "CHAT_JWT_SECRET": try secret("CHAT_JWT_SECRET"), "CHAT_KEY_SECRET": try secret("CHAT_KEY_SECRET"),
                "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite", "CHAT_ENV_FILE": "",
            ])
        #expect((ended.code != 0) == fails, "\(ended)")
        return fails ? ended.errors : ended.output
    }

    func keyObject(_ arguments: String...) async throws -> [String: Any] { try await keyObject(arguments) }

    func keyObject(_ arguments: [String]) async throws -> [String: Any] {
        let output = try await parley(["key"] + arguments + ["--json"])
        return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
    }

    /// Makes a key.
    ///
    /// - Returns: its secret.
    func key(_ arguments: String...) async throws -> String {
        let output = try await parley(["key", "create", "--json"] + arguments)
        let object = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        return try #require(object?["key"] as? String)
    }

    /// A secret that `make run` made, by the name of its setting.
    func secret(_ name: String) throws -> String {
        let lines = try String(contentsOfFile: "\(folder)/secrets", encoding: .utf8).split(separator: "\n")
        return String(try #require(lines.first { $0.hasPrefix(name + "=") }).dropFirst(name.utf8.count + 1))
    }

    /// Writes a file for `CHAT_PRICES`, in dollars a million tokens of output; those of input cost nothing.
    static func prices(_ model: String, output: Int, in folder: String) throws -> String {
        let path = folder + "/prices.json"
        try #"{"\#(model)": {"input": 0, "output": \#(output)}}"#.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }
}
