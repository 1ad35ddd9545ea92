import ArgumentParser
import FoundationEssentials

/// How `parley check` looks at a deployment.
struct DeployedOptions: ParsableArguments {
    @Option(help: "The deployment's address, such as https://chat.example.com.")
    var url: String?

    @Option(help: ArgumentHelp("A PEM file of the authorities to believe instead of the system's.", valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "The account to log in with where an address is enough (parley-check@example.com).", valueName: "address"))
    var account: String?

    @Option(
        help: ArgumentHelp(
            """
            A file with a session's token, an identity provider's or an API key, to ask with instead of a login; - reads \
            standard input.
            """, valueName: "file"))
    var tokenFile: String?

    @Flag(help: "Ask no question.")
    var noQuestion = false

    @Flag(help: "Do not use up the rate of this machine's address.")
    var noLimits = false

    @Option(
        help: ArgumentHelp("How long to wait for each reply (15; for an answer of a model 75).", valueName: "seconds"))
    var timeout: Int?

    func validate() throws {
        if let timeout, !(1...3_600).contains(timeout) { throw ValidationError("--timeout is from 1 to 3600 s") }
    }

    /// Whether any is given but the address.
    var isAny: Bool {
        ca != nil || account != nil || tokenFile != nil || noQuestion || noLimits || timeout != nil
    }

    /// - Throws: a `ValidationError` when the file cannot be read or holds no token.
    func token() throws -> String? {
        guard let tokenFile else { return nil }
        var text: String
        if tokenFile == "-" {
            text = readLine() ?? ""
        } else {
            do { text = try String(contentsOfFile: tokenFile, encoding: .utf8) } catch {
                throw ValidationError("--token-file \(tokenFile) cannot be read")
            }
        }
        text = String(text.filter { !$0.isWhitespace })
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ValidationError("--token-file \(tokenFile) holds no token")
        }
        return text
    }
}
