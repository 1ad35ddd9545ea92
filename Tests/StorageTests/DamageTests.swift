import Chat
import Foundation
import GRDB
import Testing

@testable import Storage

/// Files that are overwritten in place while they are in use.
@Suite(.timeLimit(.minutes(2))) struct DamageTests {
    enum Damage: String, CaseIterable {
        case garbage, noHeader, cut, empty, garbageLog, cutLog, garbageInLog

        func happen(to path: String) throws {
            switch self {
            case .garbage: try overwrite(path, from: 0, with: 0x5A)
            case .noHeader: try overwrite(path, from: 0, count: 100, with: 0)
            case .cut: try cut(path, to: 8_192)
            case .empty: try cut(path, to: 0)
            case .garbageLog: try overwrite(path + "-wal", from: 0, with: 0x5A)
            case .cutLog: try cut(path + "-wal", to: 32)
            case .garbageInLog: try overwrite(path + "-wal", from: 32, with: 0x5A)
            }
        }

        private func overwrite(_ path: String, from offset: UInt64, count: Int? = nil, with byte: UInt8) throws {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            let size = Int(try file.seekToEnd() - offset)
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data(repeating: byte, count: count ?? size))
            try file.close()
        }

        private func cut(_ path: String, to size: UInt64) throws {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try file.truncate(atOffset: size)
            try file.close()
        }
    }

    /// Writes into the file that is there, as `cp` does.
    private func put(_ data: Data, _ path: String) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: data)
        try file.close()
    }

    @Test(arguments: Damage.allCases)
    func isNeverAcknowledgedIntoAndOverOnceTheFilesAreBack(_ damage: Damage) async throws {
        let temporary = try await TemporaryDatabase(messageLimit: 1_000)
        let session = try await temporary.session()
        let path = temporary.path
        for number in 0..<40 {
            try await temporary.database.record("\(number)", String(repeating: "x", count: 5_000), in: session)
        }
        // The one half in the database, the other in the log.
        try await temporary.database.writer.attempt { _ = try Row.fetchAll($0, sql: "SELECT 1") }
        try await DatabaseQueue(path: path).writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint") }
        for number in 40..<50 { try await temporary.database.record("\(number)", in: session) }
        let good = [path, path + "-wal"].map { ($0, FileManager.default.contents(atPath: $0)!) }
        try damage.happen(to: path)
        let newcomer = try Storage.Database(path: path, messageLimit: 1_000, reservationLifetime: .zero)
        for database in [temporary.database, newcomer, temporary.database] {
            let error = await #expect(throws: ChatError.self) { try await database.record("lost", in: session) }
            #expect(error?.code == .unavailable && error?.cause?.contains("damaged") == true, "\(error?.cause ?? "")")
        }
        let health = await temporary.database.health()
        #expect(health.writing == .damaged)
        for (path, data) in good { try put(data, path) }
        try await temporary.database.record("after", in: session)
        try await newcomer.record("after that", in: session)
        let history = try await newcomer.history(of: session.principal, limit: 100, before: nil).admitted()
        #expect(history.map(\.question) == (0..<50).map(String.init) + ["after", "after that"])
        try await newcomer.checkIntegrity()
    }
}
