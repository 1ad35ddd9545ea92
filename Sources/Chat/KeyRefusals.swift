import FoundationEssentials

/// What the holder of an API key is told when it is refused.
extension ChatError {
    static func rateLimited(_ limit: RateLimit, _ refusal: RateRefusal, _ report: RateReport) -> ChatError {
        let what =
            switch limit {
            case .requests(let count): "The key may make \(count) requests a minute"
            case .tokens(let count, let needed):
                "The key may use \(count) tokens a minute, and this request may need \(needed)"
            case .parallel(let count): "The key may have \(count) calls under way at once"
            }
        switch refusal {
        case .after(let wait):
            let (seconds, attoseconds) = wait.components
            let whole = max(1, Int(seconds) + (attoseconds > 0 ? 1 : 0))
            return ChatError(.rateLimited, "\(what); try again in \(whole) s", retryAfter: whole, rates: report)
        case .never:
            return ChatError(
                .rateLimited, "\(what), which is never free at once; shorten it or lower max_tokens", rates: report)
        }
    }

    static func budgetSpent(_ budget: Budget, until end: Date?) -> ChatError {
        let day =
            end.map { "; it begins anew on \($0.formatted(.iso8601.year().month().day())), at midnight UTC" } ?? ""
        return ChatError(.budgetSpent, "The key's budget of \(budget) is spent, or what is left may not suffice\(day)")
    }
}
