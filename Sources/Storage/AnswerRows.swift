public import Chat
import FoundationEssentials
import GRDB

extension Database: SharedAnswers {
    public func stored(for key: CacheKey) async throws -> CachedAnswer? {
        try await reader.read { db in try Self.answer(to: key, db) }
    }

    static func answer(to key: CacheKey, _ db: GRDB.Database) throws -> CachedAnswer? {
        let select = try db.cachedStatement(
            sql: """
                SELECT request, expires_at, model, provider, prompt_tokens, completion_tokens, total_tokens, text,
                    finish_reason
                FROM answers WHERE key = ?
                """)
        guard let row = try Row.fetchOne(select, arguments: [Data(key.digest)]) else { return nil }
        let request: Data = row[0]
        guard request.elementsEqual(key.canonical) else { return nil }
        return CachedAnswer(
            key: key, text: row[7], model: row[2], provider: row[3],
            usage: TokenUsage(prompt: row[4], completion: row[5], total: row[6]),
            finishReason: FinishReason(rawValue: row[8]) ?? .stop, expires: Date(stored: row[1]))
    }

    /// Answers that are too old even for a time without any model, and the oldest of too many, leave a few at a time, so
    /// that no write pays for all.
    func store(_ fresh: CachedAnswer, _ now: Date, _ db: GRDB.Database) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO answers
                    (key, request, expires_at, model, provider, prompt_tokens, completion_tokens, total_tokens, text,
                     finish_reason)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try insert.execute(arguments: [
            Data(fresh.key.digest), Data(fresh.key.canonical), fresh.expires.stored, fresh.model, fresh.provider,
            fresh.usage.prompt, fresh.usage.completion, fresh.usage.total, fresh.text,
            fresh.finishReason.rawValue,
        ])
        _ = try Self.removeAnswers(expiredBy: now.stored - staleLifetime, atMost: 4, db)
        _ = try removeExcessAnswers(atMost: 8, db)
    }

    /// - Returns: how many.
    static func removeAnswers(expiredBy limit: Int64, atMost count: Int, _ db: GRDB.Database) throws -> Int {
        let delete = try db.cachedStatement(
            sql: "DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE expires_at <= ? LIMIT ?)")
        try delete.execute(arguments: [limit, count])
        return db.changesCount
    }

    func hasTooManyAnswers(_ db: GRDB.Database) throws -> Bool {
        let total = try Int.fetchOne(try db.cachedStatement(sql: "SELECT total FROM answer_bytes")) ?? 0
        return total > answerBytes
    }

    /// The oldest go, as long as all are more than they may be.
    ///
    /// - Returns: how many.
    func removeExcessAnswers(atMost count: Int, _ db: GRDB.Database) throws -> Int {
        let delete = try db.cachedStatement(
            sql: "DELETE FROM answers WHERE key = (SELECT key FROM answers ORDER BY expires_at LIMIT 1)")
        var removed = 0
        while removed < count, try hasTooManyAnswers(db) {
            try delete.execute()
            guard db.changesCount > 0 else { break }
            removed += 1
        }
        return removed
    }
}
