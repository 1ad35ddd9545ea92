import CSQLite
import GRDB

/// How far a log went, as its index has it.
struct WALPosition: Equatable {
    /// The log's salts: others after each new beginning.
    let salts: [UInt8]
    let frames: UInt32

    func isBehind(_ other: WALPosition) -> Bool { salts == other.salts && frames < other.frames }
}

/// The bytes of a database's files, read through the descriptors of a connection.
///
/// Source: "WAL-mode File Format" and "Database File Format" of SQLite's documentation.
struct SQLiteFiles {
    private enum File: Int32 {
        case database = 0
        case log = 1
    }

    private let path: String
    private let connection: OpaquePointer

    init(_ db: GRDB.Database, _ path: String) throws {
        guard let connection = db.sqliteConnection else { throw StorageFailure(.other, "the connection is closed") }
        self.path = path
        self.connection = connection
    }

    /// The first 24 bytes: the words, a page size, the form (2 with a log, 1 without), and three numbers that never
    /// change.
    func header() throws -> [UInt8] { try read(.database, 24, at: 0) }

    static func isHeader(_ header: [UInt8]) -> Bool {
        header.starts(with: words) && (1...2).contains(header[18]) && (1...2).contains(header[19])
            && header[21...23].elementsEqual([64, 32, 32])
    }

    private static let words = Array("SQLite format 3\0".utf8)

    /// Nil when the log has no index in memory that can be looked at.
    func position() throws -> WALPosition? { index().map(\.position) }

    /// The log must hold what its index says: as many frames, the last with that checksum, which covers all before it.
    ///
    /// - Returns: nil when it does, or when nothing can be said.
    func faultOfWAL() throws -> String? {
        // Another process may begin the log anew in between: only what stays the same before and after counts.
        for _ in 0..<100 {
            guard let index = index() else { return nil }
            let fault = try fault(of: index)
            if fault == nil || self.index() == index { return fault }
        }
        return nil
    }

    private func fault(of index: LogIndex) throws -> String? {
        if index.frames == index.backfilled, try size(of: .database) < Int64(index.pages) * index.pageSize {
            return "it is shorter than its pages"
        }
        let size = try size(of: .log)
        let head = try read(.log, 32, at: 0)
        guard index.frames > 0 else {
            // A power cut can leave zeros. Anything else was a log once.
            let isLog = head.starts(with: [0x37, 0x7F, 0x06]) || head.allSatisfy { $0 == 0 }
            return size == 0 || isLog ? nil : "its log was overwritten"
        }
        let last = 32 + Int64(index.frames - 1) * (24 + index.pageSize)
        guard size >= last + 24 + index.pageSize, head[16..<24].elementsEqual(index.salts) else {
            return "its log was overwritten or cut"
        }
        let frame = try read(.log, 24, at: last)
        return frame[8..<16].elementsEqual(index.salts) && frame[16..<24].elementsEqual(index.checksum)
            ? nil : "its log was overwritten"
    }

    private func index() -> LogIndex? { csqlite_index(connection).flatMap(LogIndex.init) }

    /// What lies beyond the end is zeros.
    private func read(_ file: File, _ count: Int, at offset: Int64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let code = csqlite_read(connection, file.rawValue, &bytes, Int32(count), offset)
        guard code == 0 else { throw failure("read", file, code) }
        return bytes
    }

    private func size(of file: File) throws -> Int64 {
        var size: Int64 = 0
        let code = csqlite_size(connection, file.rawValue, &size)
        guard code == 0 else { throw failure("measure", file, code) }
        return size
    }

    private func failure(_ verb: String, _ file: File, _ code: Int32) -> StorageFailure {
        StorageFailure(.other, "SQLite \(code): cannot \(verb) \(file == .log ? path + "-wal" : path)")
    }
}

/// The head of the log's index, which every connection has in its memory.
private struct LogIndex: Equatable {
    let frames: UInt32
    let backfilled: UInt32
    let pages: UInt32
    let pageSize: Int64
    /// As they stand in the log.
    let salts: [UInt8]
    let checksum: [UInt8]

    var position: WALPosition { WALPosition(salts: salts, frames: frames) }

    /// - Returns: nil while it is not set up, or is being changed.
    init?(_ page: UnsafeRawPointer) {
        let one = [UInt8](UnsafeRawBufferPointer(start: page, count: 48))
        let two = [UInt8](UnsafeRawBufferPointer(start: page + 48, count: 48))
        guard one == two, one[12] != 0 else { return nil }
        func number(_ offset: Int) -> UInt32 {
            one.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        }
        let size = one.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 14, as: UInt16.self) }
        frames = number(16)
        pages = number(20)
        backfilled = page.loadUnaligned(fromByteOffset: 96, as: UInt32.self)
        pageSize = Int64(size & 0xFE00) + Int64(size & 1) << 16
        salts = Array(one[32..<40])
        checksum = [number(24), number(28)].flatMap { withUnsafeBytes(of: $0.bigEndian, Array.init) }
    }
}
