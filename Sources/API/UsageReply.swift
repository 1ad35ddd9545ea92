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
