import CSQLite
import GRDB
import Synchronization

/// The text of a statement. Its number is where each connection keeps the prepared one, so that no text is looked up.
struct Query: Sendable {
    fileprivate static let count = Atomic(0)

    fileprivate let text: String
    fileprivate let number: Int

    /// To be made once, as a constant.
    init(_ text: String) {
        self.text = text
        number = Self.count.add(1, ordering: .relaxed).oldValue
    }
}

/// The prepared statements of one open connection: SQLite's own calls, since GRDB's cost several times what SQLite does.
/// GRDB opens the connection and closes it, which ends the statements first.
///
/// Belongs to the connection's thread.
final class Statements {
    private static let begin = Query("BEGIN IMMEDIATE")
    private static let commit = Query("COMMIT")
    private static let rollback = Query("ROLLBACK")

    /// For what is asked seldom.
    unowned let database: GRDB.Database
    private let connection: OpaquePointer
    private var prepared: [OpaquePointer?] = []
    private var isOpen = true
    /// What the exchanges of the transaction add to the daily usage.
    var usage = UsageTally()

    /// - Parameter slot: where the connection's statements are kept between its uses. They are made anew when the
    ///   connection was.
    static func of(_ database: GRDB.Database, keptIn slot: inout Statements?) throws -> Statements {
        if let kept = slot, kept.isOpen, kept.database === database { return kept }
        guard let connection = database.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        let statements = Statements(database, connection)
        slot = statements
        return statements
    }

    private init(_ database: GRDB.Database, _ connection: OpaquePointer) {
        self.database = database
        self.connection = connection
        // SQLite tells of the closing before it looks whether statements are in its way (sqlite3Close of its main.c).
        sqlite3_trace_v2(
            connection, UInt32(SQLITE_TRACE_CLOSE),
            { _, statements, _, _ in
                if let statements { Unmanaged<Statements>.fromOpaque(statements).takeRetainedValue().close() }
                return 0
            }, Unmanaged.passRetained(self).toOpaque())
    }

    private func close() {
        for case let statement? in prepared { sqlite3_finalize(statement) }
        prepared = []
        isOpen = false
    }

    /// Rows that the last statement changed.
    var changes: Int { Int(sqlite3_changes(connection)) }

    func transaction<T>(_ work: () throws -> T) throws -> T {
        try run(Self.begin)
        usage.removeAll()
        do {
            let value = try work()
            try writeUsage()
            try run(Self.commit)
            return value
        } catch {
            // After some failures SQLite has done so itself.
            if sqlite3_get_autocommit(connection) == 0 { try run(Self.rollback) }
            throw error
        }
    }

    func run<each Value: Bindable>(_ query: Query, _ values: repeat each Value) throws {
        let statement = try prepared(query, repeat each values)
        defer { sqlite3_reset(statement) }
        while try step(statement) {}
    }

    func first<each Value: Bindable, T>(
        _ query: Query, _ values: repeat each Value, read: (Columns) throws -> T
    ) throws -> T? {
        let statement = try prepared(query, repeat each values)
        defer { sqlite3_reset(statement) }
        return try step(statement) ? read(Columns(statement: statement)) : nil
    }

    func all<each Value: Bindable, T>(
        _ query: Query, _ values: repeat each Value, read: (Columns) throws -> T
    ) throws -> [T] {
        let statement = try prepared(query, repeat each values)
        defer { sqlite3_reset(statement) }
        var rows: [T] = []
        while try step(statement) { rows.append(try read(Columns(statement: statement))) }
        return rows
    }

    private func prepared<each Value: Bindable>(_ query: Query, _ values: repeat each Value) throws -> OpaquePointer {
        let statement = try prepared(query)
        var (index, code) = (Int32(0), SQLITE_OK)
        for value in repeat each values {
            index += 1
            if code == SQLITE_OK { code = value.bind(to: statement, at: index) }
        }
        guard code == SQLITE_OK else { throw failure(code) }
        return statement
    }

    private func prepared(_ query: Query) throws -> OpaquePointer {
        if query.number < prepared.count, let statement = prepared[query.number] { return statement }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(connection, query.text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        while prepared.count <= query.number { prepared.append(nil) }
        prepared[query.number] = statement
        return statement
    }

    /// - Returns: whether there is a row.
    private func step(_ statement: OpaquePointer) throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw failure(code)
        }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        DatabaseError(resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
    }
}

/// The row that a statement stands at.
struct Columns {
    fileprivate let statement: OpaquePointer

    func integer(_ index: Int32) -> Int64 { sqlite3_column_int64(statement, index) }
    func int(_ index: Int32) -> Int { Int(integer(index)) }
    func flag(_ index: Int32) -> Bool { integer(index) != 0 }
    func isNull(_ index: Int32) -> Bool { sqlite3_column_type(statement, index) == SQLITE_NULL }

    func text(_ index: Int32) -> String {
        guard let bytes = sqlite3_column_text(statement, index) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, index))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func optionalText(_ index: Int32) -> String? { isNull(index) ? nil : text(index) }

    func bytes(_ index: Int32) -> [UInt8] {
        let blob = sqlite3_column_blob(statement, index)
        return Array(UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(statement, index))))
    }

    func equals(_ index: Int32, _ bytes: [UInt8]) -> Bool {
        let blob = sqlite3_column_blob(statement, index)
        return UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(statement, index)))
            .elementsEqual(bytes)
    }
}

/// A value that SQLite stores.
protocol Bindable {
    /// - Returns: SQLite's result code.
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32
}

/// SQLite makes a copy of its own: SQLITE_TRANSIENT, a macro that Swift does not see.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension Int64: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { sqlite3_bind_int64(statement, index, self) }
}

extension Int: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { Int64(self).bind(to: statement, at: index) }
}

extension Bool: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { (self ? 1 : 0).bind(to: statement, at: index) }
}

extension String: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        var text = self
        return text.withUTF8 { bytes in
            guard let start = bytes.baseAddress, !bytes.isEmpty else {
                return sqlite3_bind_text(statement, index, "", 0, copied)
            }
            return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                sqlite3_bind_text(statement, index, $0, Int32(bytes.count), copied)
            }
        }
    }
}

extension [UInt8]: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        withUnsafeBytes { sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), copied) }
    }
}

extension Optional: Bindable where Wrapped: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        self?.bind(to: statement, at: index) ?? sqlite3_bind_null(statement, index)
    }
}
