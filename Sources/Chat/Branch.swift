/// Where a question stands in a conversation.
public enum Position: Sendable, Hashable {
    /// Below the newest message.
    case end(of: ConversationID)
    /// Below nothing, in a conversation that is there already.
    case beginning(of: ConversationID)
    /// Below a message, in the conversation that it is in.
    ///
    /// - Parameter conversation: which that must be; nil for any.
    case below(ExchangeID, in: ConversationID?)
    /// Where a message is, whose question is asked anew.
    case again(ExchangeID)
}

/// What is above a question in its conversation.
///
/// An exchange may be followed by several: a question that was edited, or asked anew, leaves the one before it. A branch is
/// an exchange and all that it follows; the current one ends with the conversation's newest exchange.
public struct Branch: Sendable {
    public let conversation: ConversationID
    /// The exchange that the question follows; nil for a beginning.
    public let parent: ExchangeID?
    /// The exchanges above, oldest first, each as its question and its answer. No blocked one is among them.
    public let messages: [ChatMessage]
    /// The exchange whose question is asked anew.
    public let original: Exchange?

    public init(
        conversation: ConversationID, parent: ExchangeID?, messages: [ChatMessage], original: Exchange? = nil
    ) {
        self.conversation = conversation
        self.parent = parent
        self.messages = messages
        self.original = original
    }
}
