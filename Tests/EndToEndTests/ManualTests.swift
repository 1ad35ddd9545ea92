import Foundation
import Testing

/// The manual and the other pages: rendered as `make run` renders them, and served.
@Suite(.timeLimit(.minutes(5))) struct ManualTests {
    /// Every link, anchor, type and policy: `Tests/Manual/check` says what is looked at.
    @Test func everyPageIsRenderedAndServedWithWhatItLinksTo() async throws {
        let run = try await Deployment(["DOCS": ""])
        let (code, output, errors) = try await EndToEndTests.run(
            Program.repository + "/Tests/Manual/check",
            [run.folder + "/nginx/pages", run.origin, run.certificate])
        #expect(code == 0, "\(output)\(errors)")
        let front = try await run.get("/")
        #expect(front.status == 200 && front.body.contains(#"href="/chat/""#) && front.body.contains(#"href="/docs/""#))
        try expectError(try await run.get("/docs/nothing.html"), 404)
        let posted = try await run.post("/docs/", [:])
        try expectError(posted, 405)
        #expect(posted.headers["allow"] == "GET, HEAD")
    }

    /// Commands, and programs in Python, JavaScript and Swift, as they would be pasted.
    @Test func theExamplesWorkWhenPasted() async throws {
        let run = try await Deployment()
        let (code, output, errors) = try await EndToEndTests.run(
            Program.repository + "/Tests/Manual/examples", [run.origin, run.certificate])
        #expect(code == 0, "\(output)\(errors)")
        for language in ["python", "swift"] { #expect(output.contains("contract: \(language)"), "\(output)") }
    }

    @Test(arguments: [
        ("", "index.md"), ("# One\n\nText.\n\n## Two\n\n## Two\n", "twice"),
        ("# One\n\n[There](there.md)\n", "there.md"),
    ])
    func aBrokenPageIsRefused(_ text: String, _ reason: String) async throws {
        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.copyItem(atPath: Program.repository + "/nginx", toPath: folder + "/nginx")
        try FileManager.default.copyItem(atPath: Program.repository + "/deploy", toPath: folder + "/deploy")
        // A page of its own that index.md does not list, or one that it lists.
        let page = folder + "/nginx/docs/" + (text.isEmpty ? "other.md" : "limits.md")
        try text.write(toFile: page, atomically: true, encoding: .utf8)
        let (code, _, errors) = try await EndToEndTests.run(
            folder + "/deploy/render-docs", [folder + "/out"],
            environment: ["PATH": "/usr/bin:/bin", "PARLEY": Program.path])
        #expect(code != 0 && errors.contains(reason), "\(errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
    }
}

/// The repository's Markdown.
enum Manual {
    /// - Returns: the blocks for a shell below a heading of the second level.
    static func blocks(_ file: String, section: String) throws -> [String] {
        let text = try String(contentsOfFile: Program.repository + "/" + file, encoding: .utf8)
        let found = try #require(text.components(separatedBy: "\n## ").first { $0.hasPrefix(section + "\n") })
        return found.components(separatedBy: "\n```sh\n").dropFirst().map { block in
            block.components(separatedBy: "\n```\n")[0]
        }
    }
}
