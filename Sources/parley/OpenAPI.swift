import API
import ArgumentParser

struct OpenAPI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openapi", abstract: "Prints the HTTP contract as openapi.json.",
        discussion: "OpenAPI 3.1, as nginx serves it at /openapi.json. It is the same whatever the settings are.")

    func run() { print(String(decoding: Contract.document(version: Version.text), as: UTF8.self), terminator: "") }
}
