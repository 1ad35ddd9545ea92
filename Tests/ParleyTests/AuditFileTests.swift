import Chat
import Foundation
import Logging
import Testing

@testable import parley

/// The audit log's own file, and what it is told of settings.
@Suite(.timeLimit(.minutes(1))) struct AuditFileTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/audit-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false) }

    private func settings(_ more: [String: String]) throws -> Settings {
        let environment = [
            "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
            "CHAT_DATABASE_URL": "sqlite:\(folder)/parley.sqlite",
        ].merging(more) { $1 }
        return try Settings(SettingSources(environment: environment, file: ""), cores: 2)
    }

    @Test func aLineThatAnotherProcessLeftUnfinishedSwallowsNone() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/audit.jsonl"
        let audit = try #require(
            try AuditFile(try settings(["CHAT_AUDIT_LOG": file]).sources, Logger(label: "audit")))
        audit.record(AuditEvent(.purged, count: 1))
        let other = try #require(FileHandle(forWritingAtPath: file))
        try other.seekToEnd()
        try other.write(contentsOf: Data(#"{"time":"20"#.utf8))
        audit.record(AuditEvent(.purged, count: 2))
        audit.record(AuditEvent(.purged, count: 3))
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4 && lines[1] == #"{"time":"20"#)
        let counts = try [0, 2, 3].map { index in
            (try JSONSerialization.jsonObject(with: Data(lines[index].utf8)) as? [String: Any])?["count"] as? Int
        }
        #expect(counts == [1, 2, 3])
    }

    @Test func settingsAreTheSameUntilTheyOrTheirFilesChange() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let prompt = folder + "/prompt"
        try Data("Be brief.".utf8).write(to: URL(fileURLWithPath: prompt))
        let before = SettingDigests(try settings(["CHAT_SYSTEM_PROMPT_FILE": prompt, "CHAT_RETRIES": "1"]))
        func changed(_ more: [String: String]) throws -> [String] {
            SettingDigests(
                try settings(["CHAT_SYSTEM_PROMPT_FILE": prompt, "CHAT_RETRIES": "1"].merging(more) { $1 }),
                after: before
            ).changed(since: before)
        }
        #expect(try changed([:]).isEmpty)
        #expect(try changed(["CHAT_RETRIES": "2"]) == ["CHAT_RETRIES"])
        #expect(try changed(["CHAT_JWT_SECRET": String(repeating: "t", count: 32)]) == ["CHAT_JWT_SECRET"])
        try Data("Be thorough.".utf8).write(to: URL(fileURLWithPath: prompt))
        #expect(try changed([:]) == ["CHAT_SYSTEM_PROMPT_FILE"])
    }
}
