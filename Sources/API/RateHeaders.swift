import Chat

/// The headers that tell a client how the rates of its key stand, as OpenAI's servers send them
/// (platform.openai.com/docs/guides/rate-limits).
enum RateHeaders {
    static func headers(_ report: RateReport?) -> [(name: String, value: String)] {
        guard let report else { return [] }
        var headers: [(name: String, value: String)] = []
        for case (let name, let standing?) in [("requests", report.requests), ("tokens", report.tokens)] {
            headers.append(("x-ratelimit-limit-\(name)", String(standing.limit)))
            headers.append(("x-ratelimit-remaining-\(name)", String(standing.remaining)))
            headers.append(("x-ratelimit-reset-\(name)", duration(standing.reset)))
        }
        return headers
    }

    /// As Go writes durations, which is what OpenAI's servers send: `17ms`, `8.64s`, `6m0s`, `1h0m0s`.
    static func duration(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = max(0, seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
        if milliseconds == 0 { return "0s" }
        if milliseconds < 1_000 { return "\(milliseconds)ms" }
        let (hours, minutes) = (milliseconds / 3_600_000, milliseconds / 60_000 % 60)
        var fraction = String(milliseconds % 1_000 + 1_000).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        let rest = "\(milliseconds / 1_000 % 60)\(fraction.isEmpty ? "" : "." + fraction)s"
        return (hours > 0 ? "\(hours)h" : "") + (hours > 0 || minutes > 0 ? "\(minutes)m" : "") + rest
    }
}
