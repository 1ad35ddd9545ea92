import Synchronization

/// One message of a conversation, by whom it was said.
public struct ChatMessage: Sendable, Hashable {
    public enum Role: String, Sendable { case system, user, assistant, tool }

    public let role: Role
    /// Tells participants of the same role apart; nil for none.
    public let name: String?
    public let text: String
    /// What an assistant asked to be called: a JSON array in OpenAI's form, as the caller wrote it; nil for nothing.
    public let toolCalls: String?
    /// Of a tool's message: the call whose result it is.
    public let toolCallID: String?

    public init(role: Role, name: String? = nil, text: String, toolCalls: String? = nil, toolCallID: String? = nil) {
        self.role = role
        self.name = name
        self.text = text
        self.toolCalls = toolCalls
        self.toolCallID = toolCallID
    }

    func with(_ text: String) -> ChatMessage {
        ChatMessage(role: role, name: name, text: text, toolCalls: toolCalls, toolCallID: toolCallID)
    }

    public static func user(_ text: String) -> ChatMessage { ChatMessage(role: .user, text: text) }
}

/// What a caller wants answered, in whatever dialect it was said.
///
/// Either the request has all of the conversation in its messages, or it says where it stands in one that the ledger holds;
/// what is above it there then goes before its messages.
public struct ChatRequest: Sendable {
    /// What the caller may decide of the answer; what is nil the operator decides (``ChatPolicy``).
    public struct Parameters: Sendable, Hashable {
        /// Sampling temperature, 0 to 2.
        public var temperature: Double?
        /// The most tokens that the answer may have.
        public var maxTokens: Int?
        public var sampling: Sampling
        /// Nil for none.
        public var tools: Tools?

        public init(
            temperature: Double? = nil, maxTokens: Int? = nil, sampling: Sampling = Sampling(), tools: Tools? = nil
        ) {
            self.tools = tools
            self.temperature = temperature
            self.maxTokens = maxTokens
            self.sampling = sampling
        }
    }

    /// Oldest first, at least one; the last one is answered.
    public private(set) var messages: [ChatMessage]
    /// The request's own name for the text of the last message, for error messages.
    public let field: String
    /// Nil for a conversation of its own.
    public let position: Position?
    /// The model that is wanted, by any of its names; nil for any.
    public internal(set) var model: String?
    /// The models that may answer, by their own names and in the order of fallback; nil for all.
    public internal(set) var models: [String]?
    public let parameters: Parameters
    public var cacheControl = CacheControl.none
    /// Nil where it cannot be stopped.
    public private(set) var withdrawal: Withdrawal?

    /// The same, as it can be stopped.
    public func stopped(by withdrawal: Withdrawal) -> ChatRequest {
        var request = self
        request.withdrawal = withdrawal
        return request
    }

    /// What is answered.
    public var message: ChatMessage { messages[messages.count - 1] }

    /// The question as it is recorded: the last message, or the results of all tools that were called together.
    ///
    /// - Parameter text: what the last message became.
    func recorded(_ text: String) -> String {
        guard message.role == .tool else { return text }
        let results = messages.reversed().prefix { $0.role == .tool }.reversed()
        return results.map(\.text).joined(separator: "\n")
    }

    /// - Throws: ``ChatError`` `.invalidField` when there is no message.
    public init(
        messages: [ChatMessage], field: String, at position: Position? = nil, model: String? = nil,
        parameters: Parameters = Parameters()
    ) throws(ChatError) {
        guard !messages.isEmpty else { throw .invalid(field, "must not be empty") }
        self.messages = messages
        self.field = field
        self.position = position
        self.model = model
        self.parameters = parameters
    }
}

/// Whether the caller of a question that can be stopped has stopped it. Where others wait for the answer, its call goes on.
public final class Withdrawal: Sendable {
    private let isDone = Atomic(false)

    public init() {}

    var isWithdrawn: Bool { isDone.load(ordering: .relaxed) }

    func withdraw() { isDone.store(true, ordering: .relaxed) }
}

/// What a caller may say of how an answer is made, beside temperature and length; nil is the provider's own choice.
public struct Sampling: Sendable, Hashable {
    /// The form of the answer.
    public enum Format: Sendable, Hashable {
        case jsonObject
        /// A JSON text: an object with `name`, `schema` and the like, as OpenAI has it and as the caller wrote it: a model
        /// writes members in the schema's order.
        case jsonSchema(String)
    }

    /// 0 to 1.
    public var topP: Double?
    /// Texts before which the answer ends, four at most.
    public var stop: [String] = []
    public var seed: Int?
    /// -2 to 2.
    public var presencePenalty: Double?
    /// -2 to 2.
    public var frequencyPenalty: Double?
    /// The provider's own word for it, such as `low`.
    public var reasoningEffort: String?
    /// The provider's own word for it.
    public var verbosity: String?
    public var format: Format?

    public init() {}
}

extension ChatRequest {
    /// Unicode scalars of a question, which is what clients count as characters.
    public static let maximumQuestionLength = 10_000

    /// A question of 1 to 10,000 characters after trimming, alone or in a conversation.
    ///
    /// - Throws: ``ChatError`` `.invalidField`.
    public init(question: String, field: String, at position: Position? = nil) throws(ChatError) {
        let text = Prompt.trimmed(question)
        guard !text.isEmpty else { throw .invalid(field, "must not be empty") }
        let length = text.unicodeScalars.count
        guard length <= Self.maximumQuestionLength else {
            throw .invalid(field, "must have at most \(Self.maximumQuestionLength) characters, has \(length)")
        }
        try self.init(messages: [.user(text)], field: field, at: position)
    }

    /// The question of a message, asked anew: the ledger knows its text.
    public init(regenerating id: ExchangeID, field: String) {
        messages = [.user("")]
        self.field = field
        position = .again(id)
        parameters = Parameters()
    }

    /// - Returns: the request with the text that the ledger knows.
    func asking(_ question: String) -> ChatRequest {
        var request = self
        request.messages = [.user(question)]
        return request
    }
}
