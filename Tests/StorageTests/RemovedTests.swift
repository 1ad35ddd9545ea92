import Chat
import Foundation
import Support
import Testing

@testable import Storage

/// Files that go, or are replaced, while they are in use: writing finds it at once, reading within a second.
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
        try Storage.Database(path: path, messageLimit: 50)
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
        try await until("reading finds it") { (try? await questions(temporary.database)) == nil }
        await expectRefusal("gone") { _ = try await questions(temporary.database) }
        let newcomer = try other()
        await expectRefusal("parley migrate") { try await newcomer.prepare() }
        #expect(!FileManager.default.fileExists(atPath: path))
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        try await temporary.database.record("after", in: session)
        try await newcomer.prepare()
        #expect(try await questions(temporary.database) == ["before", "after"])
        #expect(try await questions(newcomer) == ["before", "after"])
    }

    @Test func aProcessThatHadItOpenMakesNoneEvenWithoutTheLock() async throws {
        for ending in ["", "-wal", "-shm", "-lock"] { try FileManager.default.removeItem(atPath: path + ending) }
        await expectRefusal("gone") { try await temporary.database.record("lost", in: session) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func theOperatorMayBeginAnew() async throws {
        try FileManager.default.removeItem(atPath: path)
        try await other().prepare(beginningAnew: true)
        try await until("reading finds it, and nobody is in the new one") {
            do { _ = try await questions(temporary.database) } catch { return error as? ChatError == .sessionEnded }
            return false
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: temporary.folder)
        #expect(files.contains { $0.contains("-removed-") && $0.hasSuffix("-wal") }, "the old WAL is kept: \(files)")
    }

    @Test(arguments: [[""], ["", "-wal", "-shm"]])
    func aBackupPutInPlaceOfTheOldFileIsUsedWithoutTheOldWAL(_ removed: [String]) async throws {
        let copy = temporary.folder + "/copy"
        _ = try Backup.make(of: path, to: copy)
        for number in 1...20 { try await temporary.database.record("\(number)", in: session) }
        for ending in removed { try FileManager.default.removeItem(atPath: path + ending) }
        try FileManager.default.moveItem(atPath: copy, toPath: path)
        try await until("reading finds it") { (try? await questions(temporary.database)) == ["before"] }
        try await temporary.database.record("after", in: session)
        #expect(try await questions(try other()) == ["before", "after"])
        try await temporary.database.checkIntegrity()
    }

    @Test func aBackupCopiedOverTheFileIsUsedWithoutTheOldWAL() async throws {
        let copy = temporary.folder + "/copy"
        _ = try Backup.make(of: path, to: copy)
        for number in 1...20 { try await temporary.database.record("\(number)", in: session) }
        try Data(contentsOf: URL(fileURLWithPath: copy)).write(to: URL(fileURLWithPath: path))
        try await until("reading finds it") { (try? await questions(temporary.database)) == ["before"] }
        try await temporary.database.record("after", in: session)
        #expect(try await questions(try other()) == ["before", "after"])
        try await temporary.database.checkIntegrity()
    }

    @Test func whatIsNoDatabaseAndWrittenOverTheFileIsFound() async throws {
        let copy = temporary.folder + "/copy"
        _ = try Backup.make(of: path, to: copy)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.write(contentsOf: Data(repeating: 0x5A, count: 65_536))
        try file.close()
        try await until("writing finds it") {
            do { try await temporary.database.record("lost", in: session) } catch let error as ChatError {
                return error.cause?.contains("damaged") == true
            }
            return false
        }
        _ = rename(copy, path)
        try await until("the backup is read") { (try? await questions(temporary.database)) == ["before"] }
        try await temporary.database.record("after", in: session)
        #expect(try await questions(try other()) == ["before", "after"])
    }

    @Test func aFilePutBackAsACopyKeepsItsWAL() async throws {
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        await expectRefusal("gone") { try await temporary.database.record("lost", in: session) }
        try FileManager.default.copyItem(atPath: path + ".away", toPath: path)
        try await temporary.database.record("after", in: session)
        #expect(try await questions(try other()) == ["before", "after"])
    }

    @Test func whatIsOnlyInARemovedWALIsSaved() async throws {
        var expected = ["before"]
        for (number, endings) in [["-wal", "-shm"], ["-wal"], ["-shm"]].enumerated() {
            for ending in endings { try FileManager.default.removeItem(atPath: path + ending) }
            expected.append("after \(number)")
            try await temporary.database.record(expected.last!, in: session)
            #expect(try await questions(temporary.database) == expected)
        }
        #expect(try await questions(try other()) == expected)
        await temporary.database.close()
        #expect(try await questions(temporary.database) == expected)
    }

    @Test func readingHasARemovedWALSaved() async throws {
        try FileManager.default.removeItem(atPath: path + "-wal")
        try await until("the WAL is there again") {
            guard try await questions(temporary.database) == ["before"] else { throw Unexpected(description: "other") }
            return FileManager.default.fileExists(atPath: path + "-wal")
        }
        #expect(try await questions(try other()) == ["before"])
    }

    @Test func aWALThatSomebodyReplacedIsAFaultOnce() async throws {
        try FileManager.default.removeItem(atPath: path + "-wal")
        try Data().write(to: URL(fileURLWithPath: path + "-wal"))
        await expectRefusal("is lost") { try await temporary.database.record("lost", in: session) }
        try await temporary.database.prepare()
        try await temporary.database.checkIntegrity()
        // The first one may have been in the lost WAL only.
        let another = try await temporary.session("b")
        try await temporary.database.record("after", in: another)
        let history = try await temporary.database.history(of: another.principal, limit: 100, before: nil).admitted()
        #expect(history.map(\.question) == ["after"])
    }

    @Test func anUnfinishedBeginningIsTakenBack() async throws {
        let folder = temporary.folder + "/later"
        let database = try Storage.Database(path: folder + "/new.sqlite", messageLimit: 1)
        await #expect(throws: ChatError.self) { try await database.prepare() }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try await database.prepare()
    }
}
