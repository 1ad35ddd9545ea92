import Chat

private let addition = Query(
    """
    INSERT INTO usage
        (day, user_id, model, provider, requests, prompt_tokens, completion_tokens, cached_prompt_tokens, cost, saved,
         unpriced, estimated)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        requests = requests + excluded.requests,
        prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        completion_tokens = completion_tokens + excluded.completion_tokens,
        cached_prompt_tokens = cached_prompt_tokens + excluded.cached_prompt_tokens,
        cost = \(saturated("cost")), saved = \(saturated("saved")),
        unpriced = unpriced + excluded.unpriced, estimated = estimated + excluded.estimated
    """)

/// As ``Money`` adds.
private func saturated(_ column: String) -> String {
    "iif(\(column) > \(Int64.max) - excluded.\(column), \(Int64.max), \(column) + excluded.\(column))"
}

/// What the exchanges of one transaction come to, by day, user, model and provider. It is written just before the
/// commit, with one statement a row, however many questions were committed together; what undoes the transaction undoes
/// it too.
struct UsageTally {
    /// What the exchanges of one row come to.
    struct Sums {
        var requests = 0
        var promptTokens = 0
        var completionTokens = 0
        var cachedPromptTokens = 0
        var cost = Money.zero
        var saved = Money.zero
        var unpriced = 0
        var estimated = 0
    }

    struct Key: Hashable {
        let day: Int64
        let user: String
        let model: String
        let provider: String

        static func < (one: Key, other: Key) -> Bool {
            (one.day, one.user, one.model, one.provider) < (other.day, other.user, other.model, other.provider)
        }
    }

    private var sums: [Key: Sums] = [:]

    var isEmpty: Bool { sums.isEmpty }
    /// In the order in which the table has them.
    var rows: [(key: Key, value: Sums)] { sums.sorted { $0.key < $1.key } }

    mutating func removeAll() {
        if !sums.isEmpty { sums.removeAll(keepingCapacity: true) }
    }

    mutating func add(_ exchange: Exchange, by user: UserID) {
        let (answer, usage) = (exchange.answer, exchange.answer.usage)
        let key = Key(
            day: exchange.created.stored / Self.day, user: user.rawValue, model: answer.model ?? "",
            provider: answer.provider ?? "")
        func count(_ sums: inout Sums) {
            sums.requests += 1
            sums.cost = sums.cost + (answer.cost ?? .zero)
            sums.saved = sums.saved + (answer.saved ?? .zero)
            // The tokens of a cached answer were those of the call that made it.
            guard !answer.isCached else { return }
            sums.promptTokens += usage.prompt
            sums.completionTokens += usage.completion
            sums.cachedPromptTokens += usage.cachedPrompt
            sums.unpriced += answer.cost == nil ? 1 : 0
            sums.estimated += usage.isEstimated ? 1 : 0
        }
        count(&sums[key, default: Sums()])
    }

    /// - Parameters:
    ///   - id: of a call of which nothing is known.
    ///   - count: 1, or -1 when something came to be known of it.
    mutating func addUnsettled(_ id: ExchangeID, by user: String, _ count: Int = 1) {
        let key = Key(day: id.created.stored / Self.day, user: user, model: "", provider: "")
        sums[key, default: Sums()].requests += count
        sums[key, default: Sums()].unpriced += count
    }

    /// Milliseconds.
    static let day: Int64 = 86_400_000
}

extension Statements {
    func writeUsage() throws {
        guard !usage.isEmpty else { return }
        for (key, sums) in usage.rows {
            try run(
                addition, key.day, key.user, key.model, key.provider, sums.requests, sums.promptTokens,
                sums.completionTokens, sums.cachedPromptTokens, sums.cost.picodollars, sums.saved.picodollars,
                sums.unpriced, sums.estimated)
        }
    }
}
