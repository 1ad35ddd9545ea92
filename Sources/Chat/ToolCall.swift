internal import FoundationEssentials

/// The functions that a model may ask its caller to call, as the caller wrote them: JSON texts in OpenAI's form, checked where
/// they came in.
public struct Tools: Sendable, Hashable {
    /// `tools`: an array of functions, at least one.
    public let definitions: String
    /// `tool_choice`: a word or an object; nil for the model's own choice.
    public let choice: String?
    /// `parallel_tool_calls`: whether an answer may have several calls; nil for the model's own choice.
    public let parallelCalls: Bool?

    public init(definitions: String, choice: String? = nil, parallelCalls: Bool? = nil) {
        self.definitions = definitions
        self.choice = choice
        self.parallelCalls = parallelCalls
    }
}

/// What a model asks its caller to do.
public struct ToolCall: Sendable, Hashable {
    /// What the result is sent back under.
    public let id: String
    public let name: String
    /// A JSON text, if the model kept to it.
    public let arguments: String
    /// Gemini's own mark, which has to come back with the call.
    public let thoughtSignature: String?

    public init(id: String, name: String, arguments: String, thoughtSignature: String? = nil) {
        self.id = id
        self.name = name
        self.arguments = arguments
        self.thoughtSignature = thoughtSignature
    }
}

/// A piece of an answer, in the order in which it came.
public enum AnswerDelta: Sendable, Hashable {
    case text(String)
    case toolCall(ToolCallDelta)
}

/// A piece of a call: the first one has its id, and its name as a rule; the others add to the arguments.
public struct ToolCallDelta: Sendable, Hashable {
    /// Which call of the answer, from zero.
    public let index: Int
    public let id: String?
    public let name: String?
    public let arguments: String
    public let thoughtSignature: String?

    public init(index: Int, id: String?, name: String?, arguments: String, thoughtSignature: String? = nil) {
        self.index = index
        self.id = id
        self.name = name
        self.arguments = arguments
        self.thoughtSignature = thoughtSignature
    }

    /// A whole call in one piece.
    init(_ call: ToolCall, index: Int) {
        self.init(
            index: index, id: call.id, name: call.name, arguments: call.arguments,
            thoughtSignature: call.thoughtSignature)
    }
}

/// Text and calls as the one text that stores keep and history shows: an answer with calls is a JSON object with `content` and
/// `tool_calls`, as OpenAI's message has them, and its finish reason tells it from an answer that only looks like one.
public struct StoredAnswer: Sendable, Hashable {
    public let text: String
    public let toolCalls: [ToolCall]

    public init(text: String, toolCalls: [ToolCall]) {
        self.text = text
        self.toolCalls = toolCalls
    }

    public init(stored: String, _ finishReason: FinishReason) {
        if finishReason == .toolCalls, let message = try? JSONDecoder().decode(Message.self, from: Data(stored.utf8)) {
            self.init(text: message.content ?? "", toolCalls: message.toolCalls.map(\.call))
        } else {
            self.init(text: stored, toolCalls: [])
        }
    }

    public func stored(_ finishReason: FinishReason) -> String {
        guard finishReason == .toolCalls else { return text }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let message = Message(content: text.isEmpty ? nil : text, toolCalls: toolCalls.map(Message.Call.init))
        guard let json = try? encoder.encode(message) else { return text }
        return String(decoding: json, as: UTF8.self)
    }

    private struct Message: Codable {
        struct Call: Codable {
            struct Function: Codable {
                let name: String
                let arguments: String
            }

            let id: String
            let type: String
            let function: Function
            let thoughtSignature: String?

            init(_ call: ToolCall) {
                id = call.id
                type = "function"
                function = Function(name: call.name, arguments: call.arguments)
                thoughtSignature = call.thoughtSignature
            }

            enum CodingKeys: String, CodingKey {
                case id, type, function
                case thoughtSignature = "thought_signature"
            }

            var call: ToolCall {
                ToolCall(
                    id: id, name: function.name, arguments: function.arguments, thoughtSignature: thoughtSignature)
            }
        }

        let content: String?
        let toolCalls: [Call]

        enum CodingKeys: String, CodingKey {
            case content
            case toolCalls = "tool_calls"
        }
    }
}
