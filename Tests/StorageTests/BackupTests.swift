import Chat
import Foundation
import GRDB
import Support
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(2))) struct BackupTests {
    private let temporary: TemporaryDatabase
    private let session: Session
    private var path: String { temporary.path }
    private var file: String { temporary.folder + "/backup" }

    init() async throws {
        temporary = try await TemporaryDatabase(messageLimit: 10_000)
        session = try await temporary.session()
        for number in 1...3 { try await temporary.database.record("\(number)", in: session) }
    }

    private var questions: [String] {
        get async throws {
            try await temporary.database.history(of: session.principal, limit: 100, before: nil).admitted().map(
                \.question)
        }
    }

    private var names: Set<String> {
        Set((try? FileManager.default.contentsOfDirectory(atPath: temporary.folder)) ?? [])
    }

    private func expectRefusal(_ part: String, _ work: () throws -> Void) {
        let before = names
        let error = #expect(throws: BackupError.self) { try work() }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        // The lock's file is a beginning's, not the backup's.
        #expect(names.subtracting(before).isEmpty, "nothing is left behind")
    }

    @Test func aBackupIsOneWholePrivateFile() throws {
        let report = try Backup.make(of: path, to: file)
        #expect(report.exchanges == 3)
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.size] as? Int == report.bytes && attributes[.posixPermissions] as? Int == 0o600)
        #expect(names.filter { $0.hasPrefix("backup") } == ["backup"])
        #expect(FileManager.default.contents(atPath: file)?[18...19] == Data([1, 1]), "no log belongs to it")
        expectRefusal("there already") { _ = try Backup.make(of: path, to: file) }
        expectRefusal("the database itself") { _ = try Backup.make(of: path, to: path) }
    }

    @Test func aBackupUnderWritesIsAsOfOneInstant() async throws {
        let done = Task { [temporary, session] in
            var number = 4
            while !Task.isCancelled {
                try await temporary.database.record("\(number)", in: session)
                number += 1
            }
            return number - 1
        }
        for round in 0..<5 {
            let report = try Backup.make(of: path, to: file + "\(round)")
            let copy = try DatabaseQueue(path: file + "\(round)")
            let (used, questions) = try await copy.read { db in
                (
                    try Int.fetchOne(db, sql: "SELECT messages_used FROM sessions"),
                    try String.fetchAll(db, sql: "SELECT question FROM exchanges ORDER BY id")
                )
            }
            #expect(used == report.exchanges && questions == (1...report.exchanges).map(String.init))
        }
        done.cancel()
        _ = try await done.value
    }

    @Test func whatCannotBeBackedUpLeavesNothing() async throws {
        expectRefusal("gone") { _ = try Backup.make(of: temporary.folder + "/none", to: file) }
        let damaged = temporary.folder + "/damaged"
        try Data(repeating: 0x5A, count: 8_192).write(to: URL(fileURLWithPath: damaged))
        expectRefusal("damaged") { _ = try Backup.make(of: damaged, to: file) }
        let foreign = temporary.folder + "/foreign"
        try await DatabaseQueue(path: foreign).write { try $0.execute(sql: "CREATE TABLE t (a)") }
        expectRefusal("no database of Parley") { _ = try Backup.make(of: foreign, to: file) }
    }

    @Test func restoringInPlaceKeepsTheFormerAndTheInode() async throws {
        _ = try Backup.make(of: path, to: file)
        try await temporary.database.record("later", in: session)
        _ = try await temporary.database.reserved(in: session)
        let before = try #require(try FileIdentity(path))
        let restored = try Backup.restore(file, to: path)
        #expect(try FileIdentity(path) == before && restored.exchanges == 3 && !restored.wasUnusable)
        #expect(try await questions == ["1", "2", "3"])
        try await temporary.database.record("after", in: session)
        let former = try #require(restored.former)
        #expect(former.contains("-before-restore-"))
        let count = try await DatabaseQueue(path: former).read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM exchanges")
        }
        #expect(count == 4)
        let places = try await temporary.database.reader.attempt { db in
            try Int.fetchOne(db, sql: "SELECT (SELECT count(*) FROM reservations) + (SELECT count(*) FROM leases)")
        }
        #expect(places == 0)
        #expect(names.allSatisfy { !$0.hasSuffix(".partial") && !$0.contains("-restoring") }, "\(names)")
    }

    @Test func whatAKilledRestoreLeftIsNamedAndRemoved() throws {
        _ = try Backup.make(of: path, to: file)
        let left = path + "-before-restore-20260101T000000Z.partial"
        let (running, other) = (path + "-before-restore-20260102T000000Z.partial", temporary.folder + "/other.partial")
        for name in [left, running, other] { try FileManager.default.copyItem(atPath: file, toPath: name) }
        try Data().write(to: URL(fileURLWithPath: left + "-journal"))
        let descriptor = open(running, O_RDWR)
        defer { close(descriptor) }
        flock(descriptor, LOCK_EX)
        #expect(Backup.leftovers(of: path) == [left])
        #expect(try Backup.restore(file, to: path).leftovers == [left])
        #expect(names.filter { $0.contains(".partial") }.count == 2, "\(names)")
        #expect(Backup.leftovers(of: path).isEmpty)
    }

    @Test func damageInTheMiddleIsFoundByABackup() async throws {
        for number in 0..<200 { try await temporary.database.record("\(number)", in: session) }
        await temporary.database.close()
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let middle = try handle.seekToEnd() / 2 / 4_096 * 4_096
        try handle.seek(toOffset: middle)
        try handle.write(contentsOf: Data(repeating: 0x5A, count: 4_096))
        try handle.close()
        let error = #expect(throws: BackupError.self) { _ = try Backup.make(of: path, to: file) }
        #expect(error?.description.contains("damaged") == true)
    }

    @Test func restoringOverADamagedOrMissingOneMovesItAway() async throws {
        _ = try Backup.make(of: path, to: file)
        try await temporary.database.record("later", in: session)
        try Data(repeating: 0x5A, count: 8_192).write(to: URL(fileURLWithPath: path), options: .atomic)
        await #expect(throws: ChatError.self) { try await temporary.database.record("lost", in: session) }
        let damaged = try Backup.restore(file, to: path)
        #expect(damaged.wasUnusable && FileManager.default.contents(atPath: damaged.former!)?.first == 0x5A)
        try await until("reading finds it") { (try? await questions) == ["1", "2", "3"] }
        try await temporary.database.record("after", in: session)

        for ending in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: path + ending) }
        #expect(try Backup.restore(file, to: path).former == nil)
        try await until("reading finds it") { (try? await questions) == ["1", "2", "3"] }
        try await temporary.database.record("after", in: session)
        try await temporary.database.checkIntegrity()
    }

    @Test func writesOfOthersMeanwhileAreInTheFormerOrInTheNewOne() async throws {
        _ = try Backup.make(of: path, to: file)
        let writing = Task { [temporary, session] in
            var acknowledged: [String] = []
            while !Task.isCancelled {
                let name = "w\(acknowledged.count)"
                try await temporary.database.record(name, in: session)
                acknowledged.append(name)
            }
            return acknowledged
        }
        try await temporary.database.record("x", in: session)
        let former = try #require(try Backup.restore(file, to: path).former)
        try await temporary.database.record("y", in: session)
        writing.cancel()
        let acknowledged = try await writing.value
        let select = "SELECT question FROM exchanges WHERE question LIKE 'w%'"
        let kept = try await DatabaseQueue(path: former).read { try String.fetchAll($0, sql: select) }
        let now = try await temporary.database.reader.attempt { try String.fetchAll($0, sql: select) }
        #expect((kept + now).sorted() == acknowledged.sorted())
    }

    @Test func whatIsNoBackupIsNotRestored() async throws {
        let live = try await questions
        expectRefusal("not there") { _ = try Backup.restore(temporary.folder + "/none", to: path) }
        expectRefusal("the database itself") { _ = try Backup.restore(path, to: path) }
        try Data(repeating: 0x5A, count: 8_192).write(to: URL(fileURLWithPath: file))
        expectRefusal("no database") { _ = try Backup.restore(file, to: path) }
        let foreign = temporary.folder + "/foreign"
        try await DatabaseQueue(path: foreign).write { try $0.execute(sql: "CREATE TABLE t (a)") }
        expectRefusal("no database of Parley") { _ = try Backup.restore(foreign, to: path) }
        let newer = temporary.folder + "/newer"
        _ = try Backup.make(of: path, to: newer)
        try await DatabaseQueue(path: newer).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999 from the future')")
        }
        expectRefusal("newer version") { _ = try Backup.restore(newer, to: path) }
        let orphaned = temporary.folder + "/orphaned"
        _ = try Backup.make(of: path, to: orphaned)
        try await DatabaseQueue(path: orphaned).writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA foreign_keys = OFF; DELETE FROM sessions")
        }
        expectRefusal("belongs to one that is not there") { _ = try Backup.restore(orphaned, to: path) }
        #expect(try await questions == live)
    }
}
