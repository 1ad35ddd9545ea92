import Chat
import Foundation
import GRDB
import Storage
import Testing

/// The log beside the database: what it holds after the end, and how large it may be.
@Suite(.timeLimit(.minutes(2))) struct LogTests {
    private let temporary: TemporaryDatabase
    private let session: Session
    private var log: String { temporary.path + "-wal" }

    init() async throws {
        temporary = try await TemporaryDatabase(messageLimit: 10_000)
        session = try await temporary.session()
    }

    /// What is in a copy of the one file.
    private func questions() throws -> [String] {
        let copy = temporary.folder + "/copy.sqlite"
        try? FileManager.default.removeItem(atPath: copy)
        try FileManager.default.copyItem(atPath: temporary.path, toPath: copy)
        return try DatabaseQueue(path: copy).read {
            try String.fetchAll($0, sql: "SELECT question FROM exchanges ORDER BY id")
        }
    }

    @Test func theLastOneOutLeavesEverythingInTheOneFile() async throws {
        let other = try Storage.Database(path: temporary.path, messageLimit: 10_000)
        try await temporary.database.record("one", in: session)
        try await other.record("two", in: session)
        #expect(try await other.history(of: session.principal, limit: 10, before: nil).admitted().count == 2)
        await other.close()
        #expect(FileManager.default.fileExists(atPath: log), "somebody still needs it")
        try await temporary.database.record("three", in: session)
        #expect(try await temporary.database.live(session.principal, at: Date())?.messagesUsed == 3)
        await temporary.database.close()
        #expect(!FileManager.default.fileExists(atPath: log))
        #expect(try questions() == ["one", "two", "three"])
    }

    @Test func closingHarmsNoFileThatWasPutThereMeanwhile() async throws {
        try await temporary.database.record("old", in: session)
        let copy = temporary.folder + "/backup"
        _ = try Backup.make(of: temporary.path, to: copy)
        try await temporary.database.record("not in the copy", in: session)
        for ending in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: temporary.path + ending) }
        try FileManager.default.copyItem(atPath: copy, toPath: temporary.path)
        await temporary.database.close()
        #expect(try questions() == ["old"])
    }

    @Test func whatALongReadLetItGrowToIsGivenBack() async throws {
        func bytes() throws -> Int {
            try #require(try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int)
        }
        let text = String(repeating: "x", count: 500_000)
        let reader = try DatabasePool(path: temporary.path)
        let snapshot = try reader.makeSnapshot()
        _ = try await snapshot.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sessions") }
        for _ in 0..<24 { try await temporary.database.record(text, in: session) }
        #expect(try bytes() > 12_000_000)
        try snapshot.close()
        try reader.close()
        for number in 0..<4 { try await temporary.database.record("\(number)", in: session) }
        #expect(try bytes() <= 8 << 20)
    }
}
