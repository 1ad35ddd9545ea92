public import Chat
import FoundationEssentials

/// Of an exchange: it is of the session ?1, or of any session of the user ?2, which is NULL where nobody proved who asks.
let isOwned = "(session_id = ?1 OR (SELECT user_id FROM sessions WHERE id = session_id) = ?2)"

private let newestFollower = Query(
    """
    SELECT id FROM exchanges WHERE conversation = ?3 AND \(isOwned) AND \(isComplete) ORDER BY id DESC LIMIT 1
    """)
private let beginning = Query(
    "SELECT id FROM exchanges WHERE id = ?3 AND conversation IS NULL AND \(isOwned) AND \(isComplete)")
private let turnAbove = Query(
    """
    SELECT question, answer, origin = 'held', \(parentage), conversation FROM exchanges
    WHERE id = ?3 AND \(isOwned) AND \(isComplete)
    """)

/// Of blocked messages, which no model is told of, any number may stand in a row: no question looks further up than this.
private let longestClimb = 64

/// Conversations are trees: each exchange knows the one that it follows. A branch is read upward, one row at a time by its
/// id, so that it takes as long in a conversation of thousands.
extension Database {
    public func branch(at position: Position, for principal: Principal, limit: Int) async throws
        -> Result<Branch?, Refusal>
    {
        try await reader.read { [self] db in
            guard let principal = try db.live(principal, at: now().stored) else { return .failure(principal.ended) }
            return .success(try db.branch(at: position, for: principal, limit: limit))
        }
    }
}

extension Statements {
    private struct Turn {
        let question: String
        let answer: String
        let isBlocked: Bool
        let parent: ExchangeID?
        let conversation: ConversationID
    }

    fileprivate func branch(at position: Position, for principal: Principal, limit: Int) throws -> Branch? {
        let (conversation, parent, original): (ConversationID?, ExchangeID?, Exchange?)
        switch position {
        case .end(let end):
            guard let newest = try newestExchange(of: end, for: principal) else { return nil }
            (conversation, parent, original) = (end, newest, nil)
        case .beginning(let end):
            guard try newestExchange(of: end, for: principal) != nil else { return nil }
            return Branch(conversation: end, parent: nil, messages: [])
        case .below(let above, _): (conversation, parent, original) = (nil, above, nil)
        case .again(let id):
            guard let exchange = try exchange(id, of: principal) else { return nil }
            (conversation, parent, original) = (exchange.conversation, exchange.parent, exchange)
        }
        var (pairs, next, found) = ([Turn](), parent, conversation)
        for _ in 0..<longestClimb {
            guard let id = next, pairs.count < (limit + 1) / 2 else { break }
            // What stood there may have been purged.
            guard let turn = try turn(id, for: principal) else { break }
            found = found ?? turn.conversation
            if !turn.isBlocked { pairs.append(turn) }
            next = turn.parent
        }
        guard let found else { return nil }
        let messages = pairs.reversed().flatMap { pair in
            [ChatMessage(role: .user, text: pair.question), ChatMessage(role: .assistant, text: pair.answer)]
        }
        return Branch(conversation: found, parent: parent, messages: messages, original: original)
    }

    /// Its beginning may be purged while later exchanges are kept.
    func newestExchange(of conversation: ConversationID, for principal: Principal) throws -> ExchangeID? {
        let (session, user) = (principal.session.rawValue, principal.provedUser?.rawValue)
        let number =
            try first(newestFollower, session, user, conversation.first.number) { $0.integer(0) }
            ?? first(beginning, session, user, conversation.first.number) { $0.integer(0) }
        return number.map(ExchangeID.init(number:))
    }

    private func turn(_ id: ExchangeID, for principal: Principal) throws -> Turn? {
        try first(turnAbove, principal.session.rawValue, principal.provedUser?.rawValue, id.number) { row in
            Turn(
                question: row.text(0), answer: row.text(1), isBlocked: row.flag(2),
                parent: row.integer(3) == 0 ? nil : ExchangeID(number: row.integer(3)),
                conversation: ConversationID(first: row.isNull(4) ? id : ExchangeID(number: row.integer(4))))
        }
    }
}
