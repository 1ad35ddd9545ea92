public import Chat
import FoundationEssentials

private let list = Query(
    """
    SELECT id, last, count, title FROM conversations WHERE session_id = ? AND last < ? ORDER BY last DESC LIMIT ?
    """)
private let single = Query("SELECT id, last, count, title FROM conversations WHERE id = ?3 AND \(isOwned)")
private let renaming = Query("UPDATE conversations SET title = ?4 WHERE id = ?3 AND \(isOwned)")
/// Where the first has been purged.
private let oldestFollower = Query(
    "SELECT id FROM exchanges WHERE conversation = ? AND \(isComplete) ORDER BY id LIMIT 1")
private let ownSessions = Query("SELECT id FROM sessions WHERE user_id = ?")
private let followers = Query(
    """
    SELECT \(exchangeColumns) FROM exchanges
    WHERE conversation = ?3 AND id < ?4 AND \(isOwned) AND \(isComplete) ORDER BY id DESC LIMIT ?5
    """)

/// As much of a question as its title is made of.
private let titleBytes = 1_024

extension Database: ConversationStore {
    public func conversations(of principal: Principal, limit: Int, before: ExchangeID?) async throws
        -> Result<[Conversation], Refusal>
    {
        try await reader.read { [self] db in
            guard let principal = try db.live(principal, at: now().stored) else { return .failure(principal.ended) }
            let rows = try db.sessions(of: principal).flatMap { session in
                try db.all(list, session, before?.number ?? .max, limit, read: ConversationRow.init)
            }
            let newest = rows.sorted { $0.last > $1.last }.prefix(limit)
            return .success(try db.conversations(Array(newest)))
        }
    }

    public func conversation(_ id: ConversationID, of principal: Principal) async throws
        -> Result<Conversation?, Refusal>
    {
        try await reader.read { [self] db in
            guard let principal = try db.live(principal, at: now().stored) else { return .failure(principal.ended) }
            return .success(try db.conversation(id, of: principal))
        }
    }

    public func conversation(_ id: ConversationID, of principal: Principal, _ page: ConversationPage) async throws
        -> Result<(conversation: Conversation, exchanges: [Exchange]?)?, Refusal>
    {
        try await reader.read { [self] db in
            guard let principal = try db.live(principal, at: now().stored) else { return .failure(principal.ended) }
            guard let conversation = try db.conversation(id, of: principal) else { return .success(nil) }
            return .success((conversation, try db.exchanges(of: id, for: principal, page)))
        }
    }

    public func rename(_ id: ConversationID, to title: String?, for principal: Principal) async throws
        -> Result<Conversation?, Refusal>
    {
        try await writer.write { [self] db in
            guard let principal = try db.live(principal, at: now().stored) else { return .failure(principal.ended) }
            try db.run(
                renaming, principal.session.rawValue, principal.provedUser?.rawValue, id.first.number, title)
            return .success(try db.conversation(id, of: principal))
        }
    }
}

private struct ConversationRow {
    let id: Int64
    let last: Int64
    let count: Int
    let title: String?

    init(_ row: Columns) {
        (id, last, count, title) = (row.integer(0), row.integer(1), row.int(2), row.optionalText(3))
    }
}

extension Statements {
    /// The sessions whose texts are the principal's.
    func sessions(of principal: Principal) throws -> [String] {
        guard let user = principal.provedUser else { return [principal.session.rawValue] }
        return try all(ownSessions, user.rawValue) { $0.text(0) }
    }

    fileprivate func conversation(_ id: ConversationID, of principal: Principal) throws -> Conversation? {
        let row = try first(
            single, principal.session.rawValue, principal.provedUser?.rawValue, id.first.number,
            read: ConversationRow.init)
        return try row.flatMap { try conversations([$0]).first }
    }

    fileprivate func conversations(_ rows: [ConversationRow]) throws -> [Conversation] {
        let questions = QuestionReader(database)
        defer { questions.close() }
        return try rows.map { row in
            Conversation(
                id: ConversationID(first: ExchangeID(number: row.id)),
                title: try row.title ?? derivedTitle(of: row.id, questions), count: row.count,
                last: ExchangeID(number: row.last))
        }
    }

    private func derivedTitle(of conversation: Int64, _ questions: QuestionReader) throws -> String {
        var beginning = questions.beginning(of: conversation, bytes: titleBytes)
        if beginning == nil, let oldest = try first(oldestFollower, conversation, read: { $0.integer(0) }) {
            beginning = questions.beginning(of: oldest, bytes: titleBytes)
        }
        return beginning.map { ConversationTitle.derived(from: $0.text, isWhole: $0.isWhole) } ?? ""
    }

    /// - Returns: nil when a message that the page names is not in the conversation.
    fileprivate func exchanges(of id: ConversationID, for principal: Principal, _ page: ConversationPage) throws
        -> [Exchange]?
    {
        switch page.view {
        case .all:
            let (session, user) = (principal.session.rawValue, principal.provedUser?.rawValue)
            let last = page.before?.number ?? .max
            var rows = try all(
                followers, session, user, id.first.number, last, page.limit, read: Exchange.init(row:))
            if rows.count < page.limit, id.first.number < last, let first = try exchange(id.first, of: principal) {
                rows.append(first)
            }
            return rows.reversed()
        case .branch(let end):
            var next: ExchangeID?
            if let named = page.before ?? end {
                guard let exchange = try exchange(named, of: principal), exchange.conversation == id else { return nil }
                next = page.before == nil ? named : exchange.parent
            } else {
                next = try newestExchange(of: id, for: principal)
            }
            var rows: [Exchange] = []
            while rows.count < page.limit, let id = next, let exchange = try exchange(id, of: principal) {
                rows.append(exchange)
                next = exchange.parent
            }
            return rows.reversed()
        }
    }
}
