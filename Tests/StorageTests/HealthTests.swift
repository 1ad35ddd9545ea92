import Chat
import Foundation
import GRDB
import Support
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(2))) struct HealthTests {
    /// A writer that has had no success for a second is one that never had any.
    private func quiet(_ temporary: TemporaryDatabase) throws -> Storage.Database {
        try Storage.Database(path: temporary.path, messageLimit: 50)
    }

    @Test func aWellDatabaseHasNoFault() async throws {
        let temporary = try await TemporaryDatabase()
        #expect(await temporary.database.health() == DatabaseHealth(reading: nil, writing: nil, cause: nil))
        let quiet = try quiet(temporary)
        #expect(await quiet.health().writing == nil)
    }

    @Test func theProbeReallyWrites() async throws {
        let temporary = try await TemporaryDatabase()
        let quiet = try quiet(temporary)
        try await quiet.writer.attempt { try $0.execute(sql: "PRAGMA query_only = ON") }
        quiet.writer.forgetSuccess()
        let health = await quiet.health()
        #expect(health.reading == nil && health.writing != nil, "\(health)")
        #expect(health.cause?.contains("readonly") == true)
    }

    @Test func manyWhoAskShareOneProbe() async throws {
        let temporary = try await TemporaryDatabase()
        let quiet = try quiet(temporary)
        let log = temporary.path + "-wal"
        func size() throws -> Int {
            try #require(FileManager.default.attributesOfItem(atPath: log)[.size] as? Int)
        }
        _ = await quiet.health()
        let (before, start) = (try size(), ContinuousClock.now)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { #expect(await quiet.health().writing == nil) } }
        }
        let seconds = Int((ContinuousClock.now - start).components.seconds) + 1
        #expect(try (size() - before) / 4_096 <= seconds, "a page for each second, at the most")
    }

    @Test func aLockThatIsHeldForEverIsFound() async throws {
        let temporary = try await TemporaryDatabase()
        let quiet = try quiet(temporary)
        #expect(await quiet.health().reading == nil)
        quiet.writer.forgetSuccess()
        let descriptor = open(temporary.path + "-lock", O_RDWR)
        flock(descriptor, LOCK_EX)
        let health = await quiet.health()
        #expect(health == DatabaseHealth(reading: nil, writing: .locked, cause: health.cause))
        close(descriptor)
        try await quiet.prepare()
        #expect(await quiet.health().writing == nil)
    }

    @Test func aRemovedFileIsNamed() async throws {
        let temporary = try await TemporaryDatabase()
        try FileManager.default.removeItem(atPath: temporary.path)
        temporary.database.writer.forgetSuccess()
        try await until("reading finds it as well") { await temporary.database.health().reading == .removed }
        #expect(await temporary.database.health().writing == .removed)
    }
}
