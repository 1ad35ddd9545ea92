import StrictJSON

/// An object of the contract that has a name in the document.
enum Component: String, CaseIterable, Sendable {
    case login = "Login"
    case loginMode = "LoginMode"
    case sentCode = "SentCode"
    case openedSession = "OpenedSession"
    case session = "Session"
    case endedSession = "EndedSession"
    case endedSessions = "EndedSessions"
    case contentQuestion = "ContentQuestion"
    case messageQuestion = "MessageQuestion"
    case regeneration = "Regeneration"
    case contentAnswer = "ContentAnswer"
    case messageAnswer = "MessageAnswer"
    case chatEvent = "ChatEvent"
    case startEvent = "StartEvent"
    case deltaEvent = "DeltaEvent"
    case doneEvent = "DoneEvent"
    case errorEvent = "ErrorEvent"
    case history = "History"
    case message = "Message"
    case userMessage = "UserMessage"
    case conversation = "Conversation"
    case conversationList = "ConversationList"
    case conversationPage = "ConversationPage"
    case conversationTitle = "ConversationTitle"
    case deletion = "Deletion"
    case tokenUsage = "TokenUsage"
    case completionRequest = "ChatCompletionRequest"
    case completionMessage = "ChatCompletionMessage"
    case tool = "Tool"
    case toolCall = "ToolCall"
    case completion = "ChatCompletion"
    case completionChunk = "ChatCompletionChunk"
    case completionEvent = "ChatCompletionEvent"
    case model = "Model"
    case modelList = "ModelList"
    case keyGrant = "KeyGrant"
    case keyRotation = "KeyRotation"
    case key = "Key"
    case newKey = "NewKey"
    case keyList = "KeyList"
    case usageRow = "UsageRow"
    case usageList = "UsageList"
    case life = "Life"
    case health = "Health"
    case error = "Error"
    case openAIError = "OpenAIError"

    var schema: Schema {
        switch self {
        case .login: ChatService.loginSchema
        case .loginMode: ChatService.loginModeSchema
        case .sentCode: ChatService.sentCodeSchema
        case .openedSession: ChatService.openedSessionSchema
        case .session: ChatService.sessionSchema
        case .endedSession: ChatService.endedSessionSchema
        case .endedSessions: ChatService.endedSessionsSchema
        case .contentQuestion: ChatDialect.questionSchema("content")
        case .messageQuestion: ChatDialect.questionSchema("message")
        case .regeneration: ChatDialect.regenerationSchema
        case .contentAnswer: ChatShape.contentAnswerSchema
        case .messageAnswer: ChatShape.messageAnswerSchema
        case .chatEvent: ChatShape.eventSchema
        case .startEvent: ChatShape.startEventSchema
        case .deltaEvent: ChatShape.deltaEventSchema
        case .doneEvent: ChatShape.doneEventSchema
        case .errorEvent: ChatShape.errorEventSchema
        case .history: ChatService.historySchema
        case .message: ChatService.messageSchema
        case .userMessage: ChatService.userMessageSchema
        case .conversation: ChatService.conversationSchema
        case .conversationList: ChatService.conversationListSchema
        case .conversationPage: ChatService.conversationPageSchema
        case .conversationTitle: ChatService.conversationTitleSchema
        case .deletion: ChatService.deletionSchema
        case .tokenUsage: JSONWriter.Members.usageSchema
        case .completionRequest: CompletionForm.schema
        case .completionMessage: CompletionForm.messageSchema
        case .tool: ToolForm.toolSchema
        case .toolCall: ToolForm.callSchema
        case .completion: CompletionDialect.replySchema
        case .completionChunk: CompletionDialect.chunkSchema
        case .completionEvent: CompletionDialect.eventSchema
        case .model: ChatService.modelSchema
        case .modelList: ChatService.modelListSchema
        case .keyGrant: ChatService.grantSchema
        case .keyRotation: ChatService.rotationSchema
        case .key: KeyReply.schema()
        case .newKey: KeyReply.schema(isNew: true)
        case .keyList: KeyReply.listSchema
        case .usageRow: UsageReply.schema
        case .usageList: UsageReply.listSchema
        case .life: ChatService.lifeSchema
        case .health: ChatService.healthSchema
        case .error: ChatDialect.errorSchema
        case .openAIError: CompletionDialect.errorSchema
        }
    }
}

/// How the contract writes names.
extension Schema {
    static func messageID(_ description: String = "The message's id.") -> Schema {
        .text(description, pattern: "^msg_[0-7][0-9a-f]{15}$")
    }

    static func conversationID(_ description: String = "The conversation that it is in.") -> Schema {
        .text(description, pattern: "^conv_[0-7][0-9a-f]{15}$")
    }

    static let sessionID = text("The session's id.", pattern: "^[A-Za-z0-9_-]{32}$")
    static let userID = text(
        "Who asks, without telling who it is: a keyed hash of the address, or the key's id.",
        pattern: "^(user_[0-9a-f]{32}|key_[0-9a-f]{16})$")
    static let keyID = text("The key's id.", pattern: "^key_[0-9a-f]{16}$")
}
