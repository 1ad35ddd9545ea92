public import Chat
import StrictJSON

/// What questions have come to in JSON, from the program's route and its command line alike.
public enum UsageReply {
    public static func array(_ rows: [UsageRow], by grouping: UsageGrouping) -> [UInt8] {
        JSONWriter.array(capacity: 256 * rows.count) { list in
            for row in rows { list.object { describe(row, grouping, &$0) } }
        }
    }

    /// In the form of OpenAI's lists.
    static func list(_ rows: [UsageRow], by grouping: UsageGrouping) -> [UInt8] {
        JSONWriter.object(capacity: 256 * rows.count + 64) { json in
            json.member("object", "list")
            json.array("data") { list in
                for row in rows { list.object { describe(row, grouping, &$0) } }
            }
        }
    }

    private static func describe(_ row: UsageRow, _ grouping: UsageGrouping, _ json: inout JSONWriter.Members) {
        json.member(named: grouping.rawValue, row.group)
        if grouping == .key { json.member("name", row.name) }
        json.member("requests", row.requests)
        json.member("prompt_tokens", row.promptTokens)
        json.member("completion_tokens", row.completionTokens)
        json.member("cost_picodollars", row.cost?.picodollars)
        json.member("unpriced", row.unpriced)
        json.member("saved_picodollars", row.saved.picodollars)
        json.member("estimated", row.estimated)
    }
}

extension UsageReply {
    static let schema = Schema.record(
        "What the questions of one key, model or day have come to. A dollar is 1,000,000,000,000 pico-dollars.",
        [
            "key": .text("The key's id; null for all sessions together.").orNull,
            "name": .text("The key's name; null for all sessions together.").orNull,
            "model": .text("The model's name; null when none was asked.").orNull,
            "day": .text("In UTC.", format: "date"),
            "requests": .whole("Every answer is one, cached ones too."), "prompt_tokens": .whole("Of calls."),
            "completion_tokens": .whole("Of calls."),
            "cost_picodollars": .whole("The sum of what is known; null where nothing is.").orNull,
            "unpriced": .whole("Requests whose cost nobody knows: they are in no sum."),
            "saved_picodollars": .whole("What cached answers would have cost."),
            "estimated": .whole("Requests whose tokens the provider did not count."),
        ], optional: ["key", "name", "model", "day"])

    static let listSchema = Schema.record([
        "object": .word("", ["list"]),
        "data": .list("Days in their order; keys and models with the dearest first.", of: .reference(.usageRow)),
    ])
}
