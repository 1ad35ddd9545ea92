import Foundation
import Testing

/// The short form of `make soak`: reloads, kills, a stuck worker and a full disk under load, half a minute in all.
@Suite(.timeLimit(.minutes(15))) struct SoakTests {
    @Test func losesNothingUnderFaults() async throws {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CHAT_") }
        environment["PARLEY"] = Program.path
        let port = try freePort()
        // It was given this port and no other: the next one is taken.
        let neighbour = try? occupy(port + 1)
        defer { if let neighbour { close(neighbour) } }
        environment["SOAK_PORT"] = String(port)
        let (code, output, errors) = try await run(
            Program.repository + "/Tests/Load/soak", ["--short"], environment: environment)
        #expect(code == 0, "\(output)\(errors)")
        // What a machine cannot do is said in the test's output: the part with the disk needs root.
        for line in output.split(separator: "\n") where line.contains("SKIPPED") { print(line) }
    }
}
