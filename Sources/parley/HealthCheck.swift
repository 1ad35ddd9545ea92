import FoundationEssentials
import StrictJSON

/// What a deployment says of itself under /health.
struct HealthCheck {
    let service: DeployedService
    let reply: DeployedService.Reply

    /// - Returns: whether this is Parley.
    func run(_ report: (Finding) -> Void) -> Bool {
        guard let json = reply.json, let status = json["status"]?.string, let version = json["version"]?.string,
            let database = json["database"]?.string, let answers = json["ai_service"]?.string
        else {
            report(
                .wrong(
                    "health", "\(service.base)/health is not Parley's: it answers \(reply.summary)",
                    mend: reply.location == nil
                        ? "check the address, and that nginx passes all paths to Parley"
                        : "give the address that this leads to, if Parley is there"))
            return false
        }
        let outbox = json["components"]?["outbox"]?.array ?? []
        let isMailTaken = json["components"]?["mail"]?.string != "failing"
        report(Self.status(status, version, answers, outbox, isMailTaken))
        report(
            database == "connected"
                ? .well("database", database)
                : .wrong("database", database, mend: "run `parley check` on that machine: it names the cause"))
        report(Self.providers(json, answers))
        for one in outbox { report(Self.outbox(one)) }
        if !isMailTaken {
            report(
                .warning(
                    "mail", "the mail server did not take the last code",
                    mend: "run `parley check` there: it asks the mail server"))
        }
        return true
    }

    private static func status(
        _ status: String, _ version: String, _ answers: String, _ outbox: [JSON], _ isMailTaken: Bool
    ) -> Finding {
        switch status {
        case "healthy": return .well("health", "\(status), version \(version)")
        case "degraded":
            var causes: [String] = []
            if ["degraded", "unavailable"].contains(answers) { causes.append("providers are left alone") }
            if outbox.contains(where: { !isSending($0) }) { causes.append("the outbox stands still") }
            if !isMailTaken { causes.append("mail is not taken") }
            if causes.isEmpty { causes.append("it does not say why") }
            return .warning(
                "health", "\(status) (\(causes.joined(separator: ", "))), version \(version)",
                mend: "it serves; see what is said of each part below")
        default:
            return .wrong(
                "health", "\(status), version \(version)",
                mend: "see the database below, and `parley check` there")
        }
    }

    private static func providers(_ json: JSON, _ answers: String) -> Finding {
        let left = (json["components"]?["providers"]?.array ?? []).filter { $0["circuit"]?.string != "closed" }
            .map { "\($0["name"]?.string ?? "?") (\($0["cause"]?.string ?? "no cause"))" }.joined(separator: ", ")
        return switch answers {
        case "available": .well("providers", answers)
        case "echo":
            .warning("providers", "an answer only echoes the question", mend: "give a provider's key: CHAT_…_API_KEY")
        case "degraded":
            .warning("providers", "left alone: \(left)", mend: "run `parley check` there: it asks each provider")
        default:
            .wrong("providers", "\(answers): \(left)", mend: "run `parley check` there: it asks each provider")
        }
    }

    private static func isSending(_ one: JSON) -> Bool { one["state"]?.string == "sending" }

    /// One kind of those that are told of exchanges.
    private static func outbox(_ one: JSON) -> Finding {
        let (state, dead) = (one["state"]?.string ?? "?", one["dead"]?.int ?? 0)
        var text = "\(one["kind"]?.string ?? "?"): \(state), \(one["pending"]?.int ?? 0) pending"
        if let age = one["oldest_ms"]?.int { text += " (the oldest for \(StatusTable.span(Double(age) / 1_000)))" }
        if dead > 0 { text += ", \(dead) given up" }
        if !isSending(one) {
            let then = state == "stopped" ? "; nothing is sent before a reload or --retry" : ""
            return .warning("outbox", text, mend: "run `parley outbox` there: it has the last failure\(then)")
        }
        return dead > 0
            ? .warning("outbox", text, mend: "run `parley outbox --retry` there: it sends them again")
            : .well("outbox", text)
    }
}
