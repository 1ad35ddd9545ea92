import CSQLite
import GRDB

/// Reads the beginnings of questions: SQLite's functions would read all of a text that may have megabytes.
final class QuestionReader {
    private let connection: OpaquePointer?
    private var blob: OpaquePointer?

    init(_ database: GRDB.Database) { connection = database.sqliteConnection }

    /// To be called before the read ends.
    func close() {
        sqlite3_blob_close(blob)
        blob = nil
    }

    /// - Returns: nil when there is no such exchange.
    func beginning(of id: Int64, bytes: Int) -> (text: String, isWhole: Bool)? {
        let code =
            blob == nil
            ? sqlite3_blob_open(connection, "main", "exchanges", "question", id, 0, &blob)
            : sqlite3_blob_reopen(blob, id)
        guard code == SQLITE_OK else {
            close()
            return nil
        }
        let size = Int(sqlite3_blob_bytes(blob))
        var buffer = [UInt8](repeating: 0, count: min(size, bytes))
        guard sqlite3_blob_read(blob, &buffer, Int32(buffer.count), 0) == SQLITE_OK else { return nil }
        if size > bytes {
            // Not in the middle of a character.
            while let last = buffer.last, last & 0xC0 == 0x80 { buffer.removeLast() }
            _ = buffer.popLast()
        }
        return (String(decoding: buffer, as: UTF8.self), size <= bytes)
    }
}
