import Chat
import Foundation
import GRDB
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(2))) struct FaultTests {
    private func isUnavailable(_ error: any Error) -> Bool { (error as? ChatError)?.code == .unavailable }

    @Test func aLockedDatabaseIsUnavailableAndThenWellAgain() async throws {
        let temporary = try await TemporaryDatabase()
        let session = try await temporary.session()
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let blocker = try DatabaseQueue(path: temporary.path, configuration: configuration)
        try blocker.inDatabase { try $0.execute(sql: "BEGIN EXCLUSIVE") }
        let error = await #expect(throws: ChatError.self) { try await temporary.database.record("q", in: session) }
        #expect(error?.code == .unavailable && error?.cause?.contains("locked") == true)
        // Many that wait are told together: each alone would wait for all the others' time-outs.
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<30 {
                group.addTask { _ = try? await temporary.database.record("q\(number)", in: session) }
            }
        }
        #expect(ContinuousClock.now - start < .seconds(20))
        try blocker.inDatabase { try $0.execute(sql: "COMMIT") }
        try await temporary.database.record("q", in: session)
    }

    @Test func emptiesALongLogAndLeavesAShortOne() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 200)
        let session = try await temporary.session()
        func logBytes() throws -> Int {
            try #require(try FileManager.default.attributesOfItem(atPath: temporary.path + "-wal")[.size] as? Int)
        }
        try await temporary.database.record("q", in: session)
        let short = try logBytes()
        try await temporary.database.checkpoint()
        #expect(try logBytes() == short)
        for _ in 1...60 { try await temporary.database.record(String(repeating: "long ", count: 4_000), in: session) }
        #expect(try logBytes() > 1 << 20)
        try await temporary.database.checkpoint()
        #expect(try logBytes() == 0)
        try await temporary.database.record("after", in: session)
        #expect(try logBytes() > 0)
    }

    @Test func aReadOnlyDatabaseIsUnavailableAndOpenedAnew() async throws {
        let temporary = try await TemporaryDatabase()
        let session = try await temporary.session()
        try await temporary.database.writer.write { try $0.database.execute(sql: "PRAGMA query_only = ON") }
        let error = await #expect(throws: ChatError.self) { try await temporary.database.record("q", in: session) }
        #expect(error?.code == .unavailable && error?.cause?.contains("readonly") == true)
        try await temporary.database.record("q", in: session)
    }

    @Test func aDamagedFileIsUnavailableAndServiceResumesOnceItIsReplaced() async throws {
        let temporary = try await TemporaryDatabase()
        let copy = try Data(contentsOf: URL(fileURLWithPath: temporary.path))
        let fresh = try Storage.Database(
            path: temporary.folder + "/other.sqlite", messageLimit: 1)
        try Data(repeating: 0x5A, count: 8_192).write(to: URL(fileURLWithPath: temporary.folder + "/other.sqlite"))
        await #expect(throws: ChatError.self) { try await fresh.prepare() }
        await #expect(throws: ChatError.self) { try await fresh.checkIntegrity() }
        try copy.write(to: URL(fileURLWithPath: temporary.folder + "/other.sqlite"))
        try await fresh.prepare()
        try await fresh.checkIntegrity()
    }

    @Test func aMissingFolderIsUnavailable() async throws {
        let database = try Storage.Database(path: "/nowhere/parley.sqlite", messageLimit: 1)
        let error = await #expect(throws: ChatError.self) { try await database.prepare() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("nowhere") == false, "paths stay in the cause")
    }

    @Test func aFullFileKeepsWhatWasAcknowledgedAndRefusesTheRest() async throws {
        let temporary = try await TemporaryDatabase()
        let session = try await temporary.session()
        try await temporary.database.record("acknowledged", in: session)
        // The page limit is SQLite's own way to a full disk: the same SQLITE_FULL.
        try await temporary.database.writer.write { db in
            let pages = try Int.fetchOne(db.database, sql: "PRAGMA page_count")!
            try db.database.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
        let error = await #expect(throws: ChatError.self) {
            try await temporary.database.record(String(repeating: "x", count: 50_000), in: session)
        }
        #expect(error?.code == .unavailable && error?.cause?.contains("full") == true)
        try await temporary.database.writer.write { try $0.database.execute(sql: "PRAGMA max_page_count = 1000000") }
        try await temporary.database.record("after", in: session)
        let history = try await temporary.database.history(of: session.principal, limit: 10, before: nil).admitted()
        #expect(history.map(\.question) == ["acknowledged", "after"])
        #expect(try await temporary.database.live(session.principal, at: Date())?.messagesUsed == 2)
    }

    @Test func aNewerSchemaIsRefused() async throws {
        let temporary = try await TemporaryDatabase()
        try await DatabaseQueue(path: temporary.path).write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('999 from the future')")
        }
        let database = try Storage.Database(path: temporary.path, messageLimit: 1)
        let error = await #expect(throws: ChatError.self) { try await database.prepare() }
        #expect(error?.cause?.contains("newer version") == true)
    }
}

@Suite(.timeLimit(.minutes(2))) struct GroupCommitTests {
    @Test func oneBadWriteTakesNoOtherDown() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 1_000)
        let session = try await temporary.session()
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<100 {
                group.addTask {
                    do {
                        if number % 10 == 0 {
                            try await temporary.database.writer.write { db in
                                try db.database.execute(sql: "UPDATE sessions SET messages_used = messages_used + 1000")
                                try db.database.execute(sql: "INSERT INTO nonsense VALUES (1)")
                            }
                        } else {
                            try await temporary.database.record("question \(number)", in: session)
                        }
                        return true
                    } catch { return false }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(outcomes == 90)
        #expect(try await temporary.database.live(session.principal, at: Date())?.messagesUsed == 90)
    }

    @Test func aRefusalAfterAChangeUndoesTheChange() async throws {
        let temporary = try await TemporaryDatabase()
        let session = try await temporary.session()
        await #expect(throws: ChatError.self) {
            try await temporary.database.writer.write { db in
                try db.database.execute(sql: "UPDATE sessions SET messages_used = 40")
                throw ChatError.quotaExceeded(limit: 1)
            }
        }
        #expect(try await temporary.database.live(session.principal, at: Date())?.messagesUsed == 0)
    }

    @Test func severalDatabasesOnOneFileLoseNothing() async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 10_000)
        let session = try await temporary.session()
        let others = try (0..<3).map { _ in
            try Storage.Database(path: temporary.path, messageLimit: 10_000)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                let database = others[number % 3]
                group.addTask { try await database.record("question \(number)", in: session) }
            }
            try await group.waitForAll()
        }
        #expect(try await temporary.database.live(session.principal, at: Date())?.messagesUsed == 300)
    }
}
