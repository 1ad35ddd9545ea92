public import Chat
import FoundationEssentials

private let selection = Query(
    """
    SELECT request, expires_at, model, provider, prompt_tokens, completion_tokens, total_tokens, text, finish_reason
    FROM answers WHERE key = ?
    """)
/// The schema's trigger removes what was there. INSERT OR REPLACE would say the same, and hand its conflict policy on to the
/// triggers, whose UPDATE then collects the rows in a table of its own first.
private let insertion = Query(
    """
    INSERT INTO answers
        (key, request, expires_at, model, provider, prompt_tokens, completion_tokens, total_tokens, text, finish_reason)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """)
private let anyExpired = Query("SELECT 1 FROM answers WHERE expires_at <= ? LIMIT 1")
private let expiry = Query(
    "DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE expires_at <= ? LIMIT ?)")
private let total = Query("SELECT total FROM answer_bytes")
private let oldest = Query("DELETE FROM answers WHERE key = (SELECT key FROM answers ORDER BY expires_at LIMIT 1)")

extension Database: AnswerStore {
    public func get(_ key: CacheKey) async throws -> CachedAnswer? {
        try await reader.read { db in try db.answer(to: key) }
    }

    public func put(_ answer: CachedAnswer) async throws {
        try await writer.write(durability: .relaxed) { [self] db in try put(answer, at: now().stored, db) }
    }

    /// Answers that are too old even for a time without any model, and the oldest of too many, leave a few at a time, so
    /// that no write pays for all.
    func put(_ answer: CachedAnswer, at now: Int64, _ db: Statements) throws {
        try db.run(
            insertion, answer.key.digest, answer.key.canonical, answer.expires.stored, answer.model, answer.provider,
            answer.usage.prompt, answer.usage.completion, answer.usage.total, answer.storedText,
            answer.finishReason.rawValue)
        _ = try db.removeAnswers(expiredBy: now - staleLifetime, atMost: 4)
        _ = try db.removeAnswers(above: answerBytes, atMost: 8)
    }
}

extension Statements {
    func answer(to key: CacheKey) throws -> CachedAnswer? {
        try first(selection, key.digest) { row in
            guard row.equals(0, key.canonical) else { return nil }
            let finishReason = FinishReason(rawValue: row.text(8)) ?? .stop
            let answer = StoredAnswer(stored: row.text(7), finishReason)
            return CachedAnswer(
                key: key, text: answer.text, toolCalls: answer.toolCalls, model: row.text(2), provider: row.text(3),
                usage: TokenUsage(prompt: row.int(4), completion: row.int(5), total: row.int(6)),
                finishReason: finishReason, expires: Date(stored: row.integer(1)))
        } ?? nil
    }

    /// - Returns: how many.
    func removeAnswers(expiredBy limit: Int64, atMost count: Int) throws -> Int {
        // Seldom any: to look is cheaper than to delete none.
        guard try first(anyExpired, limit, read: { _ in true }) != nil else { return 0 }
        try run(expiry, limit, count)
        return changes
    }

    func answersTakeMore(than bytes: Int) throws -> Bool {
        try first(total) { $0.int(0) > bytes } ?? false
    }

    /// The oldest go, as long as all are more than they may be.
    ///
    /// - Returns: how many.
    func removeAnswers(above bytes: Int, atMost count: Int) throws -> Int {
        var removed = 0
        while removed < count, try answersTakeMore(than: bytes) {
            try run(oldest)
            guard changes > 0 else { break }
            removed += 1
        }
        return removed
    }
}
