public import FoundationEssentials

/// A conversation, as a list shows it.
public struct Conversation: Sendable, Hashable {
    public let id: ConversationID
    /// As its owner has named it, else by its first question.
    public let title: String
    /// Exchanges, those of all versions.
    public let count: Int
    /// Its newest exchange.
    public let last: ExchangeID

    public var created: Date { id.first.created }

    public init(id: ConversationID, title: String, count: Int, last: ExchangeID) {
        self.id = id
        self.title = title
        self.count = count
        self.last = last
    }
}

/// What a conversation is called.
public enum ConversationTitle {
    private static let longestDerived = 60
    private static let longest = 200

    /// The first line of a question, cut to 60 characters.
    ///
    /// - Parameter isWhole: false where `question` is only its beginning.
    public static func derived(from question: String, isWhole: Bool = true) -> String {
        let text = Prompt.trimmed(question)
        let end = text.unicodeScalars.firstIndex { $0 == "\n" || $0 == "\r" } ?? text.endIndex
        let line = Prompt.trimmed(String(text[..<end]))
        guard line.count > longestDerived || !isWhole && end == text.endIndex else { return line }
        return line.prefix(longestDerived - 1) + "…"
    }

    /// - Returns: the title without white space around it.
    /// - Throws: ``ChatError`` `.invalidField` for one that is empty, too long, or has control characters.
    public static func checked(_ raw: String, field: String = "title") throws(ChatError) -> String {
        let title = Prompt.trimmed(raw)
        guard (1...longest).contains(title.unicodeScalars.count) else {
            throw .invalid(field, "must have 1 to \(longest) characters")
        }
        let hasControls = title.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
        guard !hasControls else { throw .invalid(field, "must not contain control characters") }
        return title
    }
}

extension ChatPipeline {
    /// A title that its owner gives, without what would be removed from a question.
    ///
    /// - Throws: ``ChatError`` `.invalidField`.
    public func title(named raw: String, field: String = "title") throws(ChatError) -> String {
        let title = Prompt.trimmed(sanitizer.review(try ConversationTitle.checked(raw, field: field)).text)
        guard !title.isEmpty else { throw .invalid(field, "has nothing but markup") }
        return title
    }

    /// A title as it may be read: one that was cut from a question may have half of a code span, whose markup is none of
    /// the code's any more.
    public func shown(title: String) -> String {
        guard title.utf8.contains(UInt8(ascii: "<")) else { return title }
        let clean = Prompt.trimmed(sanitizer.review(title).text)
        return clean.isEmpty ? "…" : clean
    }
}

/// Part of a conversation.
public struct ConversationPage: Sendable {
    public enum View: Sendable {
        /// The branch that ends with a message; nil for the conversation's newest.
        case branch(ExchangeID?)
        /// All versions, in the order of their ids.
        case all
    }

    public let view: View
    /// Only what is above this message on its branch, or older, where all are shown; nil for the end.
    public let before: ExchangeID?
    public let limit: Int

    public init(_ view: View = .branch(nil), before: ExchangeID? = nil, limit: Int) {
        self.view = view
        self.before = before
        self.limit = limit
    }
}

/// What is to be deleted of a principal's texts.
public enum Deletion: Sendable, Hashable {
    case conversation(ConversationID)
    case everything
}

/// Keeps conversations as wholes. What a principal does not own is not there.
public protocol ConversationStore: Sendable {
    /// - Parameter before: only those whose newest exchange is older than this one.
    /// - Returns: the one with the newest exchange first.
    func conversations(of principal: Principal, limit: Int, before: ExchangeID?) async throws
        -> Result<[Conversation], Refusal>

    func conversation(_ id: ConversationID, of principal: Principal) async throws -> Result<Conversation?, Refusal>

    /// - Returns: nil for an unknown conversation; with it its messages, newest last, or nil when a message that the page
    ///   names is not in it.
    func conversation(_ id: ConversationID, of principal: Principal, _ page: ConversationPage) async throws
        -> Result<(conversation: Conversation, exchanges: [Exchange]?)?, Refusal>

    /// Deletes texts for good: when it returns they are neither in the store nor in any worker's memory. What is being
    /// asked meanwhile is answered, and none of it is kept. What it has used and cost stays.
    ///
    /// - Returns: how many exchanges; nil when there is no such conversation.
    func delete(_ deletion: Deletion, for principal: Principal) async throws -> Result<Int?, Refusal>

    /// - Parameter title: nil for the one that its first question gives it.
    func rename(_ id: ConversationID, to title: String?, for principal: Principal) async throws
        -> Result<Conversation?, Refusal>
}
