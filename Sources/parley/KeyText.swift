import API
import Chat
import FoundationEssentials

/// API keys, for people to read.
enum KeyText {
    static func made(_ key: APIKey, _ token: String) -> String {
        "\(description(of: key))\n\nIts secret, which is not shown again:\n\n    \(token)"
    }

    static func description(of key: APIKey) -> String {
        let grant = key.grant
        let lines: [(String, String?)] = [
            ("id", key.id.rawValue), ("name", name(of: key)), ("state", state(key)), ("begins with", key.prefix),
            ("created", seconds(key.created)), ("expires", grant.expires.map(seconds) ?? "never"),
            ("budget", grant.budget?.description ?? "none"), ("spent", "\(key.spent.dollars)usd"),
            ("requests a minute", grant.limits.requests.map(String.init)),
            ("tokens a minute", grant.limits.tokens.map(String.init)),
            ("calls at once", grant.limits.parallel.map(String.init)),
            ("models", grant.models?.joined(separator: ", ")),
            ("management", grant.isManagement ? "yes" : nil),
        ]
        return lines.compactMap { name, value in
            value.map { name + String(repeating: " ", count: 19 - name.count) + $0 }
        }.joined(separator: "\n")
    }

    static func table(_ keys: [APIKey]) -> String {
        let head = [
            "ID", "BEGINS WITH", "STATE", "CREATED", "EXPIRES", "SPENT", "BUDGET", "RPM", "TPM", "PARALLEL", "NAME",
        ]
        let rows = keys.map(row)
        let widths = head.indices.dropLast().map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return (cells + row.suffix(1)).joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private static func row(_ key: APIKey) -> [String] {
        let (grant, limits) = (key.grant, key.grant.limits)
        func cell(_ number: Int?) -> String { number.map(String.init) ?? "–" }
        var row = [key.id.rawValue, key.prefix, state(key), seconds(key.created)]
        row.append(grant.expires.map(seconds) ?? "–")
        row.append("\(key.spent.dollars)usd")
        row.append(grant.budget?.description ?? "–")
        return row + [cell(limits.requests), cell(limits.tokens), cell(limits.parallel), name(of: key)]
    }

    private static func name(of key: APIKey) -> String { LogOutput.printable(key.grant.name) }

    private static func state(_ key: APIKey) -> String {
        if key.isDisabled { return "revoked" }
        if let expires = key.grant.expires, expires <= Date() { return "expired" }
        return key.grant.isManagement ? "management" : "open"
    }

    private static func seconds(_ date: Date) -> String { date.iso8601.prefix(19) + "Z" }
}
