import Chat
import Foundation
import GRDB
import Testing

@testable import Storage

/// A damaged file is not used: it is found when it is opened, or when SQLite reads the damaged part.
@Suite(.timeLimit(.minutes(2))) struct DamageTests {
    enum Damage: String, CaseIterable {
        case garbage, noHeader, cut, empty

        func happen(to path: String) throws {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            let size = Int(try file.seekToEnd())
            try file.seek(toOffset: 0)
            switch self {
            case .garbage: try file.write(contentsOf: Data(repeating: 0x5A, count: size))
            case .noHeader: try file.write(contentsOf: Data(repeating: 0, count: 100))
            case .cut: try file.truncate(atOffset: 8_192)
            case .empty: try file.truncate(atOffset: 0)
            }
            try file.close()
        }
    }

    private let temporary: TemporaryDatabase
    private let session: Session
    private var path: String { temporary.path }

    init() async throws {
        temporary = try await TemporaryDatabase(messageLimit: 1_000)
        session = try await temporary.session()
        for number in 0..<40 {
            try await temporary.database.record("\(number)", String(repeating: "x", count: 5_000), in: session)
        }
    }

    private func other() throws -> Storage.Database {
        try Storage.Database(path: path, messageLimit: 1_000)
    }

    private func expectDamaged(_ database: Storage.Database) async {
        await expectDamagedForWriting(database)
        let health = await database.health()
        #expect(health.writing == .damaged && health.reading == .damaged, "\(health)")
    }

    private func expectDamagedForWriting(_ database: Storage.Database) async {
        for _ in 0..<2 {
            let error = await #expect(throws: ChatError.self) { try await database.record("lost", in: session) }
            #expect(error?.code == .unavailable && error?.cause?.contains("damaged") == true, "\(error?.cause ?? "")")
        }
    }

    private func expectRecovery(of database: Storage.Database) async throws {
        try await database.record("after", in: session)
        let history = try await database.history(of: session.principal, limit: 100, before: nil).admitted()
        #expect(history.map(\.question) == (0..<40).map(String.init) + ["after"])
        try await database.checkIntegrity()
    }

    @Test(arguments: Damage.allCases) func isFoundAtOpeningAndOverOnceTheFileIsBack(_ damage: Damage) async throws {
        await temporary.database.close()
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        try damage.happen(to: path)
        let newcomer = try other()
        await expectDamaged(newcomer)
        try good.write(to: URL(fileURLWithPath: path))
        try await expectRecovery(of: newcomer)
    }

    @Test(arguments: [Damage.garbage, .noHeader, .empty]) func aDamagedFileInPlaceOfTheOldOneIsFound(_ damage: Damage)
        async throws
    {
        let (away, bad) = (path + ".away", path + ".bad")
        try FileManager.default.copyItem(atPath: path, toPath: bad)
        try damage.happen(to: bad)
        try FileManager.default.moveItem(atPath: path, toPath: away)
        try FileManager.default.moveItem(atPath: bad, toPath: path)
        await expectDamagedForWriting(temporary.database)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: away, toPath: path)
        try await expectRecovery(of: temporary.database)
    }

    @Test func whatSQLiteMeetsKeepsTheWholeFileFromBeingUsed() async throws {
        await temporary.database.close()
        let newcomer = try other()
        try await newcomer.prepare()
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seek(toOffset: 49_152)
        try file.write(contentsOf: Data(repeating: 0x5A, count: good.count - 49_152))
        try file.close()
        let error = await #expect(throws: ChatError.self) {
            _ = try await newcomer.history(of: session.principal, limit: 100, before: nil).admitted()
        }
        #expect(error?.cause?.contains("damaged") == true, "\(error?.cause ?? "")")
        await expectDamaged(newcomer)
        try good.write(to: URL(fileURLWithPath: path))
        try await expectRecovery(of: newcomer)
    }
}
