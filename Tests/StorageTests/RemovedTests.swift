import Chat
import Foundation
import GRDB
import Testing

@testable import Storage

/// Files that go while they are in use.
@Suite(.timeLimit(.minutes(2))) struct RemovedTests {
    private let temporary: TemporaryDatabase
    private let session: Session
    private var path: String { temporary.path }

    init() async throws {
        temporary = try await TemporaryDatabase()
        session = try await temporary.session()
        try await temporary.database.record("before", in: session)
    }

    private func other() throws -> Storage.Database {
        try Storage.Database(path: path, messageLimit: 50, reservationLifetime: .seconds(60))
    }

    private func questions(_ database: Storage.Database) async throws -> [String] {
        try await database.history(of: session.principal, limit: 100, before: nil).admitted().map(\.question)
    }

    private func expectRefusal(_ part: String, _ work: () async throws -> Void) async {
        let error = await #expect(throws: ChatError.self) { try await work() }
        #expect(error?.code == .unavailable && error?.retryAfter != nil, "\(String(describing: error))")
        #expect(error?.cause?.contains(part) == true, "\(error?.cause ?? "")")
        #expect(error?.message.contains(path) == false, "paths stay in the cause")
    }

    @Test func nothingIsAcknowledgedIntoARemovedFileAndItIsNotMadeAnew() async throws {
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        await expectRefusal("gone") { try await temporary.database.record("lost", in: session) }
        await expectRefusal("gone") { _ = try await temporary.database.live(session.principal, at: Date()) }
        let newcomer = try other()
        await expectRefusal("parley migrate") { try await newcomer.prepare() }
        #expect(!FileManager.default.fileExists(atPath: path))
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        try await temporary.database.record("after", in: session)
        try await newcomer.prepare()
        #expect(try await questions(temporary.database) == ["before", "after"])
        #expect(try await questions(newcomer) == ["before", "after"])
    }

    @Test func aFileWrittenInPlaceOfTheOldOneIsFound() async throws {
        let copy = temporary.folder + "/copy"
        _ = try Backup.make(of: path, to: copy)
        try await temporary.database.record("not in the copy", in: session)
        for ending in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: path + ending) }
        try FileManager.default.moveItem(atPath: copy, toPath: path)
        #expect(try await questions(temporary.database) == ["before"])
        try await temporary.database.record("after", in: session)
        #expect(try await questions(try other()) == ["before", "after"])
    }

    @Test func aProcessThatHadItOpenMakesNoneEvenWithoutTheLock() async throws {
        for ending in ["", "-wal", "-shm", "-lock"] { try FileManager.default.removeItem(atPath: path + ending) }
        await expectRefusal("gone") { try await temporary.database.record("lost", in: session) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func theOperatorMayBeginAnew() async throws {
        try FileManager.default.removeItem(atPath: path)
        try await other().prepare(beginningAnew: true)
        await #expect(throws: ChatError.sessionEnded, "nobody is in the new one") {
            _ = try await questions(temporary.database)
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: temporary.folder)
        #expect(files.contains { $0.contains("-removed-") && $0.hasSuffix("-wal") }, "the old log is kept: \(files)")
    }

    @Test func whatIsOnlyInARemovedLogIsSaved() async throws {
        for number in 1...3 {
            for ending in ["-wal", "-shm"] where number != 2 || ending == "-wal" {
                try FileManager.default.removeItem(atPath: path + ending)
            }
            #expect(try await questions(temporary.database).count == number, "reading asks for the mending")
            try await temporary.database.record("after \(number)", in: session)
        }
        #expect(try await questions(try other()) == ["before", "after 1", "after 2", "after 3"])
    }

    @Test func aNewcomerWaitsUntilTheRemovedLogIsSaved() async throws {
        try FileManager.default.removeItem(atPath: path + "-wal")
        let newcomer = try other()
        await expectRefusal("log was removed") { try await newcomer.prepare() }
        try await temporary.database.record("after", in: session)
        #expect(try await questions(newcomer) == ["before", "after"])
    }

    @Test func aCopyPutThereByHandIsNotMixedWithTheOldLog() async throws {
        let copy = temporary.folder + "/copy"
        _ = try Backup.make(of: path, to: copy)
        for number in 1...20 { try await temporary.database.record("\(number)", in: session) }
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: copy, toPath: path)
        #expect(try await questions(temporary.database) == ["before"])
        try await temporary.database.record("after", in: session)
        try await temporary.database.checkIntegrity()
    }

    @Test func anUnfinishedBeginningIsTakenBack() async throws {
        let folder = temporary.folder + "/later"
        let database = try Storage.Database(path: folder + "/new.sqlite", messageLimit: 1, reservationLifetime: .zero)
        await #expect(throws: ChatError.self) { try await database.prepare() }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try await database.prepare()
    }
}
