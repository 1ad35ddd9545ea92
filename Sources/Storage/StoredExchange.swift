import Chat
import FoundationEssentials

extension Answer.Origin {
    var stored: String {
        switch self {
        case .model: "model"
        case .cache: "cache"
        case .blocked: "held"
        }
    }

    fileprivate init(stored: String, model: String, provider: String) {
        self =
            switch stored {
            case "model": .model(name: model, provider: provider)
            case "cache": .cache(name: model, provider: provider)
            default: .blocked
            }
    }
}

extension Exchange {
    init(row: Columns) {
        let id = ExchangeID(number: row.integer(0))
        let finishReason = FinishReason(rawValue: row.text(13)) ?? .stop
        let answer = StoredAnswer(stored: row.text(11), finishReason)
        self.init(
            id: id,
            conversation: ConversationID(first: row.isNull(1) ? id : ExchangeID(number: row.integer(1))),
            parent: row.integer(15) == 0 ? nil : ExchangeID(number: row.integer(15)),
            question: row.text(10),
            answer: Answer(
                text: answer.text, toolCalls: answer.toolCalls,
                origin: Answer.Origin(stored: row.text(3), model: row.text(4), provider: row.text(5)),
                isStale: row.flag(12),
                usage: TokenUsage(prompt: row.int(6), completion: row.int(7), total: row.int(8)),
                finishReason: finishReason),
            danger: row.optionalText(9), created: Date(stored: row.integer(2)))
    }
}
