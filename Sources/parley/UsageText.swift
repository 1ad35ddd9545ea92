import Chat

/// What questions have come to, for people and for spreadsheets.
enum UsageText {
    /// Amounts in dollars.
    static func table(_ rows: [UsageRow], by grouping: UsageGrouping) -> String {
        let numbers = ["REQUESTS", "PROMPT", "COMPLETION", "COST", "UNPRICED", "SAVED", "ESTIMATED"]
        let labels = grouping == .key ? ["NAME", "KEY"] : [grouping.rawValue.uppercased()]
        let cells = rows.map { row in
            let label = row.group ?? "–"
            return (grouping == .key ? [row.name ?? "–", label] : [label]) + [
                "\(row.requests)", "\(row.promptTokens)", "\(row.completionTokens)",
                row.cost.map { "\($0.dollars)usd" } ?? "–", "\(row.unpriced)", "\(row.saved.dollars)usd",
                "\(row.estimated)",
            ]
        }
        let all = [labels + numbers] + cells
        let widths = all[0].indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column < labels.count ? row[column] + space : space + row[column]
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// As RFC 4180 has it: a first line of names, and nothing where nobody knows.
    static func csv(_ rows: [UsageRow], by grouping: UsageGrouping) -> String {
        let names =
            (grouping == .key ? ["key", "name"] : [grouping.rawValue]) + [
                "requests", "prompt_tokens", "completion_tokens", "cost_picodollars", "unpriced", "saved_picodollars",
                "estimated",
            ]
        let lines = rows.map { row in
            (grouping == .key ? [field(row.group), field(row.name)] : [field(row.group)]) + [
                "\(row.requests)", "\(row.promptTokens)", "\(row.completionTokens)",
                row.cost.map { "\($0.picodollars)" } ?? "", "\(row.unpriced)", "\(row.saved.picodollars)",
                "\(row.estimated)",
            ]
        }
        return ([names] + lines).map { $0.joined(separator: ",") }.joined(separator: "\r\n")
    }

    /// The name of a key is whatever somebody has called it.
    private static func field(_ text: String?) -> String {
        guard let text else { return "" }
        guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
