import Foundation
import GRDB
import Testing

/// A purge that is ended before it is done: what went by then is in the audit log.
@Suite(.timeLimit(.minutes(2))) final class PurgeEndTests {
    private static let count = 200_000
    private let folder: String

    init() throws { folder = try Deployment.newFolder() }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    @Test(
        arguments: [
            (["purge", "--days", "7"], SIGINT, 128 + SIGINT), (["purge", "--days", "7"], SIGTERM, 128 + SIGTERM),
            (["serve"], SIGTERM, 0),
        ] as [([String], Int32, Int32)])
    func whatWentIsInTheAuditLog(_ arguments: [String], _ signal: Int32, code: Int32) async throws {
        let (file, log) = (folder + "/parley.sqlite", folder + "/audit.jsonl")
        let environment = [
            "PATH": "/usr/bin:/bin", "CHAT_ENV_FILE": "", "CHAT_JWT_SECRET": String(repeating: "s", count: 32),
            "CHAT_DATABASE_URL": "sqlite:" + file, "CHAT_SOCKET": folder + "/s", "CHAT_AUDIT_LOG": log,
            "CHAT_RETENTION_DAYS": "7", "CHAT_WORKERS": "1",
        ]
        let migrated = try await run(Program.path, ["migrate"], environment: environment)
        try #require(migrated.code == 0, "\(migrated)")
        // Of nobody's session.
        var configuration = GRDB.Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: file, configuration: configuration)
        try await queue.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?)
                    INSERT INTO exchanges (id, session_id, created_at, origin, prompt_tokens, completion_tokens,
                        total_tokens, question, answer)
                    SELECT id, 'nobody', id, 'model', 0, 0, 0, 'question', 'answer' FROM n
                    """, arguments: [Self.count])
        }
        /// Those with the lowest ids go first.
        func gone() async throws -> Int {
            try await queue.read { db in
                (try Int.fetchOne(db, sql: "SELECT min(id) FROM exchanges") ?? Self.count + 1) - 1
            }
        }

        let process = try RunningProcess(Program.path, arguments, environment: environment)
        defer { process.signal(SIGKILL) }
        let limit = ContinuousClock.now + .seconds(60)
        while try await gone() == 0 {
            try #require(ContinuousClock.now < limit, "\(process.errors)")
            await Task.yield()
        }
        process.signal(signal)
        #expect(await process.end() == code, "\(process.errors)")

        let count = try await gone()
        #expect(count < Self.count, "it was ended before it was done")
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1 && lines[0].contains(#""action":"purged""#), "\(lines)")
        #expect(lines.first?.contains("\"count\":\(count),") == true, "\(count) of \(lines)")
        if arguments[0] == "purge" {
            #expect(await process.everything().output.hasPrefix("Deleted: \(count) exchanges, "))
        }
    }
}
