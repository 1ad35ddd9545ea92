import Chat
import Foundation
import Sanitizing
import StrictJSON
import Testing

/// Other people's parsers look at what the sanitizer makes of attacks that are cut, joined and disturbed at random.
///
/// `SANITIZER_CASES` says how many; `make test-sanitizer` has 100,000.
@Suite(.serialized, .timeLimit(.minutes(30))) struct SecondJudgeTests {
    private static let cases = ProcessInfo.processInfo.environment["SANITIZER_CASES"].flatMap { Int($0) } ?? 1_000

    /// html5lib and two Markdown renderers: Tests/Clients/markup_judge.py.
    @Test func smartLeavesNoElementThatActs() async throws {
        var attacks = MutatedAttacks(seed: 1)
        let sanitizer = MessageSanitizer(mode: .smart)
        let texts = (0..<Self.cases).map { _ in sanitizer.review(attacks.next()).text }
        try await judge("markup_judge.py", texts.map { .string($0) })
        // What was clean stays so, and as it is.
        for text in texts { #expect(sanitizer.review(text).text == text) }
    }

    /// nh3 itself: Tests/Clients/nh3_judge.py. At least 999 of 1,000 are alike after trimming.
    @Test func strictGivesWhatNh3Gives() async throws {
        var attacks = MutatedAttacks(seed: 2)
        let sanitizer = MessageSanitizer(mode: .strict)
        let raws = Vectors.attacks.map(\.text) + Vectors.prompts + (0..<Self.cases).map { _ in attacks.next() }
        let pairs = raws.compactMap { raw in
            let review = sanitizer.review(raw)
            return review.danger == "too much markup" ? nil : JSON.array([.string(raw), .string(review.text)])
        }
        #expect(pairs.count > raws.count * 99 / 100)
        try await judge("nh3_judge.py", pairs)
    }
}

/// Runs a script of Tests/Clients over values, one a line.
private func judge(_ script: String, _ values: [JSON]) async throws {
    let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let clients = repository.appending(path: "Tests/Clients")
    let python = repository.appending(path: ".build/clients")
    let folder = FileManager.default.temporaryDirectory.appending(path: "judge-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let input = folder.appending(path: "values")
    try Data(values.map { JSONWriter.value($0) }.joined(separator: [UInt8(ascii: "\n")])).write(to: input)

    try #require(try await run(clients.appending(path: "install"), [python.path], folder, nil) == 0)
    let code = try await run(
        python.appending(path: "bin/python"), ["-B", clients.appending(path: script).path], folder, input)
    let verdict = try String(contentsOf: folder.appending(path: "output"), encoding: .utf8)
    print("\(script): \(verdict.split(separator: "\n").last ?? "nothing")")
    #expect(code == 0, "\(verdict)")
}

private func run(_ program: URL, _ arguments: [String], _ folder: URL, _ input: URL?) async throws -> Int32 {
    let output = folder.appending(path: "output")
    try Data().write(to: output)
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.standardInput = try input.map(FileHandle.init(forReadingFrom:)) ?? FileHandle.nullDevice
    let written = try FileHandle(forWritingTo: output)
    process.standardOutput = written
    process.standardError = written
    return try await withCheckedThrowingContinuation { outcome in
        process.terminationHandler = { outcome.resume(returning: $0.terminationStatus) }
        do { try process.run() } catch { outcome.resume(throwing: error) }
    }
}
